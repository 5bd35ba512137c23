import type { ArgumentValue, CallStep, Effect } from "../code.ts";
import { decodeX86, type X86Mode } from "./decode.ts";

/** One instruction, prefixes aside. */
interface Instruction {
  readonly opcode: number;
  /** Byte behind the opcode: ModRM, or the second byte of the opcode. */
  readonly modrm: number;
  /** Byte behind that one. */
  readonly third: number;
  readonly rex: number;
  /** The registers of ModRM, and the one that the opcode itself names. */
  readonly reg: number;
  readonly rm: number;
  readonly low: number;
  readonly immediate: () => ArgumentValue;
}

type EffectOf = (instruction: Instruction) => Omit<Effect, "length">;

const keeps: EffectOf = () => ({ writes: [] });
const ends: EffectOf = () => ({ writes: [], isEnd: true });
const isRegister = ({ modrm }: Instruction): boolean => modrm >= 0xc0;

/** What instructions do to registers, by opcode; the first row that fits counts. Intel SDM volume 2, appendix A. */
const EFFECTS: readonly {
  readonly first: number;
  readonly last?: number;
  readonly when?: (instruction: Instruction) => boolean;
  readonly effect: EffectOf;
}[] = [
  // MOV of an immediate.
  { first: 0xb8, last: 0xbf, effect: ({ low, immediate }) => ({ writes: [[low, immediate()]] }) },
  { first: 0xc7, when: isRegister, effect: ({ rm, immediate }) => ({ writes: [[rm, immediate()]] }) },
  // XOR of a register with itself.
  {
    first: 0x31,
    last: 0x33,
    when: (one) => one.opcode !== 0x32 && isRegister(one) && one.reg === one.rm,
    effect: ({ rm }) => ({ writes: [[rm, 0]] }),
  },
  // LEA.
  { first: 0x8d, effect: ({ reg }) => ({ writes: [[reg, "address"]] }) },
  // RET, CALL, JMP.
  { first: 0xc2, last: 0xc3, effect: ends },
  { first: 0xe8, last: 0xe9, effect: ends },
  { first: 0xeb, effect: ends },
  { first: 0xff, effect: ({ rm, reg }) => ({ writes: [[rm, undefined]], isEnd: [2, 3, 4, 5].includes(reg & 7) }) },
  {
    first: 0x00,
    last: 0xff,
    when: ({ opcode }) => isWithoutModrm(opcode),
    effect: ({ opcode, low }) => ({ writes: accumulatorWrites(opcode, low) }),
  },
  // POP.
  { first: 0x58, last: 0x5f, effect: ({ low }) => ({ writes: [[low, undefined]] }) },
  // Jcc, of one and of two bytes.
  { first: 0x70, last: 0x7f, effect: keeps },
  { first: 0x0f, when: ({ modrm }) => modrm >= 0x80 && modrm <= 0x8f, effect: keeps },
  { first: 0x0f, effect: ({ third, rex }) => ({ writes: bothOf(third, rex) }) },
  // CMP and TEST write nothing but flags.
  { first: 0x38, last: 0x3b, effect: keeps },
  { first: 0x84, last: 0x85, effect: keeps },
  // A store or an operation on memory changes no register but those it names as its destination; both are given up.
  { first: 0x00, last: 0xff, effect: ({ modrm, rex }) => ({ writes: bothOf(modrm, rex) }) },
];

const BY_OPCODE = Array.from({ length: 256 }, (_, opcode) =>
  EFFECTS.filter(({ first, last = first }) => first <= opcode && opcode <= last),
);

/** What one instruction does to the registers, by its opcode. */
export const x86Step =
  (mode: X86Mode): CallStep =>
  (code, start, _get, relocated) => {
    const decoded = decodeX86(code, start, mode);
    if (decoded === undefined) return { length: 1, writes: [], isEnd: true };
    const { length, immediateSize } = decoded;
    let at = start;
    while (isPrefix(code[at] as number) && at < start + length) at++;
    const rex = mode === 64 && ((code[at] as number) & 0xf0) === 0x40 ? (code[at++] as number) : 0;
    const opcode = code[at] as number;
    const modrm = code[at + 1] ?? 0;
    const field = start + length - immediateSize;
    const instruction: Instruction = {
      opcode,
      modrm,
      third: code[at + 2] ?? 0,
      rex,
      reg: ((modrm >> 3) & 7) + (rex & 4 ? 8 : 0),
      rm: (modrm & 7) + (rex & 1 ? 8 : 0),
      low: (opcode & 7) + (rex & 1 ? 8 : 0),
      immediate: () => (relocated.has(field) ? "address" : signed(code, field, immediateSize)),
    };
    const row = BY_OPCODE[opcode]?.find(({ when }) => when?.(instruction) ?? true);
    return { length, ...(row?.effect(instruction) ?? { writes: [] }) };
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
