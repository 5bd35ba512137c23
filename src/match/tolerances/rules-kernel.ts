import type { X86Instruction } from "../../arch/x86/decode.ts";
import type { Rule } from "./rules.ts";
import { isCallable, isForeign, namesAt } from "./run-functions.ts";
import { branchKind, isFilled, isNop, preTarget, runAddressOf, runTarget, type Site, type Step } from "./site.ts";

const TRACERS = /^(__fentry__|_?_?mcount)$/;
const REGISTERS = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "8", "9", "10", "11", "12", "13", "14", "15"];

/** Name of the function that a call or jump of the span leads to. */
function calledName({ relocations }: Site): string {
  return relocations[0]?.symbol?.name ?? "";
}

/** How many bytes from a place of the run code are traps. */
function trapsAt(run: Uint8Array, index: number): number {
  let count = 0;
  while (run[index + count] === 0xcc) count++;
  return count;
}

/** What a traced function calls: the common entry of the tracer. Others call trampolines of their own, which no symbol names. */
const TRACER_ENTRIES = /^(__fentry__|_?_?mcount|ftrace_(regs_)?caller(_op_ptr)?|ftrace_(stub_)?direct_tramp)$/;

/** Calls of the tracer. */
export const ftraceSite: Rule = {
  name: "ftrace-site",
  why: "the call of the tracer at the function's start is a no-op until it is traced, then a call of a tracer's entry",
  source: "Linux: arch/x86/kernel/ftrace.c, ftrace_make_nop, ftrace_call_adjust, create_trampoline",
  apply(site) {
    const { insn, at, run, index, runInsn } = site;
    if (insn === undefined || !TRACERS.test(calledName(site))) return undefined;
    const length = insn.length;
    if (runInsn?.length === length && isNop(site, run, index, runInsn)) return { pre: length, run: length };
    if (runInsn === undefined || at >= 16 || branchKind(run, index, runInsn) !== "call") return undefined;
    const target = runAddressOf(site, runTarget(site));
    const isTracer = namesAt(site, target).some((name) => TRACER_ENTRIES.test(name)) || isForeign(site, target);
    return isTracer ? { pre: length, run: runInsn.length } : undefined;
  },
};

/** Jump labels. */
export const staticKey: Rule = {
  name: "static-key",
  why: "a static key is a no-op or a jump to the label that its table entry names, whichever the key says at the time",
  source: "Linux: arch/x86/kernel/jump_label.c, include/linux/jump_label.h",
  apply(site) {
    const [entry] = site.entries(/^__jump_table$/);
    const { insn, runInsn, pre, at, run, index, span } = site;
    const label = entry?.relocations[1];
    if (label === undefined || label.target !== span || insn === undefined || runInsn === undefined) return undefined;
    if (insn.length !== runInsn.length) return undefined;
    const lengths = { pre: insn.length, run: runInsn.length };
    const isJump = branchKind(pre, at, insn) === "jmp" && preTarget(site) === label.targetOffset;
    if (isJump && isNop(site, run, index, runInsn)) return lengths;
    if (!isNop(site, pre, at, insn) || branchKind(run, index, runInsn) !== "jmp") return undefined;
    return { ...lengths, branch: { pre: label.targetOffset, run: runTarget(site) } };
  },
};

/** `xor %eax,%eax` padded to five bytes: what a static call to __static_call_return0 becomes. */
const RETURN_ZERO = ["2e2e2e31c0", "66664831c0"];

/** `ret` and the traps behind it: what a jump to nothing becomes. */
const RETURN = "c3cccccccc";

/** Static calls. */
export const staticCall: Rule = {
  name: "static-call",
  why: "a static call goes to its trampoline until the kernel writes the present function, or nothing, into the site",
  source: "Linux: arch/x86/kernel/static_call.c, __static_call_transform",
  apply(site) {
    const { insn, runInsn, pre, at, run, index } = site;
    if (insn === undefined || !calledName(site).startsWith("__SCT__")) return undefined;
    if (site.entries(/^\.static_call_sites$/).length === 0) return undefined;
    const lengths = { pre: insn.length, run: insn.length };
    const kind = branchKind(pre, at, insn);
    const written = Buffer.from(run.subarray(index, index + 5)).toString("hex");
    if (kind === "jmp" && written === RETURN) return lengths;
    if (runInsn === undefined || runInsn.length !== insn.length) return undefined;
    if (kind === "call" && (RETURN_ZERO.includes(written) || isNop(site, run, index, runInsn))) return lengths;
    if (kind === undefined || kind !== branchKind(run, index, runInsn)) return undefined;
    return isCallable(site, runAddressOf(site, runTarget(site))) ? lengths : undefined;
  },
};

/** Return thunks. */
export const returnThunk: Rule = {
  name: "return-thunk",
  why: "where the processor needs no mitigation the jump to the return thunk becomes a plain return, and the other way round",
  source: "Linux: arch/x86/kernel/alternative.c, apply_returns",
  apply(site) {
    const { insn, runInsn, pre, at, run, index } = site;
    if (insn === undefined || runInsn === undefined) return undefined;
    if (calledName(site) === "__x86_return_thunk" && branchKind(pre, at, insn) === "jmp") {
      return run[index] === 0xc3 ? { pre: insn.length, run: 1 + Math.min(4, trapsAt(run, index + 1)) } : undefined;
    }
    if (pre[at] !== 0xc3 || branchKind(run, index, runInsn) !== "jmp") return undefined;
    const target = runAddressOf(site, runTarget(site));
    const thunk = site.context.image.symbols.named("__x86_return_thunk").some(({ address }) => address === target);
    return thunk ? { pre: 1, run: runInsn.length } : undefined;
  },
};

/** Number of the register that a thunk's name ends with. */
function thunkRegister(name: string): number {
  const match = /^__x86_indirect_(?:call_|jump_)?thunk_[er]?(.+)$/.exec(name);
  return match === null ? -1 : REGISTERS.indexOf(match[1] as string);
}

/** Length of `call *%reg` (/2) or `jmp *%reg` (/4) at a place; 0 for anything else. Intel SDM volume 2, CALL and JMP. */
function indirectLength(run: Uint8Array, index: number, register: number, digit: number): number {
  const high = register >= 8;
  const opcode = high ? index + 1 : index;
  if (high && run[index] !== 0x41) return 0;
  const modrm = 0xc0 | (digit << 3) | (register & 7);
  return run[opcode] === 0xff && run[opcode + 1] === modrm ? opcode + 2 - index : 0;
}

/** Retpolines. */
export const retpoline: Rule = {
  name: "retpoline",
  why: "where the processor needs no mitigation a call through a thunk becomes the indirect call that the thunk makes",
  source: "Linux: arch/x86/kernel/alternative.c, patch_retpoline",
  apply(site): Step | undefined {
    const { insn, pre, at, run, index } = site;
    const register = thunkRegister(calledName(site));
    if (insn === undefined || register === -1) return undefined;
    const kind = branchKind(pre, at, insn);
    if (kind !== "call" && kind !== "jmp") return undefined;
    const fence = run[index] === 0x0f && run[index + 1] === 0xae && run[index + 2] === 0xe8 ? 3 : 0;
    const length = indirectLength(run, index + fence, register, kind === "call" ? 2 : 4);
    return length === 0 ? undefined : { pre: insn.length, run: filledTo(site, insn, fence + length) };
  },
};

/** The length of what was written over an instruction, filler behind it included. */
function filledTo(site: Site, insn: X86Instruction, written: number): number {
  const rest = insn.length - written;
  return rest > 0 && isFilled(site, site.run, site.index + written, rest) ? insn.length : written;
}
