/** The fields of one instruction, as offsets from its first byte. Intel SDM volume 2, chapter 2 and appendix A. */
export interface X86Instruction {
  readonly length: number;
  /** Where the ModRM byte stands; undefined where there is none. */
  readonly modrmOffset: number | undefined;
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

/**
 * Forms of the opcodes behind VEX, EVEX, XOP and REX2, by map number; a letter alone stands for the whole map. Map 4 of
 * EVEX has the one-byte opcodes with ModRM, and shld and shrd at 24 and 2c.
 */
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
  32: ONE_BYTE,
  33: TWO_BYTE,
};

/** Forms with ModRM and an immediate. */
const WITH_IMMEDIATE = "BZDfF";
const IMMEDIATE_BY_OPCODE = Array.from({ length: 256 }, (_, opcode) =>
  [ONE_BYTE, TWO_BYTE, EXTENDED_MAPS[1], EXTENDED_MAPS[4]].some((map) => WITH_IMMEDIATE.includes(map?.[opcode] ?? "x")),
);

/**
 * Whether an instruction whose ModRM byte stands at an offset may have an immediate, in any of the ways to read the bytes
 * before it: one look instead of decoding from every start. The maps that are not asked by opcode have an immediate always.
 */
export function mayHaveImmediate(code: Uint8Array, modrm: number): boolean {
  if (IMMEDIATE_BY_OPCODE[code[modrm - 1] ?? 0]) return true;
  if (code[modrm - 2] === 0x3a) return true;
  const third = code[modrm - 4];
  return third === 0xc4 || third === 0x8f || code[modrm - 5] === 0x62;
}

const LONGEST = 15;

/** What is known once the opcode is read; `at` is where its operands start. */
interface Opcode {
  readonly at: number;
  /** A letter of the tables above; undefined where there is no such opcode. */
  readonly form: string | undefined;
  readonly operand16: boolean;
  readonly address16: boolean;
  readonly wide: boolean;
}

/** What a ModRM byte says, and where the bytes that belong to it end. */
interface Operand {
  readonly at: number;
  readonly reg: number;
  readonly displacementSize: number;
  readonly ripRelative: boolean;
}

/** Decodes the instruction that starts at an offset; undefined when the bytes are not an instruction, or end before it does. */
export function decodeX86(code: Uint8Array, start: number, mode: X86Mode): X86Instruction | undefined {
  const end = Math.min(code.length, start + LONGEST);
  const opcode = readOpcode(code, start, end, mode);
  const { form } = opcode;
  if (form === undefined || UNDEFINED[mode].includes(form)) return undefined;
  const operand = MODRM.includes(form) ? readOperand(code, opcode, mode) : NO_OPERAND;
  const displacementEnd = operand === NO_OPERAND ? opcode.at : operand.at;
  const immediateSize = immediateBytes(form, operand.reg, opcode, mode);
  if (displacementEnd + immediateSize > end) return undefined;
  return {
    length: displacementEnd + immediateSize - start,
    modrmOffset: operand === NO_OPERAND ? undefined : opcode.at - start,
    displacementOffset: displacementEnd - operand.displacementSize - start,
    displacementSize: operand.displacementSize,
    ripRelative: operand.ripRelative,
    immediateSize,
    branch: form === "j" || form === "J",
  };
}

const MODRM = "MBZDfFR";
const UNDEFINED = { 32: "xP", 64: "xPip" };
const NO_OPERAND: Operand = { at: 0, reg: 0, displacementSize: 0, ripRelative: false };

function readOpcode(code: Uint8Array, start: number, end: number, mode: X86Mode): Opcode {
  let at = start;
  let operand16 = false;
  let addressPrefix = false;
  for (; at < end && isLegacyPrefix(code[at] as number); at++) {
    operand16 ||= code[at] === 0x66;
    addressPrefix ||= code[at] === 0x67;
  }
  let wide = false;
  let byte = code[at] ?? 0;
  if (mode === 64 && (byte & 0xf0) === 0x40) {
    wide = (byte & 8) !== 0;
    at++;
    byte = code[at] ?? 0;
  }
  const next = code[at + 1] ?? 0;
  let form: string | undefined;
  const extended = mode === 64 || next >= 0xc0 ? extensionOf(byte, next) : undefined;
  if (byte === 0x0f && (next === 0x38 || next === 0x3a)) {
    form = next === 0x38 ? "M" : "B";
    at += 3;
  } else if (byte === 0x0f) {
    form = TWO_BYTE[next];
    at += 2;
  } else if (extended === undefined) {
    form = ONE_BYTE[byte];
    at += 1;
  } else {
    const { map, prefixSize } = extended;
    form = formOf(map, code[at + prefixSize] ?? 0);
    if (map === REX2_LOW || map === REX2_HIGH) wide = (next & 8) !== 0;
    // EVEX map 4 has the legacy instructions; its prefix field takes the place of 66.
    if (map === 4) operand16 = ((code[at + 2] ?? 0) & 3) === 1;
    at += prefixSize + 1;
  }
  return { at, form, operand16: operand16 && !wide, address16: addressPrefix, wide };
}

/** LOCK, REP, segment, operand and address size. Intel SDM volume 2, section 2.1.1. */
export function isLegacyPrefix(byte: number): boolean {
  return (byte & 0xe7) === 0x26 || (byte & 0xfc) === 0x64 || byte === 0xf0 || byte === 0xf2 || byte === 0xf3;
}

/** Map numbers of our own for what REX2 chooses. */
const REX2_LOW = 32;
const REX2_HIGH = 33;

/** Map and size of the prefix that VEX, EVEX, XOP or REX2 makes of two bytes; undefined where they make none. */
function extensionOf(byte: number, next: number): { map: number; prefixSize: number } | undefined {
  if (byte === 0xc5) return { map: 1, prefixSize: 2 };
  if (byte === 0xc4) return { map: next & 0x1f, prefixSize: 3 };
  if (byte === 0x62) return { map: next & 7, prefixSize: 4 };
  if (byte === 0x8f && (next & 0x1f) >= 8) return { map: next & 0x1f, prefixSize: 3 };
  if (byte === 0xd5) return { map: next & 0x80 ? REX2_HIGH : REX2_LOW, prefixSize: 2 };
  return undefined;
}

function formOf(map: number, opcode: number): string | undefined {
  const forms = EXTENDED_MAPS[map];
  return forms?.length === 1 ? forms : forms?.[opcode];
}

function readOperand(code: Uint8Array, { at, form, address16 }: Opcode, mode: X86Mode): Operand {
  const modrm = code[at] ?? 0;
  const mod = modrm >> 6;
  const rm = modrm & 7;
  const reg = (modrm >> 3) & 7;
  if (mod === 3 || form === "R") return { at: at + 1, reg, displacementSize: 0, ripRelative: false };
  if (mode === 32 && address16) {
    const displacementSize = mod === 0 ? (rm === 6 ? 2 : 0) : mod;
    return { at: at + 1 + displacementSize, reg, displacementSize, ripRelative: false };
  }
  const sibSize = rm === 4 ? 1 : 0;
  const base = rm === 4 ? (code[at + 1] ?? 0) & 7 : rm;
  const displacementSize = mod === 1 ? 1 : mod === 2 || base === 5 ? 4 : 0;
  const ripRelative = mode === 64 && mod === 0 && rm === 5;
  return { at: at + 1 + sibSize + displacementSize, reg, displacementSize, ripRelative };
}

function immediateBytes(form: string, reg: number, { operand16, address16, wide }: Opcode, mode: X86Mode): number {
  const operand = operand16 ? 2 : 4;
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
      return wide ? 8 : operand;
    case "f":
      return reg < 2 ? 1 : 0;
    case "F":
      return reg < 2 ? operand : 0;
    case "o":
      return (mode === 64 ? 8 : 4) / (address16 ? 2 : 1);
    case "p":
      return operand + 2;
    default:
      return 0;
  }
}
