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

export const riscvScanner: Scanner = { decode, loads };
