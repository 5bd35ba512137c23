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

/** The bytes of one instruction. */
type Bytes = (index: number) => number;

const toOf = (byte: Bytes): number => byte(1) >>> 4;
const indexOf = (byte: Bytes): number => byte(1) & 15;
const baseOf = (byte: Bytes): number => byte(2) >>> 4;
const shortOf = (byte: Bytes): number => ((byte(2) & 15) << 8) | byte(3);
/** Twenty bits with a sign: the upper eight are in the fifth byte. */
const longOf = (byte: Bytes): number => signExtend((byte(4) << 12) | shortOf(byte), 20);

/** LR, and the two-byte load of a register pair, of instructions of two bytes. */
const COPIES: readonly number[] = [0x18, 0x58];
/** RRE instructions of 64 bits that load or extend a register. */
const EXTENDING: readonly number[] = [0x04, 0x06, 0x07, 0x14, 0x16, 0x17];

/** ROTATE THEN INSERT SELECTED BITS, ADD IMMEDIATE with two registers, by the sixth byte. */
const TWO_REGISTERS: readonly number[] = [0x55, 0x59, 0xd8, 0xd9];

/** The formats that reach memory or write a register, by the first byte; the first that fits counts. */
const FORMATS: readonly { readonly has: (first: number) => boolean; readonly meaning: (byte: Bytes) => Meaning }[] = [
  { has: isIndexed, meaning: indexed },
  { has: hasTwoOperands, meaning: twoOperands },
  // SI, SIL, RS, RSY, S.
  {
    has: (first) => (first >= 0x90 && first <= 0x98) || [0xb2, 0xe5, 0xeb].includes(first),
    meaning: (byte) => access(baseOf(byte), byte(0) === 0xeb ? longOf(byte) : shortOf(byte), -1),
  },
  // LHI and LGHI; LARL and LGFI; the relative loads, of which three store.
  { has: (first) => first === 0xa7, meaning: writesIf((byte) => [8, 9].includes(indexOf(byte))) },
  { has: (first) => first === 0xc0, meaning: writesIf((byte) => indexOf(byte) <= 1) },
  { has: (first) => first === 0xc4, meaning: writesIf((byte) => ![7, 11, 15].includes(indexOf(byte))) },
  { has: (first) => first === 0xec, meaning: writesIf((byte) => TWO_REGISTERS.includes(byte(5))) },
  // Three registers (arithmetic, LOAD ON CONDITION) from e0 on.
  {
    has: (first) => first === 0xb9,
    meaning: (byte) => (byte(1) >= 0xe0 || EXTENDING.includes(byte(1)) ? writes(byte(3) >>> 4) : NOTHING),
  },
];

function meaning(code: Uint8Array, at: number, length: number): Meaning {
  const byte: Bytes = (index) => code[at + index] as number;
  const first = byte(0);
  if (length === 2) return COPIES.includes(first) ? writes(toOf(byte)) : NOTHING;
  return FORMATS.find(({ has }) => has(first))?.meaning(byte) ?? NOTHING;
}

function writesIf(isWriter: (byte: Bytes) => boolean): (byte: Bytes) => Meaning {
  return (byte) => (isWriter(byte) ? writes(toOf(byte)) : NOTHING);
}

/** Either register of the address may be the anchor. */
function indexed(byte: Bytes): Meaning {
  const first = byte(0);
  const index = indexOf(byte);
  const distance = first === 0xe3 ? longOf(byte) : shortOf(byte);
  const isAddress = first === 0x41 || (first === 0xe3 && byte(5) === 0x71);
  const isWriter =
    (first >= 0x40 && first <= 0x5f && !KEEPING.has(first)) || (first === 0xe3 && !LONG_KEEPING.has(byte(5)));
  const one = access(baseOf(byte), distance, isWriter ? toOf(byte) : -1, isAddress && index === 0);
  return index === 0 ? one : { ...one, second: { base: index, distance } };
}

function twoOperands(byte: Bytes): Meaning {
  const second = { base: byte(4) >>> 4, distance: ((byte(4) & 15) << 8) | byte(5) };
  return { ...access(baseOf(byte), shortOf(byte), -1), second };
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
