/*
 * Run-pre matching: the object that was compiled before the patch against the system that runs. `f` is found by its name, and its
 * code refers to `g`, `table` and a string; so their addresses are known now, too. `g` may be one of several static functions of
 * that name: the one that `f` calls is the right one, if its code is equal. `table` must hold what the object's table holds. What they
 * refer to is known next, and so on until nothing is left. Every address that is implied twice must be the same both times.
 *
 * A span is matched only when exactly one candidate survives, or when its section's other code tells which one. Ksplice: kmodsrc/ksplice.c, match_change_sections.
 */

import { STB } from "../elf/constants.ts";
import { hex } from "../hex.ts";
import type { RunImage } from "../image/image.ts";
import { RunTables } from "../image/run-tables.ts";
import { numberedBase } from "../spans/names.ts";
import { isCode } from "../spans/section-kind.ts";
import type { Span, SpanTable } from "../spans/span.ts";
import { isThreadLiteral } from "../spans/thread-literals.ts";
import { candidatesByLanding, candidatesByName } from "./candidates.ts";
import { checkThreadFields } from "./compare/bytewise.ts";
import { compareSpan } from "./compare/compare-span.ts";
import type { Mismatch, OffsetMap } from "./compare/mismatch.ts";
import { bindAddress, type Context, interiorConflict, meantAddress, mismatchAt, wrap } from "./context.ts";
import { bindSlot } from "./slots.ts";
import type { SpanMatch } from "./span-match.ts";
import { addressInFile, FILE_RULE, fileOf } from "./tolerances/file-block.ts";
import { addressBesides, matchedBySection, NEIGHBOURS_RULE } from "./tolerances/neighbours.ts";
import { checkTables } from "./tolerances/table-check.ts";
import { type InteriorReference, newTrial, type Origin, type Trial, Values } from "./values.ts";
import { isCompared, isReplaced, isText, isWanted } from "./wanted-spans.ts";
import { isOverridden } from "./weak.ts";

export type { SpanMatch } from "./span-match.ts";

/** The state of matching all spans of all objects of an update. */
export interface RunPre {
  readonly context: Context;
  readonly matches: readonly SpanMatch[];
  /** By object, then by span id; undefined for spans that are not looked for. */
  readonly byObject: readonly (readonly (SpanMatch | undefined)[])[];
}

/** What the caller may add. */
export interface RunPreOptions {
  /** Candidates of a text span that no name and no reference leads to. */
  readonly search?: ((span: Span) => readonly bigint[]) | undefined;
  /** What the objects belong to, where the run system's symbols tell modules apart. */
  readonly target?: string | undefined;
}

/** Matches every span of the objects that the run system can have. */
export function matchRunPre(tables: readonly SpanTable[], image: RunImage, options: RunPreOptions = {}): RunPre {
  return new RunPreMatcher(tables, image, options).matchAll();
}

class RunPreMatcher {
  readonly #context: Context;
  readonly #values = new Values();
  readonly #maps = new Map<Span, OffsetMap>();
  readonly #matches: SpanMatch[] = [];
  readonly #byObject: (SpanMatch | undefined)[][] = [];
  readonly #matchOf = new Map<Span, SpanMatch>();
  readonly #landings = new Map<Span, InteriorReference[]>();
  readonly #options: RunPreOptions;
  readonly #tables: RunTables;
  /** Spans whose address became known and whose contents were not yet looked at. */
  #located: Span[] = [];

  constructor(tables: readonly SpanTable[], image: RunImage, options: RunPreOptions) {
    this.#options = options;
    this.#tables = new RunTables(image);
    const definitions = new Map<string, { span: Span; offset: number }>();
    for (const [object, table] of tables.entries()) {
      const own: (SpanMatch | undefined)[] = new Array(table.spans.length);
      this.#byObject.push(own);
      for (const span of table.spans) {
        for (const { symbol, offset } of span.symbols) {
          if (symbol.bind === STB.LOCAL || definitions.has(symbol.name) || isOverridden(image, symbol)) continue;
          definitions.set(symbol.name, { span, offset });
        }
        if (!isWanted(span)) continue;
        const match: SpanMatch = {
          span,
          object,
          status: "unmatched",
          address: undefined,
          candidates: [],
          rules: [],
          blocks: [],
          mismatch: undefined,
          overridden: isReplaced(span, image),
        };
        own[span.id] = match;
        this.#matches.push(match);
        this.#matchOf.set(span, match);
      }
    }
    this.#context = {
      image,
      arch: image.arch,
      values: this.#values,
      maps: this.#maps,
      definition: (name) => definitions.get(name),
      module: options.target === "vmlinux" ? undefined : options.target,
    };
  }

  matchAll(): RunPre {
    this.#fillText();
    // From here on no name and no reference from text matches anything more.
    this.#placeByName();
    this.#fillText();
    this.#readData();
    this.#fillText();
    while (this.#matchTwins()) this.#fillText();
    // From here on every span is matched, or has the reason why not.
    return { context: this.#context, matches: this.#matches, byObject: this.#byObject };
  }

  /** Tries all text that is not matched, again and again, as long as one round matches something. */
  #fillText(): void {
    const text = this.#matches.filter(({ span }) => isCode(span.kind));
    for (let progress = true; progress; ) {
      progress = this.#matchLocated();
      for (const match of text) {
        if (match.status !== "matched" && this.#tryAll(match)) progress = true;
      }
    }
  }

  /** Of several places that fit equally, the one between the neighbours in the section. */
  #matchTwins(): boolean {
    let progress = false;
    for (const matches of this.#byObject) {
      const twins = matches.filter((match) => match?.status === "ambiguous" && isCode(match.span.kind)) as SpanMatch[];
      if (twins.length === 0) continue;
      const mates = matchedBySection(matches);
      for (const match of twins) {
        const besides = addressBesides(match, mates.get(match.span.section) ?? []);
        const address = besides ?? this.#inOwnFile(match.span, matches);
        const rule = besides === undefined ? FILE_RULE.name : NEIGHBOURS_RULE.name;
        if (address === undefined || !match.candidates.includes(address)) continue;
        const trial = newTrial();
        const result = this.#try(match.span, address, trial);
        if (result.mismatch !== undefined) continue;
        this.#commit(match, address, trial, { ...result, rules: new Set([...result.rules, rule]) });
        progress = true;
      }
    }
    return progress;
  }

  /** Where a static of a name that several files have is by the file of the object's other locals. */
  #inOwnFile({ symbol, entry }: Span, matches: readonly (SpanMatch | undefined)[]): bigint | undefined {
    if (symbol === undefined) return undefined;
    const { image, arch } = this.#context;
    const address = addressInFile(image, symbol.name, fileOf(image, matches));
    return address === undefined ? undefined : wrap(arch, address - BigInt(entry));
  }

  /** Tries every candidate; exactly one survivor matches the span. */
  #tryAll(match: SpanMatch): boolean {
    const { span } = match;
    const candidates = this.#candidatesOf(span);
    const { mismatch: before } = match;
    const isFinal = match.status === "unmatched" && before !== undefined && before.waits !== true;
    if (isFinal && sameList(candidates, match.candidates)) {
      return false;
    }
    match.candidates = candidates;
    const survivors: { address: bigint; trial: Trial; result: Survivor }[] = [];
    let mismatch: Mismatch | undefined;
    for (const address of candidates) {
      const trial = newTrial();
      const result = this.#try(span, address, trial);
      if (result.mismatch === undefined) survivors.push({ address, trial, result });
      else if (mismatch === undefined || result.mismatch.offset > mismatch.offset) mismatch = result.mismatch;
    }
    const [only, second] = survivors;
    match.mismatch = mismatch;
    match.status = second === undefined ? "unmatched" : "ambiguous";
    if (only === undefined || second !== undefined) return false;
    this.#commit(match, only.address, only.trial, only.result);
    return true;
  }

  #candidatesOf(span: Span): readonly bigint[] {
    const known = this.#values.get(span);
    if (known !== undefined) return [known];
    const named = candidatesByName(this.#context, span);
    if (named.length > 0) return named;
    const landed = candidatesByLanding(this.#context, this.#landings.get(span) ?? []);
    if (landed.length > 0) return landed;
    return isCode(span.kind) ? (this.#options.search?.(span) ?? []) : [];
  }

  /** Compares a span with one candidate and everything that has to be right then, too. */
  #try(span: Span, address: bigint, trial: Trial): Survivor | { readonly mismatch: Mismatch } {
    const context = this.#context;
    trial.addresses.set(span, address);
    const result = compareSpan(context, trial, span, address);
    if (result.mismatch !== undefined) return result;
    const landing = this.#wrongLanding(span, address, trial, result);
    if (landing !== undefined) return { mismatch: this.#mismatch(span, 0, address, landing) };
    const startOf = (offset: number): bigint | undefined => {
      const runOffset = result.map === undefined ? offset : result.map.startOf(offset);
      return runOffset === undefined ? undefined : wrap(context.arch, address + BigInt(runOffset));
    };
    const { missing, rules } = checkTables(context, trial, this.#tables, span, startOf);
    if (missing !== undefined) {
      const place = startOf(missing.offset) ?? address;
      return { mismatch: this.#mismatch(span, missing.offset, place, missing.why) };
    }
    const text = this.#wrongText(span, trial);
    if (text !== undefined) return { mismatch: this.#mismatch(span, 0, address, text) };
    return { ...result, rules: new Set([...result.rules, ...rules, ...trial.rules]) };
  }

  #mismatch(span: Span, offset: number, address: bigint, why: string): Mismatch {
    return mismatchAt(span, offset, address, this.#context.image.memory.read(address, 16) ?? new Uint8Array(0), why);
  }

  /** A reference into the middle of the span, seen before or in itself, that lands elsewhere. */
  #wrongLanding(span: Span, address: bigint, trial: Trial, { map }: Survivor): string | undefined {
    const own = trial.landings.filter((landing) => landing.span === span);
    for (const { offset, address: landed } of [...(this.#landings.get(span) ?? []), ...own]) {
      const why = interiorConflict(map, span, offset, Number(BigInt.asIntN(64, landed - address)));
      if (why !== undefined) return why;
    }
    return undefined;
  }

  /** A string or constant that the trial leads to and that is another one in the run system. */
  #wrongText(span: Span, trial: Trial): string | undefined {
    for (const [key, place] of trial.addresses) {
      if (typeof key === "string" || key === span) continue;
      if (key.kind === "toc") {
        const why = this.#wrongPointer(key, trial, place);
        if (why !== undefined) return why;
      }
      if (!isCode(key.kind) && isThreadLiteral(key)) {
        const why = checkThreadFields(this.#context, trial, key, place);
        if (why !== undefined) return why;
      }
      if (!isText(key)) continue;
      const { mismatch } = compareSpan(this.#context, newTrial(), key, place);
      if (mismatch !== undefined) return `the ${key.kind} it refers to differs at ${hex(mismatch.offset)}`;
    }
    return undefined;
  }

  /** An entry of the TOC that holds another pointer in the run system. */
  #wrongPointer(entry: Span, trial: Trial, place: bigint): string | undefined {
    for (const relocation of entry.relocations) {
      if (relocation.howto.role === "tls") continue;
      const slot = wrap(this.#context.arch, place + BigInt(relocation.offset));
      const why = bindSlot(this.#context, trial, entry, relocation, slot);
      if (why !== undefined) return why;
    }
    return undefined;
  }

  #commit(match: SpanMatch, address: bigint, trial: Trial, { rules, blocks, map }: Survivor): void {
    const { span } = match;
    match.status = "matched";
    match.address = address;
    match.rules = [...rules].sort();
    match.blocks = blocks;
    match.mismatch = undefined;
    if (map !== undefined) this.#maps.set(span, map);
    else if (isCode(span.kind)) this.#maps.set(span, IDENTITY);
    this.#take(trial, isCode(span.kind) ? "text" : span.kind === "rodata" ? "rodata" : "text");
    if (!this.#values.originOf(span)) this.#values.set(span, address, "text");
  }

  #take(trial: Trial, from: Origin): void {
    for (const [key, address] of trial.addresses) {
      if (this.#values.get(key) !== undefined) continue;
      this.#values.set(key, address, from);
      if (typeof key !== "string") this.#located.push(key);
    }
    const { imports } = this.#values;
    for (const [name, found] of trial.imports) imports.set(name, { ...imports.get(name), ...found });
    for (const landing of trial.landings) {
      const list = this.#landings.get(landing.span);
      if (list === undefined) this.#landings.set(landing.span, [landing]);
      else list.push(landing);
    }
  }

  /** Compares what became known by reference; data is only noted. */
  #matchLocated(): boolean {
    let progress = false;
    for (let span = this.#located.pop(); span !== undefined; span = this.#located.pop()) {
      const match = this.#matchOf.get(span);
      if (match === undefined || match.status === "matched" || isCode(span.kind)) continue;
      const address = this.#values.get(span) as bigint;
      match.address = address;
      match.candidates = [address];
      if (!isCompared(span)) {
        match.status = "located";
        continue;
      }
      const trial = newTrial();
      const result = this.#try(span, address, trial);
      progress = true;
      if (result.mismatch === undefined) this.#commit(match, address, trial, result);
      else match.mismatch = result.mismatch;
    }
    return progress;
  }

  /** What no text refers to is where a symbol of its name is: read-only data by its contents, other data if there is only one. */
  #placeByName(): void {
    const { origin } = this.#context.image.symbols;
    for (const match of this.#matches) {
      const { span } = match;
      if (match.address !== undefined || match.mismatch !== undefined) continue;
      if (isCode(span.kind) || span.symbol === undefined || numberedBase(span.symbol.name) !== undefined) continue;
      if (isCompared(span)) {
        this.#tryAll(match);
        continue;
      }
      match.candidates = candidatesByName(this.#context, span);
      const [only, second] = match.candidates;
      if (second !== undefined) match.status = "ambiguous";
      if (only === undefined || second !== undefined) continue;
      this.#values.set(span, only, origin === "none" ? "symbol-table" : origin);
      this.#located.push(span);
    }
  }

  /** Only once text is through may data tell where things are: its running value may be another. Ksplice: kmodsrc/ksplice.c, match_change_sections. */
  #readData(): void {
    const { memory } = this.#context.image;
    for (const { span, status, address } of this.#matches) {
      if (status !== "located" || address === undefined || span.bytes.length === 0) continue;
      if (span.kind === "tls" || span.kind === "percpu") continue;
      const open = span.relocations.filter(({ target }) => target !== undefined && this.#isOpen(target));
      const run = open.length === 0 ? undefined : memory.read(address, span.size);
      if (run === undefined || run.length < span.size) continue;
      for (const relocation of open) {
        const place = wrap(this.#context.arch, address + BigInt(relocation.offset));
        const meant = meantAddress(this.#context.image, relocation, run, relocation.offset, place);
        const trial = newTrial();
        if (meant === undefined || bindAddress(this.#context, trial, span, relocation, meant) !== undefined) continue;
        if (this.#holds(trial)) this.#take(trial, "data");
      }
    }
  }

  #isOpen(span: Span): boolean {
    return this.#values.get(span) === undefined;
  }

  /** Whether what a pointer leads to is what the object has there. */
  #holds(trial: Trial): boolean {
    for (const [key, address] of trial.addresses) {
      if (typeof key === "string") return false;
      if (isCompared(key) && this.#try(key, address, newTrial()).mismatch !== undefined) return false;
    }
    return true;
  }
}

type Survivor = Extract<ReturnType<typeof compareSpan>, { readonly mismatch: undefined }>;

const IDENTITY: OffsetMap = { has: (offset, runOffset) => offset === runOffset, startOf: (offset) => offset };

function sameList(a: readonly bigint[], b: readonly bigint[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
