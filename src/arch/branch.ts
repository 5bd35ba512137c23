import type { Arch, Howto } from "./arch.ts";

/** Whether the bytes before a field make it the distance of a call or jump. */
type OpcodeTest = (code: Uint8Array, offset: number, size: number) => boolean;

/** `call` and `jmp` are e8 and e9, `jcc` 0f 8x; with 8 bits eb and 7x. Intel SDM volume 2. No operand from memory ends in these bytes before its displacement. */
const x86: OpcodeTest = (code, offset, size) => {
  const last = code[offset - 1] ?? 0;
  if (size === 1) return last === 0xeb || (last & 0xf0) === 0x70;
  return last === 0xe8 || last === 0xe9 || ((last & 0xf0) === 0x80 && code[offset - 2] === 0x0f);
};

/** BRCL and BRASL are c0 x4 and c0 x5, BRC and BRAS a7 x4 and a7 x5. z/Architecture Principles of Operation, "General Instructions". */
const s390: OpcodeTest = (code, offset) => {
  const [first, second] = [code[offset - 2], (code[offset - 1] ?? 0) & 0xf];
  return (first === 0xc0 || first === 0xa7) && (second === 4 || second === 5);
};

/** Architectures on which one relocation type serves branches and addresses. */
const OPCODES: Readonly<Record<string, OpcodeTest>> = { x86_64: x86, x32: x86, i386: x86, s390x: s390, s390: s390 };

/** Whether a relocated field in code belongs to a call or jump; otherwise the code takes the address, or reads what is there. */
export function isBranchField(arch: Arch, howto: Howto, code: Uint8Array, offset: number): boolean {
  if (howto.role === "branch") return true;
  return howto.pcrel && (OPCODES[arch.name]?.(code, offset, howto.size) ?? false);
}
