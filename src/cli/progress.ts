/*
 * How far a long run is, on standard error: a bar on a terminal, which is wiped at the end; a line every few seconds
 * elsewhere, if it was asked for. Nothing of it is ever part of the output.
 */
import { escapeLine } from "../report/escape.ts";

export interface Progress {
  /** Says where the run is; cheap, as most calls print nothing. */
  report(step: Step): void;
  /** Wipes the bar. */
  clear(): void;
}

interface Step {
  /** What is being done: `comparing`, `analysing`. */
  readonly verb: string;
  readonly done: number;
  /** 0: not known yet. */
  readonly of: number;
  /** The object that is at hand. */
  readonly name: string;
}

/** What progress is written to; a terminal knows its width. */
export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** Milliseconds between two lines, two bars, and before the first bar: what is quick needs none. */
const LINE_INTERVAL = 3000;
const BAR_INTERVAL = 100;
const FIRST_BAR = 400;
const BAR_WIDTH = 24;
/** Narrower than this, a terminal shows numbers only. */
const NARROW = 60;

const SILENT: Progress = { report: () => {}, clear: () => {} };

/** The progress for a stream; `wanted` is --progress. `now` tells milliseconds. */
export function createProgress(
  stream: ProgressStream,
  options: { readonly wanted: boolean; readonly quiet: boolean; readonly colour: boolean },
  now: () => number = () => performance.now(),
): Progress {
  if (options.quiet || !(stream.isTTY || options.wanted)) return SILENT;
  const begin = now();
  let last = begin - (stream.isTTY ? BAR_INTERVAL - FIRST_BAR : 0);
  let isShown = false;
  let phase = { verb: "", begin, done: 0 };
  return {
    report(step) {
      const at = now();
      if (step.verb !== phase.verb) phase = { verb: step.verb, begin: at, done: step.done };
      if (at - last < (stream.isTTY ? BAR_INTERVAL : LINE_INTERVAL)) return;
      last = at;
      const rate = at > phase.begin ? ((step.done - phase.done) * 1000) / (at - phase.begin) : 0;
      if (stream.isTTY) {
        stream.write(`\r\x1b[K${barText(step, rate, stream.columns ?? 80, options.colour)}`);
        isShown = true;
      } else stream.write(`elfsplice: ${escapeLine(stepText(step, rate))}\n`);
    },
    clear() {
      if (isShown) stream.write("\r\x1b[K");
      isShown = false;
    },
  };
}

function stepText({ verb, done, of, name }: Step, rate: number): string {
  const count = of > 0 ? `${done} of ${of}` : `${done}`;
  const speed = rate >= 1 ? `, ${Math.round(rate)}/s` : "";
  return `${verb} ${count}${speed}${name === "" ? "" : `: ${name}`}`;
}

/** One line that is never wider than the terminal, or it could not be wiped. */
export function barText(step: Step, rate: number, columns: number, colour: boolean): string {
  const room = Math.max(10, columns - 1);
  const text = escapeLine(stepText(step, rate));
  const fits = [...text];
  if (step.of === 0 || columns < NARROW) return fits.slice(0, room).join("");
  const filled = Math.round((BAR_WIDTH * Math.min(step.done, step.of)) / step.of);
  const bar = `${"█".repeat(filled)}${"░".repeat(BAR_WIDTH - filled)}`;
  const rest = fits.slice(0, room - BAR_WIDTH - 1).join("");
  return `${colour ? `\x1b[36m${bar}\x1b[0m` : bar} ${rest}`;
}
