import { access, type Meaning, NOTHING, writes } from "../anchors/meaning.ts";
import type { Decoder, Scanner } from "../anchors/scan.ts";
import { signExtend } from "../instruction.ts";

/** RX, RXY, SI, SIL, LA, LAY: base register and displacement stand at one place. Principles of Operation, chapter 5. */
const decode: Decoder = (code, at) => {
  const first = code[at] as number;
  if (at + 2 > code.length) return undefined;
  const length = first < 0x40 ? 2 : first < 0xc0 ? 4 : 6;
  if (at + length > code.length) return undefined;
  return { at, length, ...meaning(code, at, length) };
};

const STORES: ReadonlySet<number> = new Set([0x40, 0x42, 0x50, 0x60, 0x70, 0x90, 0x92, 0x95, 0x91, 0x94, 0x96, 0x97]);
const LONG_STORES: ReadonlySet<number> = new Set([0x24, 0x2f, 0x3e, 0x3f, 0x50, 0x70, 0x72, 0x66, 0x67, 0x36]);

function meaning(code: Uint8Array, at: number, length: number): Meaning {
  const byte = (i: number): number => code[at + i] as number;
  const first = byte(0);
  const to = byte(1) >>> 4;
  if (length === 2) return [0x18, 0x58].includes(first) ? writes(to) : NOTHING;
  const index = byte(1) & 15;
  const base = byte(2) >>> 4;
  const low = ((byte(2) & 15) << 8) | byte(3);
  const isIndexed =
    (first >= 0x40 && first <= 0x7f && first !== 0x4d && first !== 0x45) ||
    first === 0xe3 ||
    first === 0xe7 ||
    first === 0xed;
  const isImmediate =
    (first >= 0x90 && first <= 0x98) || first === 0xe5 || first === 0xeb || (first >= 0xd0 && first <= 0xdf);
  if (isIndexed && index !== 0 && first !== 0xe7)
    return STORES.has(first) ? NOTHING : writes(first === 0xe3 && LONG_STORES.has(byte(5)) ? -1 : to);
  if (isIndexed || isImmediate) {
    const isLong = first === 0xe3 || first === 0xeb;
    const distance = isLong ? signExtend((byte(4) << 12) | low, 20) : low;
    const isAddress = first === 0x41 || (first === 0xe3 && byte(5) === 0x71);
    const loads =
      (first >= 0x40 && first <= 0x5f && !STORES.has(first)) || (first === 0xe3 && !LONG_STORES.has(byte(5)));
    return access(base, distance, loads ? to : -1, isAddress);
  }
  if (first === 0xa7 && [8, 9].includes(index)) return writes(to);
  if (first === 0xc0 && index <= 1) return writes(to);
  if (first === 0xc4 && ![7, 11, 15].includes(index)) return writes(to);
  if (first === 0xb9 && [0x04, 0x14, 0x06, 0x07, 0x16, 0x17].includes(byte(1))) return writes(byte(3) >>> 4);
  return NOTHING;
}

/** z/Architecture makes addresses by LARL: the field begins at its third byte. */
const loads: Scanner["loads"] = (code, offset) => {
  const second = code[offset - 1] as number;
  return code[offset - 2] === 0xc0 && (second & 15) === 0 ? [[offset - 2, second >>> 4]] : [];
};

export const s390Scanner: Scanner = { decode, loads };
