import type { Rewrite, RewriteSite } from "./rewrites.ts";

/** `brasl %r0,…` and `brcl 0,0`. Principles of Operation, RIL-b and RIL-c format. */
const BRASL_R0 = 0xc005;
const BRCL_0 = 0xc004;
const TRACERS = /^(__fentry__|_?_?mcount)$/;
/** What a site calls once it is traced. */
const TRACER_ENTRIES = [
  "ftrace_caller",
  "ftrace_shared_hotpatch_trampoline_br",
  "ftrace_shared_hotpatch_trampoline_exrl",
];

/** First two bytes of the instruction on both sides, and the four behind them in the run code: they start half a word on. */
function halvesAt({ pre, run }: RewriteSite): { readonly pre: number; readonly run: number; readonly field: number } {
  return { pre: pre(0) >>> 16, run: run(0) >>> 16, field: run(0.5) };
}

/** What the instruction's field, two bytes behind its start, refers to. */
function nameOf({ fields, at }: RewriteSite): string {
  const field = fields(0).find(({ offset, howto }) => offset === at + 2 && howto.size === 4);
  return field?.symbol?.name ?? "";
}

const ftraceSite: Rewrite = {
  name: "ftrace-site",
  why: "the call of the tracer at the function's start is a no-op until it is traced, then a call of a tracer's entry",
  source: "Linux: arch/s390/kernel/ftrace.c, ftrace_generate_nop_insn, ftrace_generate_call_insn",
  apply(site) {
    const { pre, run, field } = halvesAt(site);
    if (pre !== BRASL_R0 || !TRACERS.test(nameOf(site))) return undefined;
    if (run === BRCL_0 && field === 0) return { size: 6 };
    if (run !== BRASL_R0) return undefined;
    const target = BigInt.asUintN(64, site.place + 2n * BigInt(field | 0));
    const { symbols } = site.context.image;
    const isTracer = TRACER_ENTRIES.some((name) => symbols.named(name).some(({ address }) => address === target));
    return isTracer ? { size: 6 } : undefined;
  },
};

/** The branches with condition 0 that fill the place behind the shorter instruction. */
const FILLERS = [0x47000000, 0x47000700];

const expoline: Rewrite = {
  name: "expoline",
  why: "where the processor needs no mitigation a branch to a thunk becomes the indirect branch that the thunk makes",
  source: "Linux: arch/s390/kernel/nospec-branch.c, __nospec_revert",
  apply(site) {
    const { pre, run, field } = halvesAt(site);
    const register = /^__s390_indirect_jump_r(\d+)$/.exec(nameOf(site))?.[1];
    if (register === undefined || !FILLERS.includes(field)) return undefined;
    // brcl mask,thunk becomes bcr mask,%r; brasl %r1,thunk becomes basr %r1,%r.
    const short = (pre & 0xff0f) === 0xc004 ? 0x0700 : (pre & 0xff0f) === 0xc005 ? 0x0d00 : undefined;
    if (short === undefined || run !== (short | (pre & 0xf0) | Number(register))) return undefined;
    return { size: 6 };
  },
};

export const s390Rewrites: readonly Rewrite[] = [ftraceSite, expoline];
