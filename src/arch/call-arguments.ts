import type { Arch } from "./arch.ts";
import { argumentRegisters } from "./argument.ts";
import { decodeX86 } from "./x86-decode.ts";

/** What a register is known to hold when a call is made: a constant, an address, or nobody knows. */
export type ArgumentValue = number | "address" | undefined;

/** What one instruction does to the registers. */
interface Effect {
  /** Bytes of the instruction. */
  readonly length: number;
  /** Registers that it writes, with what is known of the value. */
  readonly writes: readonly (readonly [register: number, value: ArgumentValue])[];
  /** Whether what follows is not reached from here. */
  readonly isEnd?: boolean;
}

type Get = (register: number) => ArgumentValue;
type Step = (arch: Arch, code: Uint8Array, at: number, get: Get, relocated: ReadonlySet<number>) => Effect;

/**
 * Constants in the argument registers of the calls of one function, by the place of each call's field. One pass over the code:
 * a value holds until something may write the register, code goes on elsewhere, or a call is made. `fields` and `relocated`
 * are offsets in the code: of the calls, and of all relocated fields. Empty where the architecture has no rule.
 */
export function callArguments(
  arch: Arch,
  code: Uint8Array,
  fields: readonly number[],
  relocated: ReadonlySet<number>,
): ReadonlyMap<number, readonly ArgumentValue[]> {
  const step = STEPS[arch.name];
  const order = argumentRegisters(arch);
  const found = new Map<number, readonly ArgumentValue[]>();
  if (step === undefined || fields.length === 0) return found;
  const registers = new Map<number, ArgumentValue>();
  const get: Get = (register) => registers.get(register);
  const calls = [...fields].sort((a, b) => a - b);
  let next = 0;
  for (let at = 0; at < code.length && next < calls.length; ) {
    const effect = step(arch, code, at, get, relocated);
    const end = at + effect.length;
    const isCall = (calls[next] as number) < end;
    if (!isCall) for (const [register, value] of effect.writes) registers.set(register, value);
    if (effect.isEnd === true && !isCall) registers.clear();
    at = end;
    if (!isCall) continue;
    // The instruction behind a MIPS call runs before the callee does.
    if (arch.name.startsWith("mips") && at < code.length) {
      for (const [register, value] of step(arch, code, at, get, relocated).writes) registers.set(register, value);
    }
    while (next < calls.length && (calls[next] as number) < end) found.set(calls[next++] as number, order.map(get));
    registers.clear();
  }
  return found;
}

/** Opcodes (one byte) with ModRM that write nothing but flags or memory: cmp, test. Intel SDM volume 2, appendix A. */
const X86_READS: ReadonlySet<number> = new Set([0x38, 0x39, 0x3a, 0x3b, 0x84, 0x85]);

const x86: Step = (arch, code, start, _get, relocated) => {
  const instruction = decodeX86(code, start, arch.class);
  if (instruction === undefined) return { length: 1, writes: [], isEnd: true };
  const { length, immediateSize } = instruction;
  let at = start;
  while (isPrefix(code[at] as number) && at < start + length) at++;
  const rex = arch.class === 64 && ((code[at] as number) & 0xf0) === 0x40 ? (code[at++] as number) : 0;
  const opcode = code[at] as number;
  const modrm = code[at + 1] ?? 0;
  const field = start + length - immediateSize;
  const reg = ((modrm >> 3) & 7) + (rex & 4 ? 8 : 0);
  const rm = (modrm & 7) + (rex & 1 ? 8 : 0);
  const low = (opcode & 7) + (rex & 1 ? 8 : 0);
  const immediate = (): ArgumentValue => (relocated.has(field) ? "address" : signed(code, field, immediateSize));
  if (opcode >= 0xb8 && opcode <= 0xbf) return { length, writes: [[low, immediate()]] };
  if (opcode === 0xc7 && modrm >= 0xc0) return { length, writes: [[rm, immediate()]] };
  if ((opcode === 0x31 || opcode === 0x33) && modrm >= 0xc0 && reg === rm) return { length, writes: [[rm, 0]] };
  if (opcode === 0x8d) return { length, writes: [[reg, "address"]] };
  if (opcode === 0xeb || opcode === 0xe9 || opcode === 0xc3 || opcode === 0xc2)
    return { length, writes: [], isEnd: true };
  if (opcode === 0xe8) return { length, writes: [], isEnd: true };
  if (opcode === 0xff) return { length, writes: [[rm, undefined]], isEnd: [2, 3, 4, 5].includes(reg & 7) };
  if (isWithoutModrm(opcode)) return { length, writes: accumulatorWrites(opcode, low) };
  if (opcode >= 0x58 && opcode <= 0x5f) return { length, writes: [[low, undefined]] };
  if (opcode >= 0x70 && opcode <= 0x7f) return { length, writes: [] };
  if (opcode === 0x0f) {
    const second = modrm;
    const byte = code[at + 2] ?? 0;
    if (second >= 0x80 && second <= 0x8f) return { length, writes: [] };
    return { length, writes: bothOf(byte, rex) };
  }
  if (X86_READS.has(opcode)) return { length, writes: [] };
  // A store or an operation on memory changes no register but those it names as its destination; both are given up.
  return { length, writes: bothOf(modrm, rex) };
};

/** One-byte opcodes that are followed by no ModRM byte, jumps aside. Intel SDM volume 2, appendix A. */
function isWithoutModrm(opcode: number): boolean {
  if (opcode < 0x40) return (opcode & 7) >= 4;
  if (opcode >= 0x50 && opcode <= 0x57) return true;
  return (opcode >= 0x90 && opcode <= 0xb7) || opcode === 0x68 || opcode === 0x6a || opcode === 0xcc;
}

/** What they write: %rax and %rdx for the most part, a byte register for b0 to b7, both for an exchange. */
function accumulatorWrites(opcode: number, low: number): Effect["writes"] {
  const isTest = opcode === 0x3c || opcode === 0x3d || opcode === 0xa8 || opcode === 0xa9;
  if (isTest || (opcode >= 0x50 && opcode <= 0x57) || opcode === 0x68 || opcode === 0x6a || opcode === 0x90) return [];
  if (opcode >= 0xb0 && opcode <= 0xb7)
    return [
      [low, undefined],
      [low & 3, undefined],
    ];
  return [
    [0, undefined],
    [2, undefined],
    [low, undefined],
  ];
}

function bothOf(modrm: number, rex: number): Effect["writes"] {
  const reg = ((modrm >> 3) & 7) + (rex & 4 ? 8 : 0);
  const rm = (modrm & 7) + (rex & 1 ? 8 : 0);
  return modrm >= 0xc0
    ? [
        [reg, undefined],
        [rm, undefined],
      ]
    : [[reg, undefined]];
}

function isPrefix(byte: number): boolean {
  return [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65].includes(byte);
}

/** A little-endian number of up to 8 bytes, with sign below 8. */
function signed(code: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let i = Math.min(size, 6) - 1; i >= 0; i--) value = value * 0x100 + (code[at + i] ?? 0);
  return size === 4 && value >= 0x8000_0000 ? value - 0x1_0000_0000 : value;
}

function word(arch: Arch, code: Uint8Array, at: number): number {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  return at + 4 <= code.length ? view.getUint32(at, arch.instructionData === "lsb") : 0;
}

/** A step over instructions of four bytes. */
function words(effect: (instruction: number, get: Get) => Omit<Effect, "length">): Step {
  return (arch, code, at, get, relocated) => {
    const made = effect(word(arch, code, at), get);
    const isRelocated = [0, 1, 2, 3].some((i) => relocated.has(at + i));
    const writes = isRelocated ? made.writes.map(([register]) => [register, "address"] as const) : made.writes;
    return { ...made, writes, length: 4 };
  };
}

function is(instruction: number, mask: number, bits: number): boolean {
  return (instruction & mask) >>> 0 === bits >>> 0;
}

const add = (value: ArgumentValue, more: number): ArgumentValue => (typeof value === "number" ? value + more : value);
const sign = (value: number, bits: number): number => (value << (32 - bits)) >> (32 - bits);

/** Arm ARM C6.2: MOVZ, MOVN, MOVK, MOV (register) of zr, B, RET. Every other instruction may write its low five bits. */
const aarch64 = words((i, get) => {
  const rd = i & 31;
  const half = (i >>> 5) & 0xffff;
  const shift = 2 ** (16 * ((i >>> 21) & 3));
  if (is(i, 0x7f800000, 0x52800000)) return { writes: [[rd, half * shift]] };
  if (is(i, 0x7f800000, 0x72800000)) return { writes: [[rd, add(get(rd), half * shift)]] };
  if (is(i, 0x7fffffe0, 0x2a1f03e0)) return { writes: [[rd, 0]] };
  if (is(i, 0xfc000000, 0x14000000) || is(i, 0xfffffc1f, 0xd65f0000)) return { writes: [], isEnd: true };
  return { writes: [[rd, undefined]] };
});

/** Arm ARM A8.8: MOVW, MOVT, MOV (immediate), B, BX. */
const arm = words((i, get) => {
  const rd = (i >>> 12) & 15;
  const half = ((i >>> 4) & 0xf000) | (i & 0xfff);
  if (is(i, 0x0ff00000, 0x03000000)) return { writes: [[rd, half]] };
  if (is(i, 0x0ff00000, 0x03400000)) return { writes: [[rd, add(get(rd), half * 0x10000)]] };
  if (is(i, 0x0fff0000, 0x03a00000)) {
    const turn = ((i >>> 8) & 15) * 2;
    const byte = i & 0xff;
    return { writes: [[rd, turn === 0 ? byte : ((byte >>> turn) | (byte << (32 - turn))) >>> 0]] };
  }
  if (is(i, 0xff000000, 0xea000000) || is(i, 0xfffffff0, 0xe12fff10)) return { writes: [], isEnd: true };
  return { writes: [[rd, undefined]] };
});

/** Power ISA book I: addi, addis (li, lis), ori, b, blr. Logical instructions have their destination in the second field. */
const ppc64 = words((i, get) => {
  const rt = (i >>> 21) & 31;
  const ra = (i >>> 16) & 31;
  if (is(i, 0xfc1f0000, 0x38000000)) return { writes: [[rt, sign(i & 0xffff, 16)]] };
  if (is(i, 0xfc1f0000, 0x3c000000)) return { writes: [[rt, sign(i & 0xffff, 16) * 0x10000]] };
  if (is(i, 0xfc000000, 0x60000000)) return { writes: [[ra, add(get(rt), i & 0xffff)]] };
  if (is(i, 0xfc000003, 0x48000000) || i === 0x4e800020) return { writes: [], isEnd: true };
  return {
    writes: [
      [rt, undefined],
      [ra, undefined],
    ],
  };
});

/** MIPS32 volume II: ADDIU, ORI, LUI, OR of $0, J, JR. */
const mips = words((i, get) => {
  const rs = (i >>> 21) & 31;
  const rt = (i >>> 16) & 31;
  const rd = (i >>> 11) & 31;
  const low = i & 0xffff;
  if (is(i, 0xfc000000, 0x24000000)) return { writes: [[rt, rs === 0 ? sign(low, 16) : add(get(rs), sign(low, 16))]] };
  if (is(i, 0xfc000000, 0x34000000)) return { writes: [[rt, rs === 0 ? low : add(get(rs), low)]] };
  if (is(i, 0xffe00000, 0x3c000000)) return { writes: [[rt, low * 0x10000]] };
  if (is(i, 0xffff07ff, 0x00000025)) return { writes: [[rd, 0]] };
  if (i >>> 26 === 0) return { writes: [[rd, undefined]] };
  return { writes: [[rt, undefined]] };
});

/** LoongArch reference manual 2.2: ADDI.W, ADDI.D, ORI, LU12I.W, B, JIRL. */
const loongarch = words((i, get) => {
  const rd = i & 31;
  const rj = (i >>> 5) & 31;
  const low = (i >>> 10) & 0xfff;
  if (is(i, 0xff800000, 0x02800000)) return { writes: [[rd, rj === 0 ? sign(low, 12) : add(get(rj), sign(low, 12))]] };
  if (is(i, 0xffc00000, 0x03800000)) return { writes: [[rd, rj === 0 ? low : add(get(rj), low)]] };
  if (is(i, 0xfe000000, 0x14000000)) return { writes: [[rd, ((i >>> 5) & 0xfffff) * 0x1000]] };
  if (is(i, 0xfffffc1f, 0x00150000) && rj === 0) return { writes: [[rd, 0]] };
  if (is(i, 0xfc000000, 0x50000000)) return { writes: [], isEnd: true };
  return { writes: [[rd, undefined]] };
});

/** RISC-V unprivileged ISA: ADDI, ADDIW, LUI, C.LI, C.LUI, J, RET. */
const riscv64: Step = (_arch, code, at, get, relocated) => {
  const low = (code[at] ?? 0) | ((code[at + 1] ?? 0) << 8);
  const length = (low & 3) === 3 ? 4 : 2;
  const rd = (low >> 7) & 31;
  if (relocated.has(at)) return { length, writes: [[rd, "address"]] };
  if (length === 2) {
    const immediate = sign(((low >> 2) & 31) | ((low >> 7) & 32), 6);
    if ((low & 0xe003) === 0x4001) return { length, writes: [[rd, immediate]] };
    if ((low & 0xe003) === 0x6001 && rd !== 2) return { length, writes: [[rd, immediate * 0x1000]] };
    if ((low & 0xe003) === 0xa001 || low === 0x8082) return { length, writes: [], isEnd: true };
    // Short forms name one of eight registers in other bits.
    return {
      length,
      writes: [
        [rd, undefined],
        [8 + ((low >> 2) & 7), undefined],
        [8 + ((low >> 7) & 7), undefined],
      ],
    };
  }
  const i = (low | ((code[at + 2] ?? 0) << 16) | ((code[at + 3] ?? 0) << 24)) >>> 0;
  const rs = (i >>> 15) & 31;
  if (is(i, 0x707f, 0x13) || is(i, 0x707f, 0x1b)) {
    const immediate = sign(i >>> 20, 12);
    return { length, writes: [[rd, rs === 0 ? immediate : add(get(rs), immediate)]] };
  }
  if (is(i, 0x7f, 0x37)) return { length, writes: [[rd, sign(i >>> 12, 20) * 0x1000]] };
  if (is(i, 0xfff, 0x6f) || i === 0x8067) return { length, writes: [], isEnd: true };
  return { length, writes: [[rd, undefined]] };
};

/** z/Architecture Principles of Operation: LHI, LGHI, LGFI, LARL, BCR, J. The first two bits of an instruction tell its length. */
const s390x: Step = (_arch, code, at, _get, relocated) => {
  const first = code[at] ?? 0;
  const second = code[at + 1] ?? 0;
  const length = first < 0x40 ? 2 : first < 0xc0 ? 4 : 6;
  const r1 = second >> 4;
  const half = sign(((code[at + 2] ?? 0) << 8) | (code[at + 3] ?? 0), 16);
  if (first === 0xc0 && (second & 15) === 0) return { length, writes: [[r1, "address"]] };
  if (relocated.has(at + 2)) return { length, writes: [[r1, "address"]] };
  if (first === 0xa7 && ((second & 15) === 8 || (second & 15) === 9)) return { length, writes: [[r1, half]] };
  if (first === 0xa7 && second === 0xf4) return { length, writes: [], isEnd: true };
  if (first === 0xc0 && (second & 15) === 1) {
    const low = ((code[at + 4] ?? 0) << 8) | (code[at + 5] ?? 0);
    return { length, writes: [[r1, half * 0x10000 + low]] };
  }
  if (first === 0x41) return { length, writes: [[r1, addressOrConstant(code, at)]] };
  if (first === 0x07 && r1 === 15) return { length, writes: [], isEnd: true };
  if (isStore390(first, second, code[at + 5] ?? 0)) return { length, writes: [] };
  if (first === 0xb9) return { length, writes: [[(code[at + 3] ?? 0) >> 4, undefined]] };
  return { length, writes: [[r1, undefined]] };
};

/** Instructions whose second byte names no register that they write: stores, comparisons with memory, branches on a condition. */
function isStore390(first: number, second: number, last: number): boolean {
  if ([0x40, 0x42, 0x50, 0x90, 0x92, 0x95, 0xe5].includes(first) || (first >= 0xd0 && first <= 0xdf)) return true;
  if (first === 0xe3) return [0x24, 0x50, 0x70, 0x72, 0x2f, 0x3e, 0x3f].includes(last);
  if (first === 0xeb) return [0x24, 0x90, 0x6a, 0x7a, 0x52, 0x55].includes(last);
  return (first === 0xa7 || first === 0xc0) && (second & 15) === 4;
}

/** `la %r,d(0,0)` is how GCC loads a small constant. */
function addressOrConstant(code: Uint8Array, at: number): ArgumentValue {
  const index = (code[at + 1] ?? 0) & 15;
  const base = (code[at + 2] ?? 0) >> 4;
  return index === 0 && base === 0 ? (((code[at + 2] ?? 0) & 15) << 8) | (code[at + 3] ?? 0) : "address";
}

const STEPS: Readonly<Record<string, Step>> = {
  x86_64: x86,
  i386: x86,
  aarch64,
  arm,
  ppc64le: ppc64,
  ppc64,
  s390x,
  riscv64,
  loongarch64: loongarch,
  mips,
  mipsel: mips,
  mips64: mips,
  mips64el: mips,
};
