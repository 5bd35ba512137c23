import { readWord } from "../../bytes.ts";
import { markLinked } from "../../diff/mask.ts";
import { isCode } from "../../spans/section-kind.ts";
import type { Span, SpanRelocation } from "../../spans/span.ts";
import { bindAddress, type Context, meantAddress, mismatchAt, wrap } from "../context.ts";
import { linkedView } from "../linked-view.ts";
import { bindSlot } from "../slots.ts";
import { countsFromGot, fromGot, gotBase, slotOf } from "../tolerances/got.ts";
import { REWRITES } from "../tolerances/rewrite-table.ts";
import type { Rewrite, RewriteSite, Rewritten } from "../tolerances/rewrites.ts";
import { threadValue } from "../tolerances/thread-fields.ts";
import { bindThread } from "../tolerances/thread-locals.ts";
import { tocBase } from "../tolerances/toc.ts";
import type { Trial } from "../values.ts";
import { type Half, HalfAddresses } from "./halves.ts";
import type { ComparisonResult, Mismatch } from "./mismatch.ts";

const NO_RULES: ReadonlySet<string> = new Set();
const masks = new WeakMap<Span, Uint8Array>();

function maskOf(span: Span, context: Context): Uint8Array {
  let mask = masks.get(span);
  if (mask === undefined) {
    mask = new Uint8Array(span.bytes.length + 16);
    markLinked(mask, span.relocations, context.arch);
    masks.set(span, mask);
  }
  return mask;
}

/** Compares a span with the run system byte by byte; relocated fields must stand for addresses that agree with all that is known. */
export function compareBytewise(
  context: Context,
  trial: Trial,
  span: Span,
  address: bigint,
  size = span.size,
): ComparisonResult {
  const bytes = context.image.memory.read(address, span.size);
  if (bytes === undefined || bytes.length < size) {
    return { mismatch: mismatchAt(span, 0, address, new Uint8Array(0), "the image has no memory there") };
  }
  const compared = compareBytes(context, trial, span, bytes, address, size);
  if ("mismatch" in compared) return compared;
  const { run } = compared;
  const halves = new HalfAddresses(
    context.arch,
    () => tocBase(context, trial),
    (distance) => pageAt(context, distance),
  );
  for (const relocation of span.relocations) {
    const { offset } = relocation;
    if (offset >= size) break;
    if (compared.done.has(relocation)) continue;
    const place = wrap(context.arch, address + BigInt(offset));
    const whole = halves.take(relocation, run, offset, place);
    const why = whole === undefined ? undefined : bindWhole(context, trial, span, whole);
    if (why !== undefined) return { mismatch: mismatchAt(span, offset, place, run.subarray(offset), why, 8) };
    const mismatch = bindField(context, trial, span, relocation, run, offset, address);
    if (mismatch !== undefined) return { mismatch };
  }
  return { mismatch: undefined, rules: compared.rules, blocks: [{ start: 0, size }], map: undefined };
}

/** The address in a slot of MIPS' GOT that holds only the page of what is referred to. */
function pageAt(context: Context, distance: bigint): bigint | undefined {
  const view = linkedView(context.image);
  if (view?.globalPointer === undefined) return undefined;
  const meaning = view.slotAt(wrap(context.arch, view.globalPointer + distance));
  if (meaning?.kind === "address") return BigInt(meaning.address);
  return meaning?.kind === "number" ? meaning.value : undefined;
}

/** Takes an address that two halves made, or what its slot holds. */
function bindWhole(
  context: Context,
  trial: Trial,
  span: Span,
  { relocation, address, slot, thread }: Half,
): string | undefined {
  if (thread !== undefined) return bindThread(context, trial, span, relocation, { use: thread, value: address });
  if (!slot) return bindAddress(context, trial, span, relocation, address);
  return bindSlot(context, trial, span, relocation, wrap(context.arch, address - relocation.targetAddend));
}

interface Compared {
  /** The run code, in the object's form where it was written anew. */
  readonly run: Uint8Array;
  /** Relocations whose instructions were written anew. */
  readonly done: ReadonlySet<SpanRelocation>;
  readonly rules: ReadonlySet<string>;
}

const NOTHING: ReadonlySet<SpanRelocation> = new Set();

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
  if (at === -1) return { run, done: NOTHING, rules: NO_RULES };
  const rules = isCode(span.kind) ? REWRITES[context.arch.family] : undefined;
  const done = new Set<SpanRelocation>();
  const used = new Set<string>();
  const unit = context.arch.code.alignment;
  let translated: Uint8Array | undefined;
  while (at !== -1) {
    const from = startOf(span, context, at) ?? at - (at % unit);
    const site = rules && rewriteSite(context, trial, span, run, from, wrap(context.arch, address + BigInt(from)));
    const found = site && firstRewrite(rules, site);
    let why = "bytes differ";
    for (const [relocation, meant] of found?.step.meant ?? []) {
      const objection = bindAddress(context, trial, span, relocation, meant);
      if (objection !== undefined) why = `${objection} (by rule ${found?.name})`;
    }
    for (const [relocation, value] of found?.step.thread ?? []) {
      const objection = bindThread(context, trial, span, relocation, value);
      if (objection !== undefined) why = `${objection} (by rule ${found?.name})`;
    }
    if (site === undefined || found === undefined || why !== "bytes differ") {
      return { mismatch: mismatchAt(span, at, wrap(context.arch, address + BigInt(at)), run.subarray(at), why) };
    }
    used.add(found.name);
    const { instead, size: length } = found.step;
    if (instead !== undefined) {
      translated ??= Uint8Array.from(run);
      putWord(translated, from, instead, context);
    } else {
      for (const field of fieldsIn(span, from, from + length)) done.add(field);
    }
    at = firstDifference(span, run, mask, from + length, size);
  }
  return { run: translated ?? run, done, rules: used };
}

/** Where the relocated instruction begins that a byte belongs to: Thumb instructions of four bytes lie at every second one. */
function startOf({ relocations }: Span, { arch }: Context, at: number): number | undefined {
  if (arch.taggedCode === null) return undefined;
  return relocations.find(({ offset, howto }) => howto.size === WORD && offset <= at && at < offset + WORD)?.offset;
}

/** Instructions of most architectures that have rewrites are words. */
const WORD = 4;

function putWord(bytes: Uint8Array, offset: number, word: number, { arch }: Context): void {
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length).setUint32(offset, word, arch.instructionData === "lsb");
}

function fieldsIn({ relocations }: Span, from: number, to: number): SpanRelocation[] {
  return relocations.filter(({ offset }) => offset >= from && offset < to);
}

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
    offset < 0 || offset + WORD > bytes.length ? Number.NaN : readWord(bytes, offset, little);
  return {
    context,
    trial,
    span,
    at,
    place,
    pre: (index) => word(span.bytes, at + WORD * index),
    run: (index) => word(run, at + WORD * index),
    fields: (index) => fieldsIn(span, at + WORD * index, at + WORD * (index + 1)),
  };
}

function firstDifference(span: Span, run: Uint8Array, mask: Uint8Array, from: number, size: number): number {
  const { bytes } = span;
  for (let at = from; at < size; at++) {
    if ((((bytes[at] as number) ^ (run[at] as number)) & ~(mask[at] as number)) !== 0) return at;
  }
  return -1;
}

/** What is wrong with the fields of data that hold the places of thread-locals. */
export function checkThreadFields(context: Context, trial: Trial, span: Span, address: bigint): string | undefined {
  const run = context.image.memory.read(address, span.size);
  if (run === undefined || run.length < span.size) return `the image has no memory for ${span.name}`;
  for (const relocation of span.relocations) {
    if (relocation.howto.role !== "tls") continue;
    const mismatch = bindField(context, trial, span, relocation, run, relocation.offset, address);
    if (mismatch !== undefined) return mismatch.why;
  }
  return undefined;
}

/** Words of MIPS' jump tables: distances of 32 bits from what $gp holds. MIPS ABI supplement, "Relocation". */
const FROM_GLOBAL_POINTER = /^R_MIPS_GPREL32\b/;

function signed32(value: bigint): bigint {
  return BigInt.asIntN(32, value);
}

/** What one field of run bytes says of the relocation's target; `index` is the field's place in them, `base` their address. */
export function bindField(
  context: Context,
  trial: Trial,
  span: Span,
  relocation: SpanRelocation,
  run: Uint8Array,
  index: number,
  base: bigint,
): Mismatch | undefined {
  const place = wrap(context.arch, base + BigInt(index));
  const mismatch = (why: string): Mismatch => mismatchAt(span, relocation.offset, place, run.subarray(index), why, 8);
  if (countsFromGot(relocation)) {
    const got = gotBase(context, trial);
    if (got === undefined) return { ...mismatch("where the GOT is, is not known"), waits: true };
    const { slot, address } = fromGot(context, relocation, run, index, got);
    const meansIt = slot ? bindSlot : bindAddress;
    const objection = meansIt(context, trial, span, relocation, address);
    return objection === undefined ? undefined : mismatch(objection);
  }
  let why: string | undefined;
  if (relocation.howto.role === "tls") {
    const value = threadValue(context, trial, relocation, run, index, place);
    if (value === "waits") return { ...mismatch("what the field counts from is not known"), waits: true };
    why = value === undefined ? undefined : bindThread(context, trial, span, relocation, value);
  } else if (relocation.howto.role === "got") {
    const slot = slotOf(context, relocation, run, index, place);
    why = slot === undefined ? undefined : bindSlot(context, trial, span, relocation, slot);
  } else {
    const held = meantAddress(context.image, relocation, run, index, place);
    const isFromGlobalPointer = FROM_GLOBAL_POINTER.test(relocation.howto.name);
    const pointer = isFromGlobalPointer ? linkedView(context.image)?.globalPointer : 0n;
    if (pointer === undefined) return mismatch("what the global pointer holds is not known");
    const meant = held === undefined || !isFromGlobalPointer ? held : wrap(context.arch, signed32(held) + pointer);
    why = meant === undefined ? undefined : bindAddress(context, trial, span, relocation, meant);
  }
  return why === undefined ? undefined : mismatch(why);
}
