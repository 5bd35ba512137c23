import type { SpanRelocation } from "../../spans/span.ts";
import { wrap } from "../context.ts";
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

/** The 48 bits of an instruction, without the two registers or masks that its second byte names. */
function sixBytes({ run }: RewriteSite): { readonly first: number; readonly rest: number } {
  return { first: run(0), rest: run(0.5) };
}

const GD_CALL = /^R_390_TLS_GDCALL$/;
const CALL = /^R_390_TLS_[GL]DCALL$/;
const LOAD = /^R_390_TLS_LOAD$/;

function marked({ fields, at }: RewriteSite, types: RegExp): SpanRelocation | undefined {
  return fields(0).find(({ offset, howto }) => offset === at && types.test(howto.name));
}

/** `brasl %r14,…`; `lg %r2,0(%r2,%r12)`; `brcl 0,.`. Principles of Operation, RIL-b, RXY-a and RIL-c formats. */
const BRASL_R14 = 0xc0e5;
const LG_R2_R2_R12 = [0xe322c000, 0xc0000004];
const NO_BRANCH = [0xc0040000, 0];

const threadCall: Rewrite = {
  name: "tls-relaxation",
  why: "where a thread-local's distance is known when the image is linked, or is in a slot, no function needs to be asked for it; what the literal holds is compared",
  source: "z/Architecture ELF ABI supplement, Thread-Local Storage, Linker Optimizations",
  apply(site) {
    if (site.pre(0) >>> 16 !== BRASL_R14 || marked(site, CALL) === undefined) return undefined;
    const { first, rest } = sixBytes(site);
    if (first === NO_BRANCH[0] && rest === NO_BRANCH[1]) return { size: 6 };
    const isLoad = first === LG_R2_R2_R12[0] && rest === LG_R2_R2_R12[1];
    return isLoad && marked(site, GD_CALL) !== undefined ? { size: 6 } : undefined;
  },
};

/** The register that `lg %r1,0(%rx)` or `lg %r1,0(%rx,%r12)` counts from; undefined for other instructions. */
function loadedFrom(first: number, rest: number): number | undefined {
  if (first >>> 24 !== 0xe3 || (first & 0xfff) !== 0 || (rest & 0xffff) !== 0x0004) return undefined;
  const [index, base] = [(first >>> 16) & 15, (first >>> 12) & 15];
  if (index === 0 || index === GOT_REGISTER) return base;
  return base === 0 || base === GOT_REGISTER ? index : undefined;
}

/** Where code holds the address of the GOT. z/Architecture ELF ABI supplement, "Registers". */
const GOT_REGISTER = 12;

const threadLoad: Rewrite = {
  name: "tls-relaxation",
  why: "the slot's place in the literal became the distance itself: a copy of the register instead of the load; what the literal holds is compared",
  source: "z/Architecture ELF ABI supplement, Thread-Local Storage, Linker Optimizations",
  apply(site) {
    if (marked(site, LOAD) === undefined) return undefined;
    const { first, rest } = sixBytes(site);
    const from = loadedFrom(site.pre(0), site.pre(0.5));
    // sllg %r1,%rx,0: RSY-a format.
    const isCopy = first >>> 24 === 0xeb && (first & 0xffff) === 0 && rest === 0x0000000d;
    const isSame = ((site.pre(0) >>> 20) & 15) === ((first >>> 20) & 15) && ((first >>> 16) & 15) === from;
    return isCopy && isSame ? { size: 6 } : undefined;
  },
};

/** Types of slots that code loads from: by the slot's own place, or by its distance from the GOT. */
const SLOT = /^R_390_(GOTENT|GOT20|GOTPLT20)$/;

const slotLoad: Rewrite = {
  name: "got-relaxation",
  why: "what lies in the same image needs no slot: its address is computed instead of loaded",
  source: 'z/Architecture ELF ABI supplement, "Global Offset Table"; Principles of Operation, LGRL, LG, LARL',
  apply(site) {
    const field = site
      .fields(0)
      .find(({ offset, howto }) => offset === site.at + 2 && SLOT.test(howto.name) && howto.role === "got");
    const [pre, first] = [site.pre(0), site.run(0)];
    if (field === undefined) return undefined;
    const isLgrl = (pre & 0xff0f0000) >>> 0 === 0xc4080000;
    // lg %r1,slot(%r12)
    const isLg = (pre & 0xff0ff000) >>> 0 === 0xe300c000 && (site.pre(0.5) & 0xff) === 0x04;
    const isLarl = (first & 0xff0f0000) >>> 0 === 0xc0000000 && ((first ^ pre) & 0x00f00000) === 0;
    if (!isLarl || (!isLgrl && !isLg)) return undefined;
    const address = wrap(site.context.arch, site.place + 2n * BigInt(site.run(0.5) | 0));
    return { size: 6, meant: [[field, address + field.targetAddend]] };
  },
};

export const s390Rewrites: readonly Rewrite[] = [ftraceSite, expoline, threadCall, threadLoad, slotLoad];
