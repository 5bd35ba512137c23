import { access, type Meaning, NOTHING, writes } from "../anchors/meaning.ts";
import type { Scanner } from "../anchors/scan.ts";
import type { Decoder } from "../anchors/uses.ts";
import { signExtend } from "../instruction.ts";

/** Instructions by their formats. Principles of Operation, chapter 5, "Instruction Formats". */
const decode: Decoder = (code, at) => {
  const first = code[at] as number;
  if (at + 2 > code.length) return undefined;
  const length = first < 0x40 ? 2 : first < 0xc0 ? 4 : 6;
  if (at + length > code.length) return undefined;
  return { at, length, ...meaning(code, at, length) };
};

/** RX instructions that write no general register: stores, comparisons, a branch by a mask, EXECUTE. */
const KEEPING: ReadonlySet<number> = new Set([0x40, 0x42, 0x44, 0x47, 0x49, 0x50, 0x55, 0x59]);
/** The same of RXY instructions, by their sixth byte. */
const LONG_KEEPING: ReadonlySet<number> = new Set([
  0x20, 0x21, 0x24, 0x2f, 0x30, 0x31, 0x34, 0x36, 0x3e, 0x3f, 0x50, 0x55, 0x59, 0x66, 0x67, 0x70, 0x72, 0x79,
]);

function meaning(code: Uint8Array, at: number, length: number): Meaning {
  const byte = (i: number): number => code[at + i] as number;
  const first = byte(0);
  const to = byte(1) >>> 4;
  if (length === 2) return [0x18, 0x58].includes(first) ? writes(to) : NOTHING;
  const index = byte(1) & 15;
  const base = byte(2) >>> 4;
  const low = ((byte(2) & 15) << 8) | byte(3);
  if (isIndexed(first)) {
    const distance = first === 0xe3 ? signExtend((byte(4) << 12) | low, 20) : low;
    const isAddress = first === 0x41 || (first === 0xe3 && byte(5) === 0x71);
    const isWriter =
      (first >= 0x40 && first <= 0x5f && !KEEPING.has(first)) || (first === 0xe3 && !LONG_KEEPING.has(byte(5)));
    const one = access(base, distance, isWriter ? to : -1, isAddress && index === 0);
    return index === 0 ? one : { ...one, second: { base: index, distance } };
  }
  if (hasTwoOperands(first)) {
    const second = { base: byte(4) >>> 4, distance: ((byte(4) & 15) << 8) | byte(5) };
    return { ...access(base, low, -1), second };
  }
  // SI, SIL, RS, RSY, S.
  if ((first >= 0x90 && first <= 0x98) || first === 0xe5 || first === 0xeb || first === 0xb2)
    return access(base, first === 0xeb ? signExtend((byte(4) << 12) | low, 20) : low, -1);
  if (first === 0xa7 && [8, 9].includes(index)) return writes(to);
  if (first === 0xc0 && index <= 1) return writes(to);
  if (first === 0xc4 && ![7, 11, 15].includes(index)) return writes(to);
  // ROTATE THEN INSERT SELECTED BITS, ADD IMMEDIATE with two registers; arithmetic and LOAD ON CONDITION with three.
  if (first === 0xec && [0x55, 0x59, 0xd8, 0xd9].includes(byte(5))) return writes(to);
  if (first === 0xb9 && byte(1) >= 0xe0) return writes(byte(3) >>> 4);
  if (first === 0xb9 && [0x04, 0x14, 0x06, 0x07, 0x16, 0x17].includes(byte(1))) return writes(byte(3) >>> 4);
  return NOTHING;
}

/** RX, RXY, RXE, RXF, VRX: an index stands beside the base. */
function isIndexed(first: number): boolean {
  if (first >= 0x40 && first <= 0x7f) return first !== 0x4d && first !== 0x45;
  return [0xe3, 0xe6, 0xe7, 0xed].includes(first);
}

/** SS and SSF: two operands in memory, each with a base and a displacement (MVC, CLC, XC; MVCOS; decimal arithmetic). */
function hasTwoOperands(first: number): boolean {
  return (
    (first >= 0xd0 && first <= 0xdf) ||
    first >= 0xf0 ||
    [0xc8, 0xe1, 0xe2, 0xe8, 0xe9, 0xea, 0xee, 0xef].includes(first)
  );
}

/** z/Architecture makes addresses by LARL: the field begins at its third byte. */
const loads: Scanner["loads"] = (code, offset) => {
  const second = code[offset - 1] as number;
  return code[offset - 2] === 0xc0 && (second & 15) === 0 ? [[offset - 2, second >>> 4]] : [];
};

export const s390Scanner: Scanner = { decode, loads };
