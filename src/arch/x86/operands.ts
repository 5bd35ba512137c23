import type { OperandReader } from "../operands.ts";
import { decodeX86, isLegacyPrefix, type X86Mode } from "./decode.ts";

/** Opcodes whose ModRM reg field is a part of the operation. Intel SDM volume 2, appendix A.4. */
const GROUPS = new Set([
  0x80, 0x81, 0x83, 0x8f, 0xc0, 0xc1, 0xc6, 0xc7, 0xd0, 0xd1, 0xd2, 0xd3, 0xf6, 0xf7, 0xfe, 0xff,
]);
const GROUPS_0F = new Set([0x00, 0x01, 0x18, 0x71, 0x72, 0x73, 0xae, 0xba, 0xc7]);
/** Forms with a short immediate, and the same with a long one. */
const LONG_FORMS: Readonly<Record<number, number>> = { 131: 0x81, 107: 0x69, 106: 0x68, 235: 0xe9 };
/** Opcodes whose low three bits name a register: push, pop, xchg, mov. */
const NAMES_REGISTER = (opcode: number): boolean =>
  (opcode >= 0x50 && opcode <= 0x5f) || (opcode >= 0x91 && opcode <= 0x97) || (opcode >= 0xb8 && opcode <= 0xbf);
const RSP = 4;

/** Intel SDM volume 2, chapter 2. VEX and EVEX prefixes count whole as a part of the operation. */
export function x86Operands(mode: X86Mode): OperandReader {
  return (code, at) => {
    const instruction = decodeX86(code, at, mode);
    if (instruction === undefined || instruction.branch) return undefined;
    const { length, modrmOffset, displacementOffset, displacementSize, immediateSize } = instruction;
    const operandsAt = modrmOffset ?? length - immediateSize;
    const head = code.subarray(at, at + operandsAt);
    const start = head.findIndex((byte) => !isLegacyPrefix(byte));
    const hasRex = mode === 64 && ((head[start] ?? 0) & 0xf0) === 0x40;
    const rex = hasRex ? (head[start] as number) : 0;
    const prefixes = Buffer.from(head.subarray(0, start)).toString("hex");
    const opcodes = head.subarray(start + (hasRex ? 1 : 0));
    if (opcodes.length === 0) return undefined;
    const registers: number[] = [];
    const words = [prefixes, rex & 8];
    let [last, isGroup] = [opcodes.at(-1) as number, false];
    if (opcodes.length === 1) {
      isGroup = GROUPS.has(last);
      last = LONG_FORMS[last] ?? last;
      if (NAMES_REGISTER(last)) {
        registers.push((last & 7) + (rex & 1 ? 8 : 0));
        last &= 0xf8;
      }
    } else isGroup = opcodes.length === 2 && opcodes[0] === 0x0f && GROUPS_0F.has(last);
    words.push(Buffer.from(opcodes.subarray(0, -1)).toString("hex"), last);
    let base: number | undefined;
    if (modrmOffset !== undefined) {
      const modrm = code[at + modrmOffset] as number;
      const [mod, reg, rm] = [modrm >> 6, (modrm >> 3) & 7, modrm & 7];
      if (isGroup) words.push(`/${reg}`);
      else registers.push(reg + (rex & 4 ? 8 : 0));
      const isMemory = mod !== 3;
      const sib = isMemory && rm === 4 ? code[at + modrmOffset + 1] : undefined;
      base = (sib === undefined ? rm : sib & 7) + (rex & 1 ? 8 : 0);
      registers.push(base);
      if (sib !== undefined) registers.push(((sib >> 3) & 7) + (rex & 2 ? 8 : 0));
      // A displacement of one byte and one of four are one form; without one it is zero.
      words.push(isMemory ? `memory${mod === 0 && (rm === 5 || (sib ?? 0) % 8 === 5) ? " absolute" : ""}` : "register");
      if (sib !== undefined) words.push(sib >> 6);
    }
    const isAccess = modrmOffset !== undefined && (code[at + modrmOffset] as number) >> 6 !== 3;
    return {
      operation: words.join(" "),
      registers: registers.join(),
      immediate: immediateSize === 0 ? undefined : signed(code, at + length - immediateSize, immediateSize),
      displacement: isAccess ? Number(signed(code, at + displacementOffset, displacementSize)) : undefined,
      onStack: base === RSP,
    };
  };
}

function signed(code: Uint8Array, at: number, size: number): bigint {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(code[at + i] ?? 0);
  return size === 0 ? 0n : BigInt.asIntN(8 * size, value);
}
