import { type CodeModel, NO_ANCHORS, type ResolvedReference } from "../code.ts";
import { decodeX86, type X86Mode } from "./decode.ts";
import { x86References } from "./linked.ts";
import { x86Operands } from "./operands.ts";
import { x86Step } from "./step.ts";

/** Numbers of relocation types that the two machines of the family call differently. */
export interface X86Types {
  readonly pc8: number;
  readonly pc32: number;
}

/** Intel SDM volume 2: code of 32 or 64 bits. x32 is code of 64 bits whose pointers have 32. */
export function x86Code(mode: X86Mode, types: X86Types): CodeModel {
  return {
    instructions: { kind: "x86", mode },
    alignment: 1,
    unitSize: (code, at) => decodeX86(code, at, mode)?.length ?? 1,
    branches: (code, from, to) => branches(code, from, to, mode, types),
    branchKind,
    linked: (linked) => x86References(linked, mode),
    // AMD64 supplement, 3.2.3; with 32 bits the kernel's -mregparm=3.
    argumentRegisters: mode === 64 ? [7, 6, 2, 1, 8, 9] : [0, 2, 1],
    destination,
    loadedConstant: (code, offset) => loadedConstant(code, offset, mode),
    step: x86Step(mode),
    operands: x86Operands(mode),
    endsFlow: (code, from, to) => endsFlow(code, from, to, mode),
    hasDelaySlot: false,
    anchors: NO_ANCHORS,
  };
}

/** Branches with 8 or 32 bits and %rip-relative operands. */
function branches(code: Uint8Array, from: number, to: number, mode: X86Mode, types: X86Types): ResolvedReference[] {
  const found: ResolvedReference[] = [];
  for (let at = from; at < to; ) {
    const instruction = decodeX86(code, at, mode);
    if (instruction === undefined) {
      at++;
      continue;
    }
    const end = at + instruction.length;
    const { immediateSize, displacementOffset } = instruction;
    if (instruction.branch && (immediateSize === 1 || immediateSize === 4)) {
      const offset = end - immediateSize;
      const type = immediateSize === 1 ? types.pc8 : types.pc32;
      found.push({ offset, type, target: end + signed(code, offset, immediateSize) });
    }
    if (instruction.ripRelative) {
      const offset = at + displacementOffset;
      found.push({ offset, type: types.pc32, target: end + signed(code, offset, 4) });
    }
    at = end;
  }
  return found;
}

/** A signed little-endian number of one or four bytes. */
function signed(code: Uint8Array, offset: number, size: number): number {
  if (size === 1) return ((code[offset] as number) << 24) >> 24;
  const byte = (i: number): number => code[offset + i] as number;
  return byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24);
}

/** `call` and `jmp` are e8 and e9, `jcc` 0f 8x; with 8 bits eb and 7x. No operand from memory ends in these bytes before its displacement. */
function branchKind(code: Uint8Array, offset: number, size: number): "call" | "jump" | undefined {
  const last = code[offset - 1] ?? 0;
  if (size === 1) return last === 0xeb || (last & 0xf0) === 0x70 ? "jump" : undefined;
  if (last === 0xe8) return "call";
  return last === 0xe9 || ((last & 0xf0) === 0x80 && code[offset - 2] === 0x0f) ? "jump" : undefined;
}

/** Register that the instruction with this four-byte field loads: `mov $i,%r` (b8+r), `mov $i,%r` (c7 /0), `lea x(%rip),%r` (8d). */
function destination(code: Uint8Array, field: number): number | undefined {
  const last = code[field - 1] ?? 0;
  const before = code[field - 2] ?? 0;
  const first = code[field - 3] ?? 0;
  const rex = (byte: number): number => ((byte & 0xf0) === 0x40 ? byte : 0);
  if (before === 0x8d && (last & 0xc7) === 0x05)
    return copiedTo(code, field + 4, ((last >> 3) & 7) + (rex(first) & 4 ? 8 : 0));
  if (before === 0xc7 && (last & 0xf8) === 0xc0) return (last & 7) + (rex(first) & 1 ? 8 : 0);
  if (last >= 0xb8 && last <= 0xbf) return (last & 7) + (rex(before) & 1 ? 8 : 0);
  return undefined;
}

/** Unoptimised code loads an address into %rax and copies it: `mov %rax,%rdi`, perhaps after the next argument. */
function copiedTo(code: Uint8Array, after: number, register: number): number {
  for (let at = after, i = 0; i < 3 && at + 3 <= code.length; i++) {
    const [rex, opcode, modrm] = code.subarray(at, at + 3) as unknown as [number, number, number];
    const isCopy = (rex & 0xf8) === 0x48 && opcode === 0x89 && modrm >= 0xc0;
    if (isCopy && ((modrm >> 3) & 7) + (rex & 4 ? 8 : 0) === register) return (modrm & 7) + (rex & 1 ? 8 : 0);
    if (rex < 0xb8 || rex > 0xbf) return register;
    at += 5;
  }
  return register;
}

/** `mov $imm32,%reg` (b8+r), `push $imm32` (68). Only the start of the code tells where instructions start. */
function loadedConstant(code: Uint8Array, offset: number, mode: X86Mode): ReturnType<CodeModel["loadedConstant"]> {
  for (let at = 0; at <= offset; ) {
    const instruction = decodeX86(code, at, mode);
    const end = at + (instruction?.length ?? 1);
    if (end <= offset) {
      at = end;
      continue;
    }
    const field = end - 4;
    const opcode = code[field - 1] as number;
    const isLoad = instruction?.immediateSize === 4 && instruction.displacementSize === 0 && field > at;
    // The opcode is all there is before the number, but for a REX prefix.
    if (!isLoad || field - at > 2 || offset < field || !((opcode >= 0xb8 && opcode <= 0xbf) || opcode === 0x68))
      return undefined;
    return {
      offset: field,
      size: 4,
      value: signed(code, field, 4) >>> 0,
      rest: opcode + 0x100 * (field - at === 2 ? (code[at] as number) : 0),
    };
  }
  return undefined;
}

/** RET, IRET, JMP, INT3 and UD2. Intel SDM volume 2. */
function endsFlow(bytes: Uint8Array, from: number, to: number, mode: X86Mode): boolean {
  let last = -1;
  let at = from;
  while (at < to) {
    last = at;
    at += decodeX86(bytes, at, mode)?.length ?? to;
  }
  if (at !== to || last < 0) return false;
  // Prefixes that a return or jump may have: repeat, not tracked, bound, operand size.
  while (last < to - 1 && [0xf2, 0xf3, 0x3e, 0x66].includes(bytes[last] as number)) last++;
  const opcode = bytes[last] as number;
  const next = bytes[last + 1] ?? 0;
  if ([0xc2, 0xc3, 0xca, 0xcb, 0xcc, 0xcf, 0xe9, 0xea, 0xeb].includes(opcode)) return true;
  if (opcode === 0x0f) return next === 0x0b || next === 0xb9;
  return opcode === 0xff && [4, 5].includes((next >> 3) & 7);
}
