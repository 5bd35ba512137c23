import type { ThreadUse } from "../../arch/link.ts";
import { hex } from "../../hex.ts";
import type { Span, SpanRelocation } from "../../spans/span.ts";
import { bind, referenceOf, wrap } from "../context.ts";
import { type LinkedView, linkedView } from "../linked-view.ts";
import type { Context, Reference } from "../run-context.ts";
import type { Trial } from "../values.ts";
import { ownNames } from "./imports.ts";

/** What a field of run code says of a thread-local: a distance or offset, or the address of the slot that has it. */
export interface ThreadValue {
  readonly use: ThreadUse;
  readonly value: bigint;
}

/**
 * Takes the place of a thread-local into the trial, as `bindAddress` does with an address: its offset in the image's thread-locals, or
 * the name in the slot that the loader fills. Says what speaks against it. ELF Handling for Thread-Local Storage, 3 and 4; psABIs.
 */
export function bindThread(
  context: Context,
  trial: Trial,
  from: Span,
  relocation: SpanRelocation,
  { use, value }: ThreadValue,
): string | undefined {
  const view = linkedView(context.image);
  const reference = referenceOf(context, relocation);
  if (view === undefined) return "where the thread-locals of this image are is not known";
  if (use === "module") return view.slotAt(value) === undefined ? `${hex(value)} is not a slot of the GOT` : undefined;
  if (reference === undefined) return undefined;
  if (use === "tp")
    return place(context, trial, from, relocation, reference, view.fromThreadPointer(signed(context, value)));
  if (use === "dtp") {
    // Where the linker made local-exec accesses of local-dynamic ones, the distances count from the thread pointer.
    const isTp = signed(context, value) < 0n && view.threadsBelow;
    const offset = isTp ? view.fromThreadPointer(signed(context, value)) : view.fromModule(signed(context, value));
    return place(context, trial, from, relocation, reference, offset);
  }
  // A slot has the symbol's offset, and what the reference adds says how far from the slot it counts.
  const symbol: Reference = { key: reference.key, offset: reference.offset - relocation.targetAddend };
  return bindThreadSlot(context, trial, from, relocation, symbol, view, use, value);
}

function signed({ arch }: Context, value: bigint): bigint {
  return BigInt.asIntN(arch.class, value);
}

function bindThreadSlot(
  context: Context,
  trial: Trial,
  from: Span,
  relocation: SpanRelocation,
  reference: Reference,
  view: LinkedView,
  use: "slot" | "pair",
  slot: bigint,
): string | undefined {
  const isPair = use === "pair";
  const meaning = isPair && !view.isThreadSlot(slot) ? writtenPair(context, view, slot) : view.slotAt(slot);
  if (meaning === undefined) return `${hex(slot)} is not a slot of the GOT for a thread-local`;
  if (meaning.kind === "name") {
    const names = ownNames(reference);
    if (!names.includes(meaning.name))
      return `${names[0] ?? keyText(reference)} would be ${meaning.name}, whose slot is at ${hex(slot)}`;
    trial.imports.set(meaning.name, { ...trial.imports.get(meaning.name), slot });
    return undefined;
  }
  if (meaning.kind !== "thread") return `${hex(slot)} is not a slot of a thread-local`;
  return place(context, trial, from, relocation, reference, meaning.offset);
}

/** A pair that linking filled for good: module 1, which is the program, and the offset. */
function writtenPair(
  { arch, image }: Context,
  view: LinkedView,
  slot: bigint,
): { readonly kind: "thread"; readonly offset: number } | undefined {
  const size = arch.class / 8;
  const bytes = image.memory.read(slot, 2 * size);
  if (view.slotAt(slot) === undefined || bytes === undefined || bytes.length < 2 * size) return undefined;
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const little = arch.data === "lsb";
  const word = (at: number): bigint => (size === 8 ? data.getBigInt64(at, little) : BigInt(data.getInt32(at, little)));
  return word(0) === 1n ? { kind: "thread", offset: view.fromModule(word(size)) } : undefined;
}

function keyText({ key }: Reference): string {
  return typeof key === "string" ? key : key.name;
}

/** Thread-locals have their own addresses: offsets in the image's thread-locals, as in `st_value`. */
function place(
  context: Context,
  trial: Trial,
  from: Span,
  relocation: SpanRelocation,
  reference: Reference,
  offset: number,
): string | undefined {
  const view = linkedView(context.image);
  const base = BigInt(offset) - reference.offset;
  if (base < 0n || base > BigInt(view?.threadSize ?? 0)) {
    return `${keyText(reference)} would be at offset ${base} of the thread-locals, which are ${view?.threadSize ?? 0} bytes`;
  }
  return bind(context, trial, from, relocation, reference, wrap(context.arch, base));
}
