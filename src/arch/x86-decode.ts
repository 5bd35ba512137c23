/** The fields of one instruction, as offsets from its first byte. Intel SDM volume 2, chapter 2 and appendix A. */
export interface X86Instruction {
  readonly length: number;
  /** Where the displacement starts; meaningless when `displacementSize` is 0. */
  readonly displacementOffset: number;
  readonly displacementSize: number;
  /** Whether the displacement counts from the end of the instruction (ModRM mod 00, r/m 101 in 64-bit code). */
  readonly ripRelative: boolean;
  /** Bytes of immediate or branch offset, at the end of the instruction. */
  readonly immediateSize: number;
  /** Whether that immediate is the offset of a jump or call. */
  readonly branch: boolean;
}

export type X86Mode = 32 | 64;

/*
 * What follows an opcode, one letter for each of the 256 opcodes of a map, 16 to a line:
 *   .  nothing        M  ModRM             B  ModRM, imm8      Z  ModRM, imm16/32   D  ModRM, imm32
 *   b  imm8           w  imm16             z  imm16/32         e  imm16, imm8       v  imm16/32/64
 *   j  rel8           J  rel16/32          o  address          p  far pointer       x  undefined
 *   f  ModRM, imm8 when reg is 0 or 1      F  ModRM, imm16/32 when reg is 0 or 1
 *   i  nothing in 32-bit code, undefined in 64-bit code          R  ModRM that names registers, whatever its mod
 *   P  prefix, escape or anything else that the decoder handles before it looks here
 */
const ONE_BYTE = [
  "MMMMbziiMMMMbziP",
  "MMMMbziiMMMMbzii",
  "MMMMbzPiMMMMbzPi",
  "MMMMbzPiMMMMbzPi",
  "................",
  "................",
  "iiMMPPPPzZbB....",
  "jjjjjjjjjjjjjjjj",
  "BZBBMMMMMMMMMMMM",
  "..........p.....",
  "oooo....bz......",
  "bbbbbbbbvvvvvvvv",
  "BBw.MMBZe.w..bi.",
  "MMMMbbi.MMMMMMMM",
  "jjjjbbbbJJpj....",
  "P.PP..fF......MM",
].join("");

const TWO_BYTE = [
  "MMMMx.....x.xM.B",
  "MMMMMMMMMMMMMMMM",
  "RRRRxxxxMMMMMMMM",
  "........PxPxxxxx",
  "MMMMMMMMMMMMMMMM",
  "MMMMMMMMMMMMMMMM",
  "MMMMMMMMMMMMMMMM",
  "BBBBMMM.MMxxMMMM",
  "JJJJJJJJJJJJJJJJ",
  "MMMMMMMMMMMMMMMM",
  "...MBMMM...MBMMM",
  "MMMMMMMMMMBMMMMM",
  "MMBMBBBM........",
  "MMMMMMMMMMMMMMMM",
  "MMMMMMMMMMMMMMMM",
  "MMMMMMMMMMMMMMMM",
].join("");

/** Forms of the opcodes behind VEX, EVEX and XOP, by map number; a letter alone stands for the whole map. */
const EXTENDED_MAPS: Readonly<Record<number, string>> = {
  1: TWO_BYTE.replace(/[^MB.]/g, "M"),
  2: "M",
  3: "B",
  4: ONE_BYTE.replace(/[^MBZfF]/g, "M").replace(/^(.{36}).(.{7})./, "$1B$2B"),
  5: "M",
  6: "M",
  7: "D",
  8: "B",
  9: "M",
  10: "D",
};

const LONGEST = 15;

/** Decodes the instruction that starts at an offset; undefined when the bytes are none, or end before it does. */
export function decodeX86(code: Uint8Array, start: number, mode: X86Mode): X86Instruction | undefined {
  const end = Math.min(code.length, start + LONGEST);
  let at = start;
  let operand16 = false;
  let addressPrefix = false;
  for (; at < end; at++) {
    const byte = code[at] as number;
    if (byte === 0x66) operand16 = true;
    else if (byte === 0x67) addressPrefix = true;
    else if (!isLegacyPrefix(byte)) break;
  }

  let wide = false;
  let form: string | undefined;
  let byte = code[at] as number;
  if (mode === 64 && (byte & 0xf0) === 0x40) {
    wide = (byte & 8) !== 0;
    byte = code[++at] as number;
  }
  const next = code[at + 1] as number;
  if (at + 1 >= end && !(at < end && ONE_BYTE[byte] === ".")) return undefined;

  if (mode === 64 && byte === 0xd5) {
    wide = (next & 8) !== 0;
    form = (next & 0x80 ? TWO_BYTE : ONE_BYTE)[code[at + 2] as number];
    at += 3;
  } else if (byte === 0x0f) {
    if (next === 0x38 || next === 0x3a) {
      form = next === 0x38 ? "M" : "B";
      at += 3;
    } else {
      form = TWO_BYTE[next];
      at += 2;
    }
  } else if ((byte === 0xc5 || byte === 0xc4 || byte === 0x62) && (mode === 64 || next >= 0xc0)) {
    const prefix = byte === 0xc5 ? 2 : byte === 0xc4 ? 3 : 4;
    const map = byte === 0xc5 ? 1 : byte === 0xc4 ? next & 0x1f : next & 7;
    if (map === 4) operand16 = ((code[at + 2] as number) & 3) === 1;
    form = extendedForm(map, code[at + prefix] as number);
    at += prefix + 1;
  } else if (byte === 0x8f && (next & 0x1f) >= 8) {
    form = extendedForm(next & 0x1f, code[at + 3] as number);
    at += 4;
  } else {
    form = ONE_BYTE[byte];
    at += 1;
  }
  if (form === undefined || form === "x" || form === "P" || (mode === 64 && (form === "i" || form === "p"))) {
    return undefined;
  }

  let displacementOffset = 0;
  let displacementSize = 0;
  let ripRelative = false;
  let reg = 0;
  if (MODRM_FORMS.includes(form)) {
    if (at >= end) return undefined;
    const modrm = code[at] as number;
    reg = (modrm >> 3) & 7;
    const mod = modrm >> 6;
    const rm = modrm & 7;
    at++;
    if (mode === 32 && addressPrefix) {
      displacementSize = mod === 1 ? 1 : mod === 2 || (mod === 0 && rm === 6) ? 2 : 0;
    } else if (mod !== 3 && form !== "R") {
      const base = rm === 4 ? (code[at++] as number) & 7 : rm;
      ripRelative = mode === 64 && mod === 0 && rm === 5;
      displacementSize = mod === 1 ? 1 : mod === 2 || (mod === 0 && base === 5) ? 4 : 0;
    }
    displacementOffset = at - start;
    at += displacementSize;
  }
  const immediateSize = immediateBytes(form, reg, { mode, operand16: operand16 && !wide, wide, addressPrefix });
  at += immediateSize;
  if (at > end) return undefined;
  const branch = form === "j" || form === "J";
  return { length: at - start, displacementOffset, displacementSize, ripRelative, immediateSize, branch };
}

const MODRM_FORMS = "MBZDfFR";

function isLegacyPrefix(byte: number): boolean {
  return (byte & 0xe7) === 0x26 || byte === 0x64 || byte === 0x65 || byte === 0xf0 || byte === 0xf2 || byte === 0xf3;
}

function extendedForm(map: number, opcode: number): string | undefined {
  const forms = EXTENDED_MAPS[map];
  return forms?.length === 1 ? forms : forms?.[opcode];
}

interface Sizes {
  readonly mode: X86Mode;
  readonly operand16: boolean;
  readonly wide: boolean;
  readonly addressPrefix: boolean;
}

function immediateBytes(form: string, reg: number, sizes: Sizes): number {
  const operand = sizes.operand16 ? 2 : 4;
  switch (form) {
    case "b":
    case "j":
    case "B":
      return 1;
    case "w":
      return 2;
    case "e":
      return 3;
    case "D":
      return 4;
    case "z":
    case "J":
    case "Z":
      return operand;
    case "v":
      return sizes.wide ? 8 : operand;
    case "f":
      return reg < 2 ? 1 : 0;
    case "F":
      return reg < 2 ? operand : 0;
    case "o":
      return sizes.mode === 64 ? (sizes.addressPrefix ? 4 : 8) : sizes.addressPrefix ? 2 : 4;
    case "p":
      return operand + 2;
    default:
      return 0;
  }
}
