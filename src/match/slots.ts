import { STB } from "../elf/constants.ts";
import { hex } from "../hex.ts";
import type { Span, SpanRelocation } from "../spans/span.ts";
import { bindAddress, type Context, keyName, referenceOf, wrap } from "./context.ts";
import { linkedView } from "./linked-view.ts";
import { notASlot, slotTarget } from "./tolerances/got.ts";
import { ownNames } from "./tolerances/imports.ts";
import type { Trial } from "./values.ts";

/**
 * Takes what a slot of the GOT stands for into the trial: the address in it, or the symbol whose address the loader will write, which
 * must be the one that the relocation names. Says what speaks against it.
 */
export function bindSlot(
  context: Context,
  trial: Trial,
  from: Span,
  relocation: SpanRelocation,
  slot: bigint,
): string | undefined {
  const { image, arch } = context;
  // A module on disk has no GOT yet.
  if (image.kind === "rel") return undefined;
  const view = linkedView(image);
  if (view === undefined) {
    const word = slotTarget(context, slot);
    if (word === undefined) return notASlot(context, slot);
    return bindAddress(context, trial, from, relocation, wrap(arch, word + relocation.targetAddend));
  }
  const reference = referenceOf(context, relocation);
  if (reference === undefined) return undefined;
  const meaning = view.slotAt(slot);
  if (meaning === undefined) return notASlot(context, slot) ?? `${hex(slot)} is not a slot of the GOT`;
  switch (meaning.kind) {
    case "name": {
      const names = ownNames({ ...reference, offset: reference.offset - relocation.targetAddend });
      if (typeof reference.key === "string" ? !names.includes(meaning.name) : !names.includes(meaning.name))
        return `${names[0] ?? keyName(reference.key)} would be ${meaning.name}, whose slot is at ${hex(slot)}`;
      trial.imports.set(meaning.name, { ...trial.imports.get(meaning.name), slot });
      return undefined;
    }
    case "address":
      return bindAddress(
        context,
        trial,
        from,
        relocation,
        wrap(arch, BigInt(meaning.address) + relocation.targetAddend),
      );
    case "number": {
      const isNull = meaning.value === 0n;
      if (isNull && relocation.symbol?.bind !== STB.WEAK)
        return `${keyName(reference.key)} would be nothing: the slot at ${hex(slot)} is empty for good`;
      return bindAddress(context, trial, from, relocation, wrap(arch, meaning.value + relocation.targetAddend));
    }
    case "thread":
      return `${hex(slot)} is the slot of a thread-local`;
  }
}
