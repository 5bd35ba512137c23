import type { PaddingTest } from "../padding.ts";
import { decodeX86, type X86Mode } from "./decode.ts";

/** A test for what assemblers and the kernel put between x86 functions: no-ops of any length, int3, zeros. */
export function x86PaddingTest(mode: X86Mode): PaddingTest {
  return (bytes, from, to) => {
    for (let at = from; at < to; ) {
      const byte = bytes[at];
      const length = byte === 0xcc || byte === 0 ? 1 : nopLength(bytes, at, to, mode);
      if (length === 0) return false;
      at += length;
    }
    return true;
  };
}

/** Length of the no-op at an offset, 0 if there is none that ends before `to`. */
function nopLength(bytes: Uint8Array, at: number, to: number, mode: X86Mode): number {
  const insn = decodeX86(bytes, at, mode);
  if (!insn || at + insn.length > to) return 0;
  let opcode = at;
  while (isNopPrefix(bytes[opcode] as number, mode)) opcode++;
  const tail = bytes.subarray(opcode, at + insn.length);
  if (isNop(tail, bytes[at] === 0x48 || mode === 32)) return insn.length;
  return insn.branch && insn.length === 2 ? jumpedNops(bytes, at, to) : 0;
}

/** Segment, operand-size and REX.W prefixes: a no-op may carry any number of the first two. */
function isNopPrefix(byte: number, mode: X86Mode): boolean {
  return byte === 0x66 || byte === 0x2e || byte === 0x3e || (mode === 64 && byte === 0x48);
}

/**
 * `nop`, `nopw 0(…)` (0f 1f), and where nothing is lost by it (32-bit code, or REX.W) a `mov` or `lea` of a register to
 * itself.
 */
function isNop(insn: Uint8Array, keepsRegister: boolean): boolean {
  const [opcode, modrm = 0] = insn;
  const reg = (modrm >> 3) & 7;
  if (opcode === 0x90) return true;
  if (opcode === 0x0f) return modrm === 0x1f;
  if (!keepsRegister) return false;
  if (opcode === 0x89 || opcode === 0x8b) return modrm >> 6 === 3 && reg === (modrm & 7);
  return opcode === 0x8d && isLeaToSelf(insn, modrm, reg);
}

/** `lea 0(%r,%riz),%r`: no index, displacement 0, base equal to destination. */
function isLeaToSelf(insn: Uint8Array, modrm: number, reg: number): boolean {
  const mod = modrm >> 6;
  if (mod === 3 || (mod === 0 && reg === 5)) return false;
  const hasSib = (modrm & 7) === 4;
  const sib = insn[2] as number;
  const base = hasSib ? sib & 7 : modrm & 7;
  if (base !== reg || (hasSib && ((sib >> 3) & 7) !== 4)) return false;
  return insn.subarray(hasSib ? 3 : 2).every((byte) => byte === 0);
}

/** `jmp` over nothing but one-byte no-ops, which old assemblers put into long gaps. */
function jumpedNops(bytes: Uint8Array, at: number, to: number): number {
  if (bytes[at] !== 0xeb) return 0;
  const distance = bytes[at + 1] as number;
  const end = at + 2 + distance;
  if (distance > 127 || end > to) return 0;
  return bytes.subarray(at + 2, end).every((byte) => byte === 0x90) ? end - at : 0;
}
