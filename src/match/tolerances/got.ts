import { fieldOrder, readField } from "../../arch/field.ts";
import type { SpanRelocation } from "../../spans/span.ts";
import { type Context, wrap } from "../context.ts";
import type { Trial } from "../values.ts";

/** Name that objects give to what such fields count from. System V ABI, Intel386 supplement, "Global Offset Table". */
const GOT = "_GLOBAL_OFFSET_TABLE_";

/** Types that hold the distance of the thing itself from there. */
const FROM_GOT = /^R_(386|X86_64|ARM|390)_GOTOFF(32|64)?$/;

/** Types that hold the distance of the slot from there, or its address where no register is added. Intel386 supplement, "R_386_GOT32X". */
const SLOT_FROM_GOT = /^R_386_GOT32X?$/;

/** Whether a field counts from the GOT. */
export function countsFromGot({ howto }: SpanRelocation): boolean {
  return FROM_GOT.test(howto.name) || SLOT_FROM_GOT.test(howto.name);
}

/** Where the GOT is: known from a function that computed it, or from a symbol. */
export function gotBase(context: Context, trial: Trial): bigint | undefined {
  const known = trial.addresses.get(GOT) ?? context.values.get(GOT);
  return known ?? context.image.symbols.named(GOT)[0]?.address;
}

/** Whether an IA-32 operand is a displacement alone, by the ModR/M byte in front of it. Intel SDM volume 2, table 2-2. */
export function isBareDisplacement(modrm: number | undefined): boolean {
  return modrm !== undefined && (modrm & 0xc7) === 0x05;
}

/** What a field that counts from the GOT leads to; undefined where the slot cannot be read, or `base` is not known. */
export function targetFromGot(
  context: Context,
  relocation: SpanRelocation,
  run: Uint8Array,
  index: number,
  base: bigint,
): bigint | undefined {
  const { arch, image } = context;
  const { howto, targetAddend } = relocation;
  const field = readField(run, index, howto, fieldOrder(arch, howto));
  if (FROM_GOT.test(howto.name)) return wrap(arch, base + field);
  if (image.kind === "rel") return undefined;
  const start = isBareDisplacement(run[index - 1]) ? 0n : base;
  const word = slotTarget(context, wrap(arch, start + field - targetAddend));
  return word === undefined ? undefined : wrap(arch, word + targetAddend);
}

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
  const word = slotTarget(context, wrap(arch, field - insnAddend - targetAddend + place));
  return word === undefined ? undefined : wrap(arch, word + targetAddend);
}

/** The address in a slot of the GOT, as it is once the image is loaded; undefined where the slot cannot be read or is still empty. */
export function slotTarget({ arch, image }: Context, slot: bigint): bigint | undefined {
  const size = arch.class / 8;
  const bytes = image.memory.read(slot, size);
  if (bytes === undefined || bytes.length < size) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, size);
  const little = arch.data === "lsb";
  const word = size === 8 ? view.getBigUint64(0, little) : BigInt(view.getUint32(0, little));
  return word === 0n ? undefined : wrap(arch, word + image.unmoved);
}

/** What is wrong with an address as that of a slot: a slot is in memory, and one that is still empty lies in the table that the loader fills. */
export function notASlot({ arch, image }: Context, slot: bigint): string | undefined {
  if (image.kind !== "exec" && image.kind !== "dyn") return undefined;
  const why = `0x${slot.toString(16)} is no slot of the GOT`;
  if (image.memory.regionAt(slot) === undefined) return why;
  const tables = [".got", ".got.plt"].map((name) => image.table(name)).filter((table) => table !== undefined);
  const isInside = tables.some(({ start, size }) => slot >= start && slot < start + BigInt(size));
  const isPlaced = isInside && slot % BigInt(arch.class / 8) === 0n;
  return tables.length === 0 || isPlaced ? undefined : why;
}
