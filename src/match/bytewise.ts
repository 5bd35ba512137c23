import { markRelocated } from "../diff/mask.ts";
import type { Span, SpanRelocation } from "../spans/span.ts";
import { type Context, imply, meantAddress, mismatchAt, wrap } from "./context.ts";
import { gotTarget } from "./got.ts";
import { HalfAddresses } from "./halves.ts";
import type { Mismatch, Trying } from "./mismatch.ts";
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
  const at = firstDifference(span, run, maskOf(span, context), size);
  if (at !== -1) {
    const place = wrap(context.arch, address + BigInt(at));
    return { mismatch: mismatchAt(span, at, place, run.subarray(at), "bytes differ") };
  }
  const halves = new HalfAddresses(context.arch);
  for (const relocation of span.relocations) {
    const { offset } = relocation;
    if (offset >= size) break;
    const place = wrap(context.arch, address + BigInt(offset));
    const whole = halves.take(relocation, run, offset, place);
    const why = whole === undefined ? undefined : imply(context, trial, span, whole.relocation, whole.address);
    if (why !== undefined) return { mismatch: mismatchAt(span, offset, place, run.subarray(offset), why, 8) };
    const mismatch = implyField(context, trial, span, relocation, run, offset, address);
    if (mismatch !== undefined) return { mismatch };
  }
  return { mismatch: undefined, rules: NO_RULES, blocks: [{ start: 0, size }], map: undefined };
}

function firstDifference(span: Span, run: Uint8Array, mask: Uint8Array, size: number): number {
  const { bytes } = span;
  for (let at = 0; at < size; at++) {
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
