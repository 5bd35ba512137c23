import { access, computes, fourBytes, type Meaning, NOTHING, writes } from "../anchors/meaning.ts";
import type { Scanner } from "../anchors/scan.ts";
import type { Decoder } from "../anchors/uses.ts";
import { readHalf, readWord } from "../instruction.ts";

/** Load and store, ADD and SUB of an immediate. Arm ARM, A5.2, A5.3, A7.6. */
function armMeaning(i: number): Meaning {
  const base = (i >>> 16) & 15;
  const to = (i >>> 12) & 15;
  const sign = (i & 0x00800000) !== 0 ? 1 : -1;
  const isLoad = (i & 0x00100000) !== 0;
  const isPre = (i & 0x01000000) !== 0;
  if ((i & 0x0e000000) === 0x04000000) return access(base, isPre ? sign * (i & 0xfff) : 0, isLoad ? to : -1);
  if ((i & 0x0e400090) === 0x00400090 && (i & 0x60) !== 0) {
    const distance = isPre ? sign * (((i >>> 4) & 0xf0) | (i & 15)) : 0;
    // LDRD and STRD.
    const width = !isLoad && (i & 0x40) !== 0 ? 8 : 4;
    return { ...access(base, distance, isLoad || (i & 0x60) === 0x40 ? to : -1), width };
  }
  if ((i & 0x0e000000) === 0x08000000) return several(base, i & 0xffff);
  if ((i & 0x0f200e00) === 0x0d000a00) return access(base, sign * (i & 0xff) * 4, -1);
  if ((i & 0x0fe00000) === 0x02800000 || (i & 0x0fe00000) === 0x02400000) {
    const turn = ((i >>> 8) & 15) * 2;
    const byte = i & 0xff;
    const amount = turn === 0 ? byte : ((byte >>> turn) | (byte << (32 - turn))) >>> 0;
    return access(base, (i & 0x00800000) !== 0 ? amount : -amount, to, true);
  }
  const isCompare = (i & 0x01900000) === 0x01100000;
  // Additions to the register itself (position-independent: of pc) leave it an address.
  if ((i & 0x0c000000) === 0 && !isCompare) return computes(to, base, i & 15);
  if ((i & 0x0c100000) === 0x04100000) return writes(to);
  return NOTHING;
}

/** LDM and STM of any form: from so many words before the register's address to so many behind. */
function several(base: number, list: number): Meaning {
  let words = 0;
  for (let bits = list; bits !== 0; bits &= bits - 1) words++;
  return { ...access(base, -4 * words, -1), width: 8 * words + 4 };
}

function thumbNarrow(i: number): Meaning {
  const base = (i >>> 3) & 7;
  const to = i & 7;
  const distance = (i >>> 6) & 31;
  const form = i >>> 11;
  if (form === 12 || form === 13) return access(base, distance * 4, form === 13 ? to : -1);
  if (form === 14 || form === 15) return access(base, distance, form === 15 ? to : -1);
  if (form === 16 || form === 17) return access(base, distance * 2, form === 17 ? to : -1);
  if (form === 24 || form === 25) return several((i >>> 8) & 7, i & 0xff);
  if ((i & 0xfe00) === 0x1c00) return access(base, (i >>> 6) & 7, to, true);
  if (form === 6) return access((i >>> 8) & 7, i & 0xff, (i >>> 8) & 7, true);
  if ((i & 0xff00) === 0x4400) return computes((i & 7) | ((i >>> 4) & 8), (i & 7) | ((i >>> 4) & 8));
  if ((i & 0xff00) === 0x4600) return writes((i & 7) | ((i >>> 4) & 8));
  if (form === 4 || form === 9 || form === 19 || form === 20 || form === 21) return writes((i >>> 8) & 7);
  if (form < 4 || ((i & 0xf000) === 0x5000 && (i >>> 9) % 8 > 2)) return writes(to);
  if ((i & 0xfc00) === 0x4000 && ![8, 10, 11].includes((i >>> 6) & 15)) return computes(to, to);
  return NOTHING;
}

function thumbWide(first: number, second: number): Meaning {
  const base = first & 15;
  const to = second >>> 12;
  const isLoad = (first & 0x10) !== 0;
  if ((first & 0xfe80) === 0xf880) return access(base, second & 0xfff, isLoad ? to : -1);
  if ((first & 0xfe80) === 0xf800 && (second & 0x0c00) === 0x0c00)
    return access(base, (second & 0x200) !== 0 ? second & 0xff : -(second & 0xff), isLoad ? to : -1);
  if ((first & 0xfe40) === 0xe840 && (first & 0x0120) !== 0) {
    const distance = (second & 0xff) * ((first & 0x80) !== 0 ? 4 : -4);
    return { ...access(base, (first & 0x100) !== 0 ? distance : 0, isLoad ? to : -1), width: 8 };
  }
  if ((first & 0xfe40) === 0xe800 && (first & 0x0180) !== 0 && (first & 0x0180) !== 0x0180)
    return several(base, second);
  if ((first & 0xff20) === 0xed00) return access(base, (second & 0xff) * ((first & 0x80) !== 0 ? 4 : -4), -1);
  const amount = ((first & 0x400) << 1) | ((second >>> 4) & 0x700) | (second & 0xff);
  const register = (second >>> 8) & 15;
  if ((first & 0xfbf0) === 0xf200 || ((first & 0xfbe0) === 0xf100 && amount < 0x100))
    return access(base, amount, register, true);
  if ((first & 0xfbf0) === 0xf2a0 || ((first & 0xfbe0) === 0xf1a0 && amount < 0x100))
    return access(base, -amount, register, true);
  if ((first & 0xf800) === 0xf000 && (second & 0x8000) !== 0) return NOTHING;
  if ((first & 0xfe00) === 0xf800) return isLoad ? writes(to) : NOTHING;
  if ((first & 0xfe00) === 0xea00 || (first & 0xf800) === 0xf000 || (first & 0xfe00) === 0xfa00)
    return computes(register, base);
  return NOTHING;
}

export function thumbDecoder(little: boolean): Decoder {
  return (code, at) => {
    if (at + 2 > code.length) return undefined;
    const first = readHalf(code, at, little);
    if (first < 0xe800) return { at, length: 2, ...thumbNarrow(first) };
    if (at + 4 > code.length) return undefined;
    return { at, length: 4, ...thumbWide(first, readHalf(code, at + 2, little)) };
  };
}

export const armDecoder = (little: boolean): Decoder => fourBytes(armMeaning, little);

/** MOVT completes an address; in a literal pool it is loaded by LDR (literal), whose pc is ahead and, in Thumb, rounded down. */
export function armScanner(little: boolean): Scanner {
  return {
    decode: armDecoder(little),
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
