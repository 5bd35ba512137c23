import type { Rule } from "./rules.ts";
import { branchKind, isNop, preTarget, runAddressOf, runTarget } from "./site.ts";

/** No-ops of the assembler. */
export const nopPadding: Rule = {
  name: "nop-padding",
  why: "the assembler aligns loops with no-ops, as many as the distance from the section's start asks for",
  source: "GNU as manual, .p2align",
  apply(site) {
    const { at, index, pre, run, insn, runInsn } = site;
    const preNop = isNop(site, pre, at, insn) && site.relocations.length === 0;
    const runNop = isNop(site, run, index, runInsn);
    if (runNop) return { pre: preNop ? (insn?.length ?? 0) : 0, run: runInsn?.length ?? 0 };
    return preNop ? { pre: insn?.length ?? 0, run: 0 } : undefined;
  },
};

/** Traps where control never comes. */
export const trapPadding: Rule = {
  name: "trap-padding",
  why: "int3 behind a jump or return stops speculation only; compilers, objtool and the kernel put it or leave it out",
  source: "Linux: CONFIG_SLS, arch/x86/kernel/alternative.c",
  apply({ afterJump, pre, run, at, index }) {
    if (!afterJump) return undefined;
    if (run[index] === 0xcc && pre[at] !== 0xcc) return { pre: 0, run: 1 };
    return pre[at] === 0xcc && run[index] !== 0xcc ? { pre: 1, run: 0 } : undefined;
  },
};

/** Jumps of another length. */
export const branchLength: Rule = {
  name: "branch-length",
  why: "a jump takes 2 or 5 bytes by its distance, which is known only where both ends are in one section",
  source: "GNU as manual, i386 jumps; Intel SDM volume 2, Jcc and JMP",
  apply(site) {
    const { at, index, pre, run, insn, runInsn, relocations } = site;
    if (insn === undefined || runInsn === undefined) return undefined;
    const kind = branchKind(pre, at, insn);
    if (kind === undefined || kind !== branchKind(run, index, runInsn)) return undefined;
    const lengths = { pre: insn.length, run: runInsn.length };
    const target = runTarget(site);
    const [relocation] = relocations;
    if (relocation === undefined) return { ...lengths, branch: { pre: preTarget(site), run: target } };
    if (relocation.howto.role !== "branch" && relocation.howto.role !== "address") return undefined;
    return { ...lengths, meant: [[relocation, runAddressOf(site, target)]] };
  },
};
