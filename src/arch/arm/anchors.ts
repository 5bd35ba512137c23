import { readHalf, readWord } from "../../bytes.ts";
import { access, byForm, computes, type Form, fourBytes, type Meaning, NOTHING, writes } from "../anchors/meaning.ts";
import type { Scanner } from "../anchors/scan.ts";
import type { Decoder } from "../anchors/uses.ts";
import { is } from "../instruction.ts";

const upTo = (i: number): number => (i >>> 12) & 15;
const upBase = (i: number): number => (i >>> 16) & 15;
const isLoad = (i: number): boolean => (i & 0x00100000) !== 0;
/** The U bit: whether a distance is added. */
const signOf = (i: number): number => ((i & 0x00800000) !== 0 ? 1 : -1);
/** The P bit: without it the register itself is the address, and changes afterwards. */
const ifIndexed = (i: number, distance: number): number => ((i & 0x01000000) !== 0 ? distance : 0);

/** Arm ARM, A5.2.4, "Modified immediate constants". */
function rotated(i: number): number {
  const turn = ((i >>> 8) & 15) * 2;
  const byte = i & 0xff;
  return turn === 0 ? byte : ((byte >>> turn) | (byte << (32 - turn))) >>> 0;
}

const addImmediate = (i: number): Meaning => access(upBase(i), signOf(i) * rotated(i), upTo(i), true);

/** LDM and STM of any form: from so many words before the register's address to so many behind. */
function several(base: number, list: number): Meaning {
  let words = 0;
  for (let bits = list; bits !== 0; bits &= bits - 1) words++;
  return { ...access(base, -4 * words, -1), width: 8 * words + 4 };
}

/** Load and store, ADD and SUB of an immediate. Arm ARM, A5.2, A5.3, A7.6. */
const ARM: readonly Form[] = [
  {
    mask: 0x0e000000,
    value: 0x04000000,
    meaning: (i) => access(upBase(i), ifIndexed(i, signOf(i) * (i & 0xfff)), isLoad(i) ? upTo(i) : -1),
  },
  {
    // Halves, signed bytes, pairs: LDRD has the L bit clear.
    mask: 0x0e400090,
    value: 0x00400090,
    when: (i) => (i & 0x60) !== 0,
    meaning: (i) => {
      const distance = signOf(i) * (((i >>> 4) & 0xf0) | (i & 15));
      const isPair = !isLoad(i) && (i & 0x40) !== 0;
      const to = isLoad(i) || (i & 0x60) === 0x40 ? upTo(i) : -1;
      return { ...access(upBase(i), ifIndexed(i, distance), to), width: isPair ? 8 : 4 };
    },
  },
  { mask: 0x0e000000, value: 0x08000000, meaning: (i) => several(upBase(i), i & 0xffff) },
  { mask: 0x0f200e00, value: 0x0d000a00, meaning: (i) => access(upBase(i), signOf(i) * (i & 0xff) * 4, -1) },
  { mask: 0x0fe00000, value: 0x02800000, meaning: addImmediate },
  { mask: 0x0fe00000, value: 0x02400000, meaning: addImmediate },
  {
    // Additions to the register itself (position-independent: of pc) leave it an address; TST, TEQ, CMP and CMN write none.
    mask: 0x0c000000,
    value: 0,
    when: (i) => (i & 0x01900000) !== 0x01100000,
    meaning: (i) => computes(upTo(i), upBase(i), i & 15),
  },
  { mask: 0x0c100000, value: 0x04100000, meaning: (i) => writes(upTo(i)) },
];

const low = (i: number): number => i & 7;
const lowBase = (i: number): number => (i >>> 3) & 7;
const middle = (i: number): number => (i >>> 8) & 7;
const narrowDistance = (i: number): number => (i >>> 6) & 31;
/** Any of sixteen registers: three low bits, and the fourth further up. */
const anyRegister = (i: number): number => (i & 7) | ((i >>> 4) & 8);
const writesMiddle = (i: number): Meaning => writes(middle(i));

/** Thumb instructions of two bytes. Arm ARM, A6.2. */
const NARROW: readonly Form[] = [
  { mask: 0xf800, value: 0x6000, meaning: (i) => access(lowBase(i), narrowDistance(i) * 4, -1) },
  { mask: 0xf800, value: 0x6800, meaning: (i) => access(lowBase(i), narrowDistance(i) * 4, low(i)) },
  { mask: 0xf800, value: 0x7000, meaning: (i) => access(lowBase(i), narrowDistance(i), -1) },
  { mask: 0xf800, value: 0x7800, meaning: (i) => access(lowBase(i), narrowDistance(i), low(i)) },
  { mask: 0xf800, value: 0x8000, meaning: (i) => access(lowBase(i), narrowDistance(i) * 2, -1) },
  { mask: 0xf800, value: 0x8800, meaning: (i) => access(lowBase(i), narrowDistance(i) * 2, low(i)) },
  // STM and LDM.
  { mask: 0xf000, value: 0xc000, meaning: (i) => several(middle(i), i & 0xff) },
  // ADD of three bits, of eight bits.
  { mask: 0xfe00, value: 0x1c00, meaning: (i) => access(lowBase(i), (i >>> 6) & 7, low(i), true) },
  { mask: 0xf800, value: 0x3000, meaning: (i) => access(middle(i), i & 0xff, middle(i), true) },
  // ADD and MOV of any registers.
  { mask: 0xff00, value: 0x4400, meaning: (i) => computes(anyRegister(i), anyRegister(i)) },
  { mask: 0xff00, value: 0x4600, meaning: (i) => writes(anyRegister(i)) },
  // MOV of eight bits, LDR (literal), LDR of the stack, ADR, ADD of the stack pointer.
  { mask: 0xf800, value: 0x2000, meaning: writesMiddle },
  { mask: 0xf800, value: 0x4800, meaning: writesMiddle },
  { mask: 0xf800, value: 0x9800, meaning: writesMiddle },
  { mask: 0xf000, value: 0xa000, meaning: writesMiddle },
  // Shifts, ADD and SUB; loads with an index.
  { mask: 0xe000, value: 0, meaning: (i) => writes(low(i)) },
  { mask: 0xf000, value: 0x5000, when: (i) => (i >>> 9) % 8 > 2, meaning: (i) => writes(low(i)) },
  // TST, CMP and CMN write no register.
  {
    mask: 0xfc00,
    value: 0x4000,
    when: (i) => ![8, 10, 11].includes((i >>> 6) & 15),
    meaning: (i) => computes(low(i), low(i)),
  },
];

/** Of an instruction of four bytes the first half is the upper one. */
const register = (i: number): number => (i >>> 8) & 15;
const ifLoad = (i: number): number => (isLoad(i) ? upTo(i) : -1);
/** Twelve bits in three parts. Arm ARM, A6.3.2: below 0x100 a modified immediate is its low byte. */
const parted = (i: number): number => ((i >>> 15) & 0x800) | ((i >>> 4) & 0x700) | (i & 0xff);
const isPlain = (i: number): boolean => parted(i) < 0x100;
const add = (i: number): Meaning => access(upBase(i), parted(i), register(i), true);
const subtract = (i: number): Meaning => access(upBase(i), -parted(i), register(i), true);
const computesRegister = (i: number): Meaning => computes(register(i), upBase(i));

/** Thumb instructions of four bytes. Arm ARM, A6.3. */
const WIDE: readonly Form[] = [
  { mask: 0xfe800000, value: 0xf8800000, meaning: (i) => access(upBase(i), i & 0xfff, ifLoad(i)) },
  {
    mask: 0xfe800c00,
    value: 0xf8000c00,
    meaning: (i) => access(upBase(i), (i & 0x200) !== 0 ? i & 0xff : -(i & 0xff), ifLoad(i)),
  },
  {
    // LDRD and STRD; without P and W the exclusive ones.
    mask: 0xfe400000,
    value: 0xe8400000,
    when: (i) => (i & 0x01200000) !== 0,
    meaning: (i) => ({ ...access(upBase(i), ifIndexed(i, signOf(i) * (i & 0xff) * 4), ifLoad(i)), width: 8 }),
  },
  {
    // LDM and STM; with both of P and U, or neither, it is RFE or SRS.
    mask: 0xfe400000,
    value: 0xe8000000,
    when: (i) => ((i >>> 23) & 3) % 3 !== 0,
    meaning: (i) => several(upBase(i), i & 0xffff),
  },
  { mask: 0xff200000, value: 0xed000000, meaning: (i) => access(upBase(i), signOf(i) * (i & 0xff) * 4, -1) },
  { mask: 0xfbf00000, value: 0xf2000000, meaning: add },
  { mask: 0xfbe00000, value: 0xf1000000, when: isPlain, meaning: add },
  { mask: 0xfbf00000, value: 0xf2a00000, meaning: subtract },
  { mask: 0xfbe00000, value: 0xf1a00000, when: isPlain, meaning: subtract },
  // Branches and hints.
  { mask: 0xf8008000, value: 0xf0008000, meaning: () => NOTHING },
  { mask: 0xfe000000, value: 0xf8000000, meaning: (i) => (isLoad(i) ? writes(upTo(i)) : NOTHING) },
  { mask: 0xfe000000, value: 0xea000000, meaning: computesRegister },
  { mask: 0xf8000000, value: 0xf0000000, meaning: computesRegister },
  { mask: 0xfe000000, value: 0xfa000000, meaning: computesRegister },
];

const [armMeaning, narrowMeaning, wideMeaning] = [byForm(ARM), byForm(NARROW), byForm(WIDE)];

/** `add r7, sp, #…` and `mov sp, r7`. */
function thumbFrame(code: Uint8Array, little: boolean): number | undefined {
  let isSet = false;
  let isTaken = false;
  for (let at = 0; at + 2 <= code.length; at += 2) {
    const half = readHalf(code, at, little);
    if ((half & 0xff00) === 0xaf00) isSet = true;
    if (half === 0x46bd) isTaken = true;
  }
  return isSet && isTaken ? 7 : undefined;
}

/** `add fp, sp, #…`, and `sub sp, fp, #…` or `add sp, fp, #…`. */
function armFrame(code: Uint8Array, little: boolean): number | undefined {
  let isSet = false;
  let isTaken = false;
  for (let at = 0; at + 4 <= code.length; at += 4) {
    const word = readWord(code, at, little);
    if (is(word, 0xfffff000, 0xe28db000)) isSet = true;
    if (is(word, 0xfffff000, 0xe24bd000) || is(word, 0xfffff000, 0xe28bd000)) isTaken = true;
  }
  return isSet && isTaken ? 11 : undefined;
}

export function thumbDecoder(little: boolean): Decoder {
  return (code, at) => {
    if (at + 2 > code.length) return undefined;
    const first = readHalf(code, at, little);
    if (first < 0xe800) return { at, length: 2, ...narrowMeaning(first) };
    if (at + 4 > code.length) return undefined;
    return { at, length: 4, ...wideMeaning((first << 16) | readHalf(code, at + 2, little)) };
  };
}

export const armDecoder = (little: boolean): Decoder => fourBytes(armMeaning, little);

/** MOVT completes an address; in a literal pool it is loaded by LDR (literal), whose pc is ahead and, in Thumb, rounded down. */
export function armScanner(little: boolean): Scanner {
  return {
    decode: armDecoder(little),
    frame: (code) => armFrame(code, little),
    loads: (code, offset) => {
      const i = offset + 4 <= code.length ? readWord(code, offset, little) : 0;
      return (i & 0x0ff00000) === 0x03400000 ? [[offset, (i >>> 12) & 15]] : [];
    },
    pool: ({ at, base, access }) => (base === 15 && access !== undefined ? at + 8 + access.distance : undefined),
  };
}

export function thumbScanner(little: boolean): Scanner {
  return {
    decode: thumbDecoder(little),
    frame: (code) => thumbFrame(code, little),
    loads: (code, offset) => {
      const i = offset + 4 <= code.length ? readHalf(code, offset, little) : 0;
      return (i & 0xfbf0) === 0xf2c0 ? [[offset, (readHalf(code, offset + 2, little) >>> 8) & 15]] : [];
    },
    pool: ({ at, length, base, access }, code) => {
      const first = readHalf(code, at, little);
      const narrow = length === 2 && first >>> 11 === 9 ? (first & 0xff) * 4 : undefined;
      const distance = narrow ?? (base === 15 ? access?.distance : undefined);
      return distance === undefined ? undefined : ((at + 4) & ~3) + distance;
    },
  };
}
