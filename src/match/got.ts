import { fieldOrder, readField } from "../arch/field.ts";
import type { SpanRelocation } from "../spans/span.ts";
import { type Context, wrap } from "./context.ts";

/** Types that hold a part of the slot's distance. */
const PART = /PAGE|HI20|HI16|LO12|LO16/;

/** What a pc-relative reference through the GOT leads to: the word in the slot, plus what the reference adds. Undefined where the slot cannot be read or is still empty. */
export function gotTarget(
  context: Context,
  relocation: SpanRelocation,
  run: Uint8Array,
  index: number,
  place: bigint,
): bigint | undefined {
  const { arch, image } = context;
  const { howto, insnAddend, targetAddend } = relocation;
  // Half of a slot's distance is no slot, and a module on disk has no GOT yet.
  if (!howto.pcrel || howto.encoding !== undefined || PART.test(howto.name) || image.kind === "rel") return undefined;
  const field = readField(run, index, howto, fieldOrder(arch, howto));
  const slot = wrap(arch, field - insnAddend - targetAddend + place);
  const size = arch.class / 8;
  const bytes = image.memory.read(slot, size);
  if (bytes === undefined || bytes.length < size) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, size);
  const little = arch.data === "lsb";
  const word = size === 8 ? view.getBigUint64(0, little) : BigInt(view.getUint32(0, little));
  return word === 0n ? undefined : wrap(arch, word + image.unmoved + targetAddend);
}
