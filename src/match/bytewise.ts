import { markRelocated } from "../diff/mask.ts";
import { isCode } from "../spans/section-kind.ts";
import type { Span, SpanRelocation } from "../spans/span.ts";
import { type Context, imply, meantAddress, mismatchAt, wrap } from "./context.ts";
import { gotTarget } from "./got.ts";
import { HalfAddresses } from "./halves.ts";
import type { Mismatch, Trying } from "./mismatch.ts";
import { REWRITES, type Rewrite, type RewriteSite, type Rewritten } from "./rewrites.ts";
import { tocBase } from "./toc.ts";
import type { Trial } from "./values.ts";

const NO_RULES: ReadonlySet<string> = new Set();
const masks = new WeakMap<Span, Uint8Array>();

function maskOf(span: Span, context: Context): Uint8Array {
  let mask = masks.get(span);
  if (mask === undefined) {
    mask = new Uint8Array(span.bytes.length + 16);
    markRelocated(mask, span.relocations, context.arch);
    masks.set(span, mask);
  }
  return mask;
}

/** Compares a span with the run system byte by byte; relocated fields must stand for addresses that agree with all that is known. */
export function compareBytewise(context: Context, trial: Trial, span: Span, address: bigint, size = span.size): Trying {
  const run = context.image.memory.read(address, span.size);
  if (run === undefined || run.length < size) {
    return { mismatch: mismatchAt(span, 0, address, new Uint8Array(0), "the image has no memory there") };
  }
  const compared = compareBytes(context, trial, span, run, address, size);
  if ("mismatch" in compared) return compared;
  const halves = new HalfAddresses(context.arch, () => tocBase(context, trial));
  for (const relocation of span.relocations) {
    const { offset } = relocation;
    if (offset >= size) break;
    if (compared.done.has(relocation)) continue;
    const place = wrap(context.arch, address + BigInt(offset));
    const whole = halves.take(relocation, run, offset, place);
    const why = whole === undefined ? undefined : imply(context, trial, span, whole.relocation, whole.address);
    if (why !== undefined) return { mismatch: mismatchAt(span, offset, place, run.subarray(offset), why, 8) };
    const mismatch = implyField(context, trial, span, relocation, run, offset, address);
    if (mismatch !== undefined) return { mismatch };
  }
  return { mismatch: undefined, rules: compared.rules, blocks: [{ start: 0, size }], map: undefined };
}

interface Compared {
  /** Relocations whose instructions were written anew. */
  readonly done: ReadonlySet<SpanRelocation>;
  readonly rules: ReadonlySet<string>;
}

const NOTHING: Compared = { done: new Set(), rules: NO_RULES };

/** Whether all bytes outside of relocated fields are equal, but for instructions that the linker wrote anew. */
function compareBytes(
  context: Context,
  trial: Trial,
  span: Span,
  run: Uint8Array,
  address: bigint,
  size: number,
): Compared | { readonly mismatch: Mismatch } {
  const mask = maskOf(span, context);
  let at = firstDifference(span, run, mask, 0, size);
  if (at === -1) return NOTHING;
  const rules = isCode(span.kind) ? REWRITES[context.arch.name] : undefined;
  const done = new Set<SpanRelocation>();
  const used = new Set<string>();
  while (at !== -1) {
    const from = at - (at % WORD);
    const site = rules && rewriteSite(context, trial, span, run, from, wrap(context.arch, address + BigInt(from)));
    const found = site && firstRewrite(rules, site);
    let why = "bytes differ";
    for (const [relocation, meant] of found?.step.meant ?? []) {
      const objection = imply(context, trial, span, relocation, meant);
      if (objection !== undefined) why = `${objection} (by rule ${found?.name})`;
    }
    if (site === undefined || found === undefined || why !== "bytes differ") {
      return { mismatch: mismatchAt(span, at, wrap(context.arch, address + BigInt(at)), run.subarray(at), why) };
    }
    used.add(found.name);
    for (let index = 0; index < found.step.words; index++) for (const field of site.fields(index)) done.add(field);
    at = firstDifference(span, run, mask, from + WORD * found.step.words, size);
  }
  return { done, rules: used };
}

/** Instructions of the architectures that have rewrites are words. */
const WORD = 4;

function firstRewrite(
  rules: readonly Rewrite[] | undefined,
  site: RewriteSite,
): { readonly name: string; readonly step: Rewritten } | undefined {
  for (const { name, apply } of rules ?? []) {
    const step = apply(site);
    if (step !== undefined) return { name, step };
  }
  return undefined;
}

function rewriteSite(
  context: Context,
  trial: Trial,
  span: Span,
  run: Uint8Array,
  at: number,
  place: bigint,
): RewriteSite {
  const little = context.arch.instructionData === "lsb";
  const word = (bytes: Uint8Array, offset: number): number =>
    offset < 0 || offset + WORD > bytes.length
      ? Number.NaN
      : new DataView(bytes.buffer, bytes.byteOffset + offset, WORD).getUint32(0, little);
  return {
    context,
    trial,
    span,
    at,
    place,
    pre: (index) => word(span.bytes, at + WORD * index),
    run: (index) => word(run, at + WORD * index),
    fields: (index) => {
      const start = at + WORD * index;
      return span.relocations.filter(({ offset }) => offset >= start && offset < start + WORD);
    },
  };
}

function firstDifference(span: Span, run: Uint8Array, mask: Uint8Array, from: number, size: number): number {
  const { bytes } = span;
  for (let at = from; at < size; at++) {
    if ((((bytes[at] as number) ^ (run[at] as number)) & ~(mask[at] as number)) !== 0) return at;
  }
  return -1;
}

/** What one field of run bytes says of the relocation's target; `index` is the field's place in them, `base` their address. */
export function implyField(
  context: Context,
  trial: Trial,
  span: Span,
  relocation: SpanRelocation,
  run: Uint8Array,
  index: number,
  base: bigint,
): Mismatch | undefined {
  const place = wrap(context.arch, base + BigInt(index));
  const meant =
    relocation.howto.role === "got"
      ? gotTarget(context, relocation, run, index, place)
      : meantAddress(context.image, relocation, run, index, place);
  if (meant === undefined) return undefined;
  const why = imply(context, trial, span, relocation, meant);
  return why === undefined ? undefined : mismatchAt(span, relocation.offset, place, run.subarray(index), why, 8);
}
