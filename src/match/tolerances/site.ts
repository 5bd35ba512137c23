import { decodeX86, type X86Instruction, type X86Mode } from "../../arch/x86/decode.ts";
import type { RunCode } from "../../image/run-code.ts";
import type { Span, SpanRelocation, TableEntry } from "../../spans/span.ts";
import type { Context } from "../run-context.ts";
import type { Trial } from "../values.ts";
import type { ThreadValue } from "./thread-locals.ts";

/** Two places that are compared: an offset of the span, and the offset of the run code where it should continue. */
export interface Site {
  readonly context: Context;
  readonly trial: Trial;
  readonly mode: X86Mode;
  readonly span: Span;
  readonly address: bigint;
  readonly pre: Uint8Array;
  /** Offset in the span. */
  readonly at: number;
  /** The instruction there; undefined where the bytes are not an instruction. */
  readonly insn: X86Instruction | undefined;
  readonly relocations: readonly SpanRelocation[];
  /** The run code around the place; `index` is the place in it. */
  readonly run: Uint8Array;
  readonly index: number;
  /** Offset from the candidate's address. */
  readonly runAt: number;
  readonly runInsn: X86Instruction | undefined;
  /** Whether control cannot come here from the instruction before. */
  readonly afterJump: boolean;
  /** Kernel table entries whose address is this place. */
  entries(table: RegExp): readonly TableEntry[];
  /** Relocations of the span in [from, to). */
  fields(from: number, to: number): readonly SpanRelocation[];
  readonly code: RunCode;
}

/** What a rule found out. */
export interface Step {
  /** Bytes that are done on either side. */
  readonly pre: number;
  readonly run: number;
  /** Addresses that relocations turn out to stand for. */
  readonly meant?: readonly (readonly [relocation: SpanRelocation, address: bigint])[];
  /** What relocations turn out to say of thread-locals. */
  readonly thread?: readonly (readonly [relocation: SpanRelocation, value: ThreadValue])[];
  /** A jump inside the span and where the run code goes instead of it. */
  readonly branch?: { readonly pre: number; readonly run: number };
}

/** A signed little-endian number of one or four bytes. */
export function signedAt(code: Uint8Array, offset: number, size: number): number {
  if (size === 1) return ((code[offset] as number) << 24) >> 24;
  const byte = (i: number): number => code[offset + i] ?? 0;
  return byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24);
}

/** Where a direct branch of the run code leads, counted from the candidate's address. */
export function runTarget(site: Site): number {
  const insn = site.runInsn as X86Instruction;
  const end = insn.length;
  return site.runAt + end + signedAt(site.run, site.index + end - insn.immediateSize, insn.immediateSize);
}

/** Where a direct branch of the span leads. */
export function preTarget(site: Site): number {
  const insn = site.insn as X86Instruction;
  const end = site.at + insn.length;
  return end + signedAt(site.pre, end - insn.immediateSize, insn.immediateSize);
}

export function runAddressOf(site: Site, offset: number): bigint {
  return BigInt.asUintN(site.mode, site.address + BigInt(offset));
}

/** Which branch the bytes are: `jmp`, `call`, or `jcc` and the condition; prefixes do not count. Intel SDM volume 2, Jcc, JMP, CALL. */
export function branchKind(code: Uint8Array, at: number, insn: X86Instruction): string | undefined {
  if (!insn.branch) return undefined;
  let opcode = at;
  while (isPrefix(code[opcode] as number)) opcode++;
  const byte = code[opcode] as number;
  if (byte === 0xe8) return "call";
  if (byte === 0xe9 || byte === 0xeb) return "jmp";
  if ((byte & 0xf0) === 0x70) return `jcc ${byte & 15}`;
  if (byte === 0x0f && ((code[opcode + 1] as number) & 0xf0) === 0x80)
    return `jcc ${(code[opcode + 1] as number) & 15}`;
  return `loop ${byte}`;
}

function isPrefix(byte: number): boolean {
  return byte === 0x2e || byte === 0x3e || byte === 0xf2 || byte === 0x66 || byte === 0x67 || (byte & 0xf0) === 0x40;
}

/** Whether bytes are one no-op: nothing but `nop` in any of its lengths. */
export function isNop(site: Site, code: Uint8Array, at: number, insn: X86Instruction | undefined): boolean {
  const byte = code[at];
  if (insn === undefined || byte === 0xcc || byte === 0 || byte === 0xeb) return false;
  return site.context.arch.isPadding(code, at, at + insn.length);
}

/** Length of the no-ops, and of traps, that fill [at, at + length) exactly; 0 if anything else is in it. */
export function isFilled(site: Site, code: Uint8Array, at: number, length: number): boolean {
  return at + length <= code.length && site.context.arch.isPadding(code, at, at + length);
}

export function decodeAt(code: Uint8Array, at: number, mode: X86Mode): X86Instruction | undefined {
  return at < code.length ? decodeX86(code, at, mode) : undefined;
}

/** Whether [index, index + length) of the run code are whole no-ops and nothing else, traps and zeros not included. */
export function isNopRun(site: Site, index: number, length: number): boolean {
  let done = 0;
  while (done < length) {
    const insn = decodeAt(site.run, index + done, site.mode);
    if (!isNop(site, site.run, index + done, insn)) return false;
    done += insn?.length ?? 1;
  }
  return done === length;
}
