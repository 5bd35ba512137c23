import { fieldOrder, readField } from "../../arch/field.ts";
import { readAddress } from "../../bytes.ts";
import { STB } from "../../elf/constants.ts";
import { hex } from "../../hex.ts";
import type { SpanRelocation } from "../../spans/span.ts";
import { type Context, wrap } from "../context.ts";
import { linkedView } from "../linked-view.ts";
import type { Trial } from "../values.ts";

/** Name that objects give to what such fields count from. System V ABI, Intel386 supplement, "Global Offset Table". */
const GOT = "_GLOBAL_OFFSET_TABLE_";

/** Types that hold the distance of the thing itself from there. */
const FROM_GOT = /^R_(386|X86_64|ARM|390)_GOTOFF(32|64)?$/;

/** Types that hold the distance of the slot from there. */
const SLOT_FROM_GOT = /^R_(386_GOT32X?|X86_64_GOT(32|64)|ARM_GOT_BREL|390_(GOT|GOTPLT)(12|16|20|32|64))$/;

/** Those that hold the slot's address where no register is added. Intel386 supplement, "R_386_GOT32X". */
const SLOT_OR_ADDRESS = /^R_386_GOT32X?$/;

/** Types that hold the slot's distance from what $gp holds. MIPS ABI supplement, "Relocation". */
const FROM_GP = /^R_(MIPS|MIPS16|MICROMIPS)_(CALL16|GOT16|GOT_DISP)$/;

/** Whether a field counts from the GOT. */
export function countsFromGot({ howto }: SpanRelocation): boolean {
  return FROM_GOT.test(howto.name) || SLOT_FROM_GOT.test(howto.name);
}

/** Where the GOT is: known from a function that computed it, or from a symbol. */
export function gotBase(context: Context, trial: Trial): bigint | undefined {
  const known = trial.addresses.get(GOT) ?? context.values.get(GOT);
  return known ?? context.image.symbols.named(GOT)[0]?.address ?? linkedView(context.image)?.gotPointer;
}

/** Whether an IA-32 operand is a displacement alone, by the ModR/M byte in front of it. Intel SDM volume 2, table 2-2. */
export function isBareDisplacement(modrm: number | undefined): boolean {
  return modrm !== undefined && (modrm & 0xc7) === 0x05;
}

/** What a field that counts from the GOT leads to: an address, or a slot; both without what the reference adds to the slot's address. */
export function fromGot(
  { arch }: Context,
  { howto, targetAddend }: SpanRelocation,
  run: Uint8Array,
  index: number,
  base: bigint,
): { readonly address: bigint; readonly slot: boolean } {
  const field = readField(run, index, howto, fieldOrder(arch, howto));
  if (FROM_GOT.test(howto.name)) return { address: wrap(arch, base + field), slot: false };
  const start = SLOT_OR_ADDRESS.test(howto.name) && isBareDisplacement(run[index - 1]) ? 0n : base;
  return { address: wrap(arch, start + field - targetAddend), slot: true };
}

/** Types that hold a part of the slot's distance. */
const PART = /PAGE|HI20|HI16|LO12|LO16/;

/** Address of the slot that a pc-relative reference through the GOT leads to, or one that counts from $gp; undefined for half of such a distance. */
export function slotOf(
  context: Context,
  { howto, insnAddend, targetAddend, symbol }: SpanRelocation,
  run: Uint8Array,
  index: number,
  place: bigint,
): bigint | undefined {
  const { arch } = context;
  if (/GOT16$/.test(howto.name) && symbol?.bind === STB.LOCAL) return undefined;
  const base = howto.pcrel ? place : FROM_GP.test(howto.name) ? linkedView(context.image)?.globalPointer : undefined;
  if (base === undefined || howto.encoding !== undefined || PART.test(howto.name)) return undefined;
  const field = readField(run, index, howto, fieldOrder(arch, howto));
  return wrap(arch, field - insnAddend - targetAddend + base);
}

/** The address in a slot of the GOT, as it is once the image is loaded; undefined where the slot cannot be read or is still empty. */
export function slotTarget({ arch, image }: Context, slot: bigint): bigint | undefined {
  const size = arch.class / 8;
  const bytes = image.memory.read(slot, size);
  if (bytes === undefined || bytes.length < size) return undefined;
  const word = readAddress(bytes, 0, size, arch.data === "lsb");
  return word === 0n ? undefined : wrap(arch, word + image.contentBias);
}

/** What is wrong with an address as that of a slot: a slot is in memory, and one that is still empty lies in the table that the loader fills. */
export function notASlot({ arch, image }: Context, slot: bigint): string | undefined {
  if (image.kind !== "exec" && image.kind !== "dyn") return undefined;
  const why = `${hex(slot)} is not a slot of the GOT`;
  if (image.memory.regionAt(slot) === undefined) return why;
  const tables = [".got", ".got.plt"].map((name) => image.table(name)).filter((table) => table !== undefined);
  const isInside = tables.some(({ start, size }) => slot >= start && slot < start + BigInt(size));
  const isPlaced = isInside && slot % BigInt(arch.class / 8) === 0n;
  return tables.length === 0 || isPlaced ? undefined : why;
}
