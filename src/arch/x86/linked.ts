import { type LinkedCode, type LinkedReference, signedAt } from "../linked.ts";
import { decodeX86, type X86Instruction } from "./decode.ts";

/** Types with the fields in question. System V ABI AMD64, 4.4.1; Intel386 supplement, "Relocation Types". */
const TYPES = {
  64: { pc8: 15, pc32: 2, absolute: 11, whole: 1, thread: 23, module: 21, gotpc: 26, gotoff: 11 },
  32: { pc8: 22, pc32: 2, absolute: 1, whole: 1, thread: 17, module: 32, gotpc: 10, gotoff: 9 },
} as const;
const EBX = 3;
/** R_386_PC8. */
const PC8_386 = 23;

/** What is known of an instruction beyond the places of its fields. */
interface Operation {
  readonly opcode: number;
  /** Offset of the ModRM byte; meaningless without a displacement. */
  readonly modrm: number;
  readonly hasThreadSegment: boolean;
}

/** Reads the code of x86-64 (64) and IA-32 (32). Intel SDM volume 2. */
export function x86References(linked: LinkedCode, mode: 32 | 64): LinkedReference[] {
  const { code, base } = linked;
  const found: LinkedReference[] = [];
  const types = TYPES[mode];
  /** IA-32: registers that hold an address which a thunk told. */
  let registers = new Map<number, number>();
  if (linked.gotPointer !== undefined) registers.set(EBX, linked.gotPointer);
  /** The same for places on the stack, by the bytes that address them. */
  let kept = new Map<string, number>();
  let pending: { readonly register: number; readonly value: number } | undefined;
  for (let at = 0; at < code.length; ) {
    if (linked.starts.has(at)) {
      registers = new Map();
      kept = new Map();
      pending = undefined;
    }
    const instruction = decodeX86(code, at, mode);
    if (instruction === undefined) {
      at++;
      continue;
    }
    const end = at + instruction.length;
    if (linked.isPadding(at, end)) {
      at = end;
      continue;
    }
    const { immediateSize, displacementSize, displacementOffset } = instruction;
    const operation = operationOf(code, at, instruction, mode);
    if (instruction.branch && (immediateSize === 1 || immediateSize === 4)) {
      const offset = end - immediateSize;
      const target = end + signedAt(code, offset, immediateSize);
      const pc8 = mode === 64 ? types.pc8 : PC8_386;
      found.push({ offset, type: immediateSize === 1 ? pc8 : types.pc32, value: base + target, use: "branch" });
      const register =
        mode === 32 && operation.opcode === 0xe8 ? thunkRegister(linked.codeAt(base + target)) : undefined;
      pending = register === undefined ? undefined : { register, value: base + end };
      at = end;
      continue;
    }
    const use = operation.opcode === 0x8d ? "address" : "load";
    const field = at + displacementOffset;
    if (instruction.ripRelative) {
      found.push({ offset: field, type: types.pc32, value: base + end + signedAt(code, field, 4), use });
    } else if (displacementSize === 4) {
      const reference = displacement(linked, field, operation, registers, mode, use);
      if (reference !== undefined) found.push(reference);
    }
    if (operation.hasThreadSegment && isWholeAddress(operation.opcode)) {
      const value = signedAt(code, end - immediateSize, 4);
      if (linked.threadSize > 0) found.push({ offset: end - immediateSize, type: types.thread, value, use: "thread" });
    } else if (!instruction.branch && immediateSize === 4) {
      const offset = end - 4;
      const value = signedAt(code, offset, 4);
      const added = pending !== undefined && addedTo(code, at, instruction) === pending.register ? pending : undefined;
      if (added !== undefined) {
        registers.set(added.register, (added.value + value) >>> 0);
        found.push({ offset, type: types.gotpc, value: (added.value + value) >>> 0, use: "address" });
      } else if (linked.isAddress(value >>> 0, at)) {
        found.push({ offset, type: types.absolute, value: value >>> 0, use: "address" });
      } else if (isRelocatedSmall(linked, value) && isLongAdd(code, at, instruction)) {
        found.push({ offset, type: types.thread, value, use: "thread" });
      }
    } else if (immediateSize === 8) {
      const value = signedAt(code, end - 4, 4) * 2 ** 32 + (signedAt(code, end - 8, 4) >>> 0);
      if (linked.isAddress(value, at)) found.push({ offset: end - 8, type: types.whole, value, use: "address" });
    }
    if (mode === 32 && registers.size > 0) move(code.subarray(at, end), registers, kept);
    pending = undefined;
    at = end;
  }
  return found;
}

function displacement(
  linked: LinkedCode,
  offset: number,
  { opcode, modrm, hasThreadSegment }: Operation,
  registers: ReadonlyMap<number, number>,
  mode: 32 | 64,
  use: "address" | "load",
): LinkedReference | undefined {
  const { code } = linked;
  const types = TYPES[mode];
  const value = signedAt(code, offset, 4);
  if (hasThreadSegment)
    return linked.threadSize === 0 ? undefined : { offset, type: types.thread, value, use: "thread" };
  for (const register of mode === 32 ? baseRegisters(code, modrm, offset) : []) {
    const start = registers.get(register);
    const address = start === undefined ? undefined : (start + value) >>> 0;
    if (address !== undefined && linked.isMapped(address)) return { offset, type: types.gotoff, value: address, use };
  }
  if (linked.isAddress(value >>> 0, offset)) return { offset, type: types.absolute, value: value >>> 0, use };
  // A compiler loads a known number by `mov`: `lea` of a displacement alone leaves it to the linker.
  const isAlone = mode === 32 && opcode === 0x8d && ((code[modrm] ?? 0) & 0xc7) === 5;
  if (isAlone && linked.threadSize > 0 && Math.abs(value) <= linked.threadSize + 64)
    return value < 0
      ? { offset, type: types.thread, value, use: "thread" }
      : { offset, type: types.module, value, use: "module" };
  if ((code[modrm] ?? 0) >>> 6 !== 2 || !isRelocatedSmall(linked, value)) return undefined;
  return value < 0
    ? { offset, type: types.thread, value, use: "thread" }
    : { offset, type: types.module, value, use: "module" };
}

/** `mov` between the accumulator and an address that stands whole in the instruction. */
function isWholeAddress(opcode: number): boolean {
  return opcode >= 0xa0 && opcode <= 0xa3;
}

/** An assembler writes a known number of this size in one byte: four bytes were left to the linker, for the offset of a thread-local. */
function isRelocatedSmall({ threadSize }: LinkedCode, value: number): boolean {
  return threadSize > 0 && value >= -128 && value < 128 && Math.abs(value) <= threadSize + 64;
}

function operationOf(code: Uint8Array, at: number, instruction: X86Instruction, mode: 32 | 64): Operation {
  let next = at;
  let hasThreadSegment = false;
  const segment = mode === 64 ? 0x64 : 0x65;
  for (; next < at + instruction.length; next++) {
    const byte = code[next] as number;
    const isPrefix =
      (byte & 0xe7) === 0x26 || (byte & 0xfc) === 0x64 || byte === 0xf0 || byte === 0xf2 || byte === 0xf3;
    if (!isPrefix) break;
    hasThreadSegment ||= byte === segment;
  }
  if (mode === 64 && ((code[next] ?? 0) & 0xf0) === 0x40) next++;
  const field = at + instruction.displacementOffset;
  // With mod 0 or 2, r/m 4 has a SIB byte between the ModRM byte and the displacement.
  const withoutSib = field - 1;
  const isSib =
    withoutSib - 1 > next && ((code[withoutSib - 1] ?? 0) & 0xc7) % 0xc0 !== 0 && isSibBefore(code, withoutSib);
  return { opcode: code[next] ?? 0, modrm: isSib ? withoutSib - 1 : withoutSib, hasThreadSegment };
}

/** Whether the byte at an offset is a SIB byte: the one before it is a ModRM byte with r/m 4 and a memory operand. */
function isSibBefore(code: Uint8Array, offset: number): boolean {
  const before = code[offset - 1] ?? 0;
  const self = code[offset] ?? 0;
  const isModrmWithSib = (before & 7) === 4 && (before >>> 6 === 2 || (before >>> 6 === 0 && (self & 7) === 5));
  return isModrmWithSib;
}

/** Registers that a displacement of four bytes is added to. */
function baseRegisters(code: Uint8Array, modrm: number, field: number): number[] {
  const mode = (code[modrm] ?? 0) >>> 6;
  const register = (code[modrm] ?? 0) & 7;
  if (modrm === field - 1) return mode === 2 ? [register] : [];
  const sib = code[field - 1] ?? 0;
  const index = sib >>> 6 === 0 ? [(sib >>> 3) & 7] : [];
  return mode === 2 ? [sib & 7, ...index] : index;
}

/** Follows `mov` between registers, and between a register and the stack: %esp or %ebp with a displacement. */
function move(instruction: Uint8Array, registers: Map<number, number>, kept: Map<string, number>): void {
  const [opcode, modrm = 0, sib = 0] = instruction;
  if (opcode !== 0x89 && opcode !== 0x8b) return;
  const [mode, register, memory] = [modrm >>> 6, (modrm >>> 3) & 7, modrm & 7];
  const isStore = opcode === 0x89;
  if (mode === 3) {
    const value = registers.get(isStore ? register : memory);
    if (value !== undefined) registers.set(isStore ? memory : register, value);
    return;
  }
  const isOnStack = (memory === 4 && sib === 0x24) || (memory === 5 && mode !== 0);
  if (!isOnStack) return;
  const place = `${modrm & 0xc7} ${instruction.subarray(2).join()}`;
  const value = isStore ? registers.get(register) : kept.get(place);
  if (value === undefined) {
    if (isStore) kept.delete(place);
  } else if (isStore) kept.set(place, value);
  else registers.set(register, value);
}

/** The register of a thunk `mov (%esp),%reg; ret`. */
function thunkRegister(code: Uint8Array): number | undefined {
  const isThunk = code[0] === 0x8b && ((code[1] ?? 0) & 0xc7) === 4 && code[2] === 0x24 && code[3] === 0xc3;
  return isThunk ? ((code[1] as number) >>> 3) & 7 : undefined;
}

/** The register that `add $imm32,%reg` adds to. */
function addedTo(code: Uint8Array, at: number, { length }: X86Instruction): number | undefined {
  if (length === 5 && code[at] === 0x05) return 0;
  return length === 6 && code[at] === 0x81 && ((code[at + 1] ?? 0) & 0xf8) === 0xc0
    ? (code[at + 1] as number) & 7
    : undefined;
}

/** Whether it is `add $imm32,%reg` with any size of register. */
function isLongAdd(code: Uint8Array, at: number, { length }: X86Instruction): boolean {
  const opcode = at + (((code[at] ?? 0) & 0xf0) === 0x40 ? 1 : 0);
  const rest = length - (opcode - at);
  return (
    (rest === 5 && code[opcode] === 0x05) ||
    (rest === 6 && code[opcode] === 0x81 && ((code[opcode + 1] ?? 0) & 0xf8) === 0xc0)
  );
}
