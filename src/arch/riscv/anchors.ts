import { readHalf, readWord } from "../../bytes.ts";
import { access, computes, type Meaning, NOTHING, writes } from "../anchors/meaning.ts";
import { firstBehind, type Load, NEAR, type Scanner } from "../anchors/scan.ts";
import type { Decoder, Step } from "../anchors/uses.ts";
import { signExtend } from "../instruction.ts";

/** Immediates 0 to 2047 of both signs; compressed forms count from x8 to x15. RISC-V unprivileged ISA, 2.3 and 16.8. */
function riscvWide(i: number): Meaning {
  const operation = i & 0x7f;
  const to = (i >>> 7) & 31;
  const base = (i >>> 15) & 31;
  const isFirst = ((i >>> 12) & 7) === 0;
  if (operation === 0x03 || operation === 0x07) return access(base, i >> 20, operation === 3 ? to : -1);
  if (operation === 0x23 || operation === 0x27) return access(base, ((i >> 25) << 5) | to, -1);
  if (operation === 0x13 && isFirst) return access(base, i >> 20, to, true);
  if ([0x13, 0x1b, 0x33, 0x3b].includes(operation)) return computes(to, base);
  if (operation === 0x37 || operation === 0x17) return writes(to);
  return NOTHING;
}

function riscvNarrow(i: number): Meaning {
  const base = 8 + ((i >>> 7) & 7);
  const to = 8 + ((i >>> 2) & 7);
  const by4 = ((i >>> 7) & 0x38) | ((i >>> 4) & 4) | ((i << 1) & 0x40);
  const by8 = ((i >>> 7) & 0x38) | ((i << 1) & 0xc0);
  const full = (i >>> 7) & 31;
  const immediate = signExtend(((i >>> 7) & 32) | ((i >>> 2) & 31), 6);
  switch (((i & 3) << 3) | (i >>> 13)) {
    case 0b00_010:
      return access(base, by4, to);
    case 0b00_011:
      return access(base, by8, to);
    case 0b00_001:
    case 0b00_101:
    case 0b00_111:
      return access(base, by8, -1);
    case 0b00_110:
      return access(base, by4, -1);
    case 0b01_000:
      return access(full, immediate, full, true);
    case 0b01_010:
    case 0b01_011:
    case 0b10_010:
    case 0b10_011:
      return writes(full);
    case 0b10_100:
      return ((i >>> 2) & 31) === 0 || (i & 0x1000) !== 0 ? NOTHING : writes(full);
    default:
      return NOTHING;
  }
}

const decode: Decoder = (code, at) => {
  if (at + 2 > code.length) return undefined;
  const isWide = ((code[at] as number) & 3) === 3;
  if (!isWide) return { at, length: 2, ...riscvNarrow(readHalf(code, at, true)) };
  return at + 4 > code.length ? undefined : { at, length: 4, ...riscvWide(readWord(code, at, true) | 0) };
};

/** LUI or AUIPC begins an address, ADDI completes it; other instructions with the low part have a relocation of their own. */
function loads(code: Uint8Array, offset: number, steps: readonly Step[]): Load[] {
  const high = (readHalf(code, offset, true) >>> 7) & 31;
  const found: Load[] = [];
  for (let index = firstBehind(steps, offset), end = index + NEAR; index < end && index < steps.length; index++) {
    const { at, length, base, access, writes } = steps[index] as Step;
    if (base === high && access?.isAddress === true && access.distance === 0 && length === 4) found.push([at, writes]);
    if (writes === high || found.length > 0) break;
  }
  return found;
}

const FRAME = 8;

/** `addi s0, sp, N` where the frame is N bytes large: no variable of the function lies there. */
function frame(code: Uint8Array): number | undefined {
  const sizes = new Set<number>();
  const places = new Set<number>();
  for (let at = 0; at + 2 <= code.length; at += 2) {
    const half = readHalf(code, at, true);
    const word = at + 4 <= code.length ? readWord(code, at, true) | 0 : 0;
    if ((word & 0xfffff) === 0x10113) sizes.add(-(word >> 20));
    if ((word & 0xfffff) === 0x10413) places.add(word >> 20);
    // C.ADDI16SP, C.ADDI of sp, C.ADDI4SPN to s0.
    if ((half & 0xef83) === 0x6101) sizes.add(-stackStep(half));
    if ((half & 0xef83) === 0x0101) sizes.add(-signExtend(((half >>> 7) & 32) | ((half >>> 2) & 31), 6));
    if ((half & 0xe01f) === 0) places.add(stackPlace(half));
  }
  return [...places].some((place) => place > 0 && sizes.has(place)) ? FRAME : undefined;
}

/** The immediate of C.ADDI16SP: bits 9, 4, 6, 8 and 7, 5. */
function stackStep(half: number): number {
  const bit = (from: number, to: number): number => ((half >>> from) & 1) << to;
  const value = bit(12, 9) | bit(6, 4) | bit(5, 6) | (((half >>> 3) & 3) << 7) | bit(2, 5);
  return signExtend(value, 10);
}

/** The immediate of C.ADDI4SPN: bits 5 and 4, 9 to 6, 2, 3. */
function stackPlace(half: number): number {
  return (
    (((half >>> 11) & 3) << 4) | (((half >>> 7) & 15) << 6) | (((half >>> 6) & 1) << 2) | (((half >>> 5) & 1) << 3)
  );
}

export const riscvScanner: Scanner = { decode, loads, frame };
