import type { ElfData } from "../elf/object.ts";
import type { Arch, BitRun, Howto } from "./arch.ts";
import { codecs } from "./encoding.ts";
import { runsMask } from "./howto.ts";

/** What field.ts derives from a howto once. */
interface Layout {
  readonly runs: readonly BitRun[];
  readonly width: bigint;
  /** Bits that hold the value: all of the mask, but for flags that a linker sets beside it. */
  readonly stored: bigint;
  readonly lsb: Uint8Array;
  readonly msb: Uint8Array;
}

const layouts = new WeakMap<Howto, Layout>();

/** Byte order of a howto's field: instructions may differ from data. */
export function fieldOrder(arch: Arch, howto: Howto): ElfData {
  return howto.insn ? arch.instructionData : arch.data;
}

/** One mask per byte of the field: the bits of `bytes[offset + i]` that the relocation rewrites. Do not write to it. */
export function fieldMaskBytes(howto: Howto, data: ElfData): Uint8Array {
  return layoutOf(howto)[data];
}

/** The value that a field holds: bits collected, sign-extended if signed, and shifted back. */
export function readField(bytes: Uint8Array, offset: number, howto: Howto, data: ElfData): bigint {
  return decodeField(bytes, offset, howto, data, howto.signed);
}

/** Like readField, but always sign-extended: the addend of a REL record. */
export function readAddend(bytes: Uint8Array, offset: number, howto: Howto, data: ElfData): bigint {
  return decodeField(bytes, offset, howto, data, true);
}

/** Stores a value the way a linker would, without a check for overflow; bits outside the mask stay. */
export function writeField(bytes: Uint8Array, offset: number, howto: Howto, data: ElfData, value: bigint): void {
  const { runs, width, stored } = layoutOf(howto);
  const rounded = value + (howto.rounding ?? 0n);
  let bits = codecs[howto.encoding ?? "plain"].encode(rounded, BigInt(howto.rightshift), width);
  let word = readWord(bytes, offset, howto, data) & ~stored;
  for (const [low, count] of runs) {
    word |= BigInt.asUintN(count, bits) << BigInt(low);
    bits >>= BigInt(count);
  }
  for (let i = 0; i < howto.size; i++) {
    bytes[offset + byteIndex(i, howto, data)] = Number((word >> BigInt(8 * i)) & 0xffn);
  }
}

/** The whole field as one number, bits outside the mask included; bytes past the end of the section count as zero. */
function readWord(bytes: Uint8Array, offset: number, howto: Howto, data: ElfData): bigint {
  let word = 0n;
  for (let i = howto.size - 1; i >= 0; i--) {
    word = (word << 8n) | BigInt(bytes[offset + byteIndex(i, howto, data)] ?? 0);
  }
  return word;
}

function decodeField(bytes: Uint8Array, offset: number, howto: Howto, data: ElfData, signed: boolean): bigint {
  const { runs, width } = layoutOf(howto);
  const word = readWord(bytes, offset, howto, data);
  let bits = 0n;
  let at = 0n;
  for (const [low, count] of runs) {
    bits |= BigInt.asUintN(count, word >> BigInt(low)) << at;
    at += BigInt(count);
  }
  return codecs[howto.encoding ?? "plain"].decode(bits, BigInt(howto.rightshift), width, signed);
}

/** Where byte i of the field's number, counted from its low end, lies in the file. */
function byteIndex(i: number, howto: Howto, data: ElfData): number {
  if (data === "lsb") return i;
  const unit = howto.unit ?? howto.size;
  const inUnit = i % unit;
  return i - inUnit + (unit - 1 - inUnit);
}

function layoutOf(howto: Howto): Layout {
  let layout = layouts.get(howto);
  if (!layout) {
    layout = makeLayout(howto);
    layouts.set(howto, layout);
  }
  return layout;
}

function makeLayout(howto: Howto): Layout {
  const runs = howto.bits ?? maskRuns(howto.mask);
  const width = BigInt(runs.reduce((sum, [, count]) => sum + count, 0));
  return { runs, width, stored: runsMask(runs), lsb: maskBytes(howto, "lsb"), msb: maskBytes(howto, "msb") };
}

function maskBytes(howto: Howto, data: ElfData): Uint8Array {
  const masks = new Uint8Array(howto.size);
  for (let i = 0; i < howto.size; i++) {
    masks[byteIndex(i, howto, data)] = Number((howto.mask >> BigInt(8 * i)) & 0xffn);
  }
  return masks;
}

/** The runs of set bits in a mask, from the lowest up. */
function maskRuns(mask: bigint): readonly BitRun[] {
  const runs: [number, number][] = [];
  for (let bit = 0; mask >> BigInt(bit) !== 0n; bit++) {
    if (!((mask >> BigInt(bit)) & 1n)) continue;
    const last = runs.at(-1);
    if (last && last[0] + last[1] === bit) last[1]++;
    else runs.push([bit, 1]);
  }
  return runs;
}
