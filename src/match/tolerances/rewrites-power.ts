import type { ThreadUse } from "../../arch/link.ts";
import type { SpanRelocation } from "../../spans/span.ts";
import { wrap } from "../context.ts";
import type { Rewrite, RewriteSite } from "./rewrites.ts";
import { tocBase } from "./toc.ts";

/*
 * What the linker does to code that finds its data by the TOC pointer, r2. Where the upper half of a distance is zero the instruction
 * that adds it becomes a no-op, and the one with the lower half counts from r2 itself; a pointer in the TOC that is near enough is
 * left out; and in an image that lies in the low 2 GiB the TOC pointer is loaded instead of computed.
 */

const NOP = 0x60000000;
/** `addis r2,r12,…`, `addi r2,r2,…`, `lis r2,…`, each without its immediate. Power ISA, D-form. */
const ADDIS_R2_R12 = 0x3c4c0000;
const ADDI_R2_R2 = 0x38420000;
const LIS_R2 = 0x3c400000;
/** `ld r2,24(r1)`. 64-bit ELF V2 ABI, 2.2.1.2: the TOC pointer is saved at 24. */
const LD_R2_24_R1 = 0xe8410018;
const OPCODE = { addi: 14, addis: 15, ld: 58 } as const;

const SOURCE = "64-bit ELF V2 ABI for Power, 3.6.3 Relocations and Linker Optimization";

const opcode = (word: number): number => word >>> 26;
const target = (word: number): number => (word >>> 21) & 31;
const base = (word: number): number => (word >>> 16) & 31;
const low = (word: number): bigint => BigInt((word << 16) >> 16);
/** All but the 16 bits of the immediate. */
const withoutImmediate = (word: number): number => (word & 0xffff0000) >>> 0;

function fieldNamed({ fields }: RewriteSite, index: number, name: RegExp): SpanRelocation | undefined {
  return fields(index).find(({ howto }) => name.test(howto.name));
}

const tocSetup: Rewrite = {
  name: "toc-setup",
  why: "in an image of the low 2 GiB the TOC pointer is a constant: lis loads it, where the object computes it from r12",
  source: SOURCE,
  apply(site) {
    const high = fieldNamed(site, 0, /^R_PPC64_REL16_HA$/);
    if (high?.symbol?.name !== ".TOC." || withoutImmediate(site.pre(0)) !== ADDIS_R2_R12) return undefined;
    if (fieldNamed(site, 1, /^R_PPC64_REL16_LO$/) === undefined || withoutImmediate(site.pre(1)) !== ADDI_R2_R2)
      return undefined;
    if (withoutImmediate(site.run(0)) !== LIS_R2 || withoutImmediate(site.run(1)) !== ADDI_R2_R2) return undefined;
    const address = wrap(site.context.arch, low(site.run(0)) * 0x10000n + low(site.run(1)));
    return { size: 8, meant: [[high, address + high.targetAddend]] };
  },
};

const tocHigh: Rewrite = {
  name: "toc-high-nop",
  why: "an upper half of zero need not be added to the TOC pointer: the linker leaves a no-op",
  source: SOURCE,
  apply(site) {
    const high = fieldNamed(site, 0, /^R_PPC64_(TOC16|GOT_(TLSGD|TLSLD|TPREL)16)_HA$/);
    if (high === undefined || opcode(site.pre(0)) !== OPCODE.addis || base(site.pre(0)) !== 2) return undefined;
    return site.run(0) === NOP ? { size: 4 } : undefined;
  },
};

const tocLow: Rewrite = {
  name: "toc-low",
  why: "the lower half counts from the TOC pointer itself where the upper one is zero; a pointer from the TOC that is near needs no load",
  source: SOURCE,
  apply(site) {
    const field = fieldNamed(site, 0, /^R_PPC64_TOC16_LO(_DS)?$/);
    const toc = tocBase(site.context, site.trial);
    if (field === undefined || toc === undefined) return undefined;
    const [pre, run] = [site.pre(0), site.run(0)];
    if (target(pre) !== target(run)) return undefined;
    const isDirect =
      field.target?.kind === "toc" && opcode(pre) === OPCODE.ld && (pre & 3) === 0 && opcode(run) === OPCODE.addi;
    if (!isDirect && (opcode(pre) !== opcode(run) || (field.howto.name.endsWith("DS") && ((pre ^ run) & 3) !== 0)))
      return undefined;
    const pointer = isDirect ? field.target?.relocations[0] : field;
    if (pointer === undefined) return undefined;
    if (base(run) === 2) {
      const distance = field.howto.name.endsWith("DS") && !isDirect ? low(run & ~3) : low(run);
      return { size: 4, meant: [[pointer, wrap(site.context.arch, toc + distance)]] };
    }
    // The upper half was read before, from the instruction that adds it to the TOC pointer.
    if (!isDirect || base(run) !== base(pre)) return undefined;
    const high = highOf(site, field);
    return high === undefined
      ? undefined
      : { size: 4, meant: [[pointer, wrap(site.context.arch, toc + high + low(run))]] };
  },
};

/** The upper half that the instruction before added to r2, by the relocation for the same thing. */
function highOf(site: RewriteSite, field: SpanRelocation): bigint | undefined {
  for (const { offset, howto, target: of, targetOffset } of site.span.relocations) {
    if (offset >= site.at) break;
    if (howto.name !== "R_PPC64_TOC16_HA" || of !== field.target || targetOffset !== field.targetOffset) continue;
    const word = site.run(((offset & ~3) - site.at) / 4);
    if (opcode(word) === OPCODE.addis && base(word) === 2) return low(word) * 0x10000n;
  }
  return undefined;
}

const R13 = 13;
const ADDIS_R13 = 0x3c0d0000;
/** Types of slots in the TOC for thread-locals. 64-bit ELF V2 ABI for Power, 3.7.3. */
const THREAD_SLOTS: ReadonlyMap<string, ThreadUse> = new Map([
  ["R_PPC64_GOT_TPREL16_LO_DS", "slot"],
  ["R_PPC64_GOT_TLSGD16_LO", "pair"],
  ["R_PPC64_GOT_TLSLD16_LO", "module"],
]);

const threadSlot: Rewrite = {
  name: "toc-low",
  why: "the slot of a thread-local counts from the TOC pointer itself where the upper half of its distance is zero",
  source: SOURCE,
  apply(site) {
    const field = fieldNamed(site, 0, /^R_PPC64_GOT_T(PREL16_LO_DS|LSGD16_LO|LSLD16_LO)$/);
    const toc = tocBase(site.context, site.trial);
    const [pre, run] = [site.pre(0), site.run(0)];
    if (field === undefined || toc === undefined || base(run) !== 2) return undefined;
    if (opcode(pre) !== opcode(run) || target(pre) !== target(run)) return undefined;
    const use = THREAD_SLOTS.get(field.howto.name);
    const distance = low(field.howto.name.endsWith("DS") ? run & ~3 : run);
    const value = wrap(site.context.arch, toc + distance);
    return use === undefined ? undefined : { size: 4, thread: [[field, { use, value }]] };
  },
};

const threadHigh: Rewrite = {
  name: "tls-high-nop",
  why: "an upper half of zero need not be added to the thread pointer: the linker leaves a no-op",
  source: SOURCE,
  apply(site) {
    const high = fieldNamed(site, 0, /^R_PPC64_D?TPREL16_HA$/);
    return high !== undefined && opcode(site.pre(0)) === OPCODE.addis && site.run(0) === NOP ? { size: 4 } : undefined;
  },
};

const threadLow: Rewrite = {
  name: "tls-low",
  why: "the lower half of a thread-local's distance counts from r13, the thread pointer, where the upper one is zero",
  source: SOURCE,
  apply(site) {
    const field = fieldNamed(site, 0, /^R_PPC64_TPREL16_LO(_DS)?$/);
    const [pre, run] = [site.pre(0), site.run(0)];
    if (field === undefined || base(run) !== R13 || opcode(pre) !== opcode(run) || target(pre) !== target(run))
      return undefined;
    const isDs = field.howto.name.endsWith("DS");
    if (isDs && ((pre ^ run) & 3) !== 0) return undefined;
    return { size: 4, thread: [[field, { use: "tp", value: low(isDs ? run & ~3 : run) }]] };
  },
};

/** What instructions with two registers become that get a distance instead: `add` is `addi`, `lwzx` is `lwz`. Power ISA, X-form and D-form. */
const INDEXED: ReadonlyMap<number, number> = new Map([
  [266, 14],
  [23, 32],
  [87, 34],
  [279, 40],
  [343, 42],
  [151, 36],
  [215, 38],
  [407, 44],
  [21, 58],
  [149, 62],
  [341, 58],
]);

const initialToLocal: Rewrite = {
  name: "tls-local-exec",
  why: "the program's own thread-local is at a fixed distance from r13: addis or a no-op instead of the load of the slot",
  source: SOURCE,
  apply(site) {
    const field = fieldNamed(site, 0, /^R_PPC64_GOT_TPREL16_LO_DS$/);
    const [pre, run] = [site.pre(0), site.run(0)];
    if (field === undefined || opcode(pre) !== OPCODE.ld) return undefined;
    const isUpper = (run & 0xfc1f0000) >>> 0 === ADDIS_R13 && target(run) === target(pre);
    if (!isUpper && run !== NOP) return undefined;
    const isUsed = site.span.relocations.some(
      ({ howto, symbol, targetAddend }) =>
        howto.name === "R_PPC64_TLS" && symbol === field.symbol && targetAddend === field.targetAddend,
    );
    return isUsed ? { size: 4 } : undefined;
  },
};

const localUse: Rewrite = {
  name: "tls-local-exec",
  why: "where the upper half of the distance is known the instruction that adds the thread pointer has the lower one",
  source: SOURCE,
  apply(site) {
    const field = fieldNamed(site, 0, /^R_PPC64_TLS$/);
    const [pre, run] = [site.pre(0), site.run(0)];
    if (field === undefined || opcode(pre) !== 31 || target(pre) !== target(run)) return undefined;
    const form = INDEXED.get((pre >>> 1) & 0x3ff);
    if (form === undefined || opcode(run) !== form) return undefined;
    let high: bigint | undefined;
    for (const { offset, howto, symbol, targetAddend } of site.span.relocations) {
      if (offset >= site.at) break;
      const isOwn = symbol === field.symbol && targetAddend === field.targetAddend;
      if (!isOwn || howto.name !== "R_PPC64_GOT_TPREL16_LO_DS") continue;
      const word = site.run(((offset & ~3) - site.at) / 4);
      const isUpper = (word & 0xfc1f0000) >>> 0 === ADDIS_R13;
      if (isUpper && base(run) === target(word)) high = low(word) * 0x10000n;
      if (word === NOP && base(run) === R13) high = 0n;
    }
    if (high === undefined) return undefined;
    const distance = low(form >= 58 ? run & ~3 : run);
    return { size: 4, thread: [[field, { use: "tp", value: high + distance }]] };
  },
};

/** `bl`, `add r3,r3,r13`. Power ISA, I-form and XO-form. */
const BL = 0x48000001;
const ADD_R3_R3_R13 = 0x7c636a14;
const R3 = 3;
/** How far the start of a module's thread-locals, as pairs count it, is from the thread pointer. 64-bit ELF V2 ABI for Power, 3.7.2. */
const MODULE_FROM_POINTER = 0x1000n;

/** The run words of all instructions with a relocation of these types for the same thread-local: code from several sides may meet in one call. */
function runWords(site: RewriteSite, { symbol, targetAddend }: SpanRelocation, types: RegExp): readonly number[] {
  return site.span.relocations
    .filter(
      ({ howto, symbol: of, targetAddend: addend }) =>
        of === symbol && addend === targetAddend && types.test(howto.name),
    )
    .map(({ offset }) => site.run(((offset & ~3) - site.at) / 4));
}

/** Whether it adds an upper half to a register: `addis`. */
function addsUpper(word: number, to: number, from: number): boolean {
  return opcode(word) === OPCODE.addis && target(word) === to && base(word) === from;
}

const threadArgument: Rewrite = {
  name: "tls-relaxation",
  why: "where a thread-local's distance is known or is in a slot, no function is asked for it: the instruction that made the argument has the distance's upper half, or loads the slot",
  source: "64-bit ELF V2 ABI for Power, 3.7.4.1 and 3.7.4.2",
  apply(site) {
    const field = fieldNamed(site, 0, /^R_PPC64_GOT_TLS[GL]D16(_LO)?$/);
    const [pre, run] = [site.pre(0), site.run(0)];
    if (field === undefined || opcode(pre) !== OPCODE.addi) return undefined;
    const isAsked = site.span.relocations.some(
      ({ howto, symbol, targetAddend }) =>
        /^R_PPC64_TLS[GL]D$/.test(howto.name) && symbol === field.symbol && targetAddend === field.targetAddend,
    );
    if (!isAsked) return undefined;
    if (run === NOP || addsUpper(run, target(pre), R13)) return { size: 4 };
    const toc = tocBase(site.context, site.trial);
    const isSlot = opcode(run) === OPCODE.ld && (run & 3) === 0 && target(run) === target(pre);
    if (toc === undefined || !isSlot || !field.howto.name.includes("TLSGD")) return undefined;
    let high = 0n;
    if (base(run) !== 2) {
      const [upper, ...others] = runWords(site, field, /^R_PPC64_GOT_TLSGD16_HA$/).map(low);
      if (base(run) !== base(pre) || upper === undefined || others.some((word) => word !== upper)) return undefined;
      high = upper * 0x10000n;
    }
    return { size: 4, thread: [[field, { use: "slot", value: wrap(site.context.arch, toc + high + low(run)) }]] };
  },
};

const threadCall: Rewrite = {
  name: "tls-relaxation",
  why: "the call that asked for the thread-local became the sum of the thread pointer and the distance",
  source: "64-bit ELF V2 ABI for Power, 3.7.4.1 to 3.7.4.3",
  apply(site) {
    const field = fieldNamed(site, 0, /^R_PPC64_TLS[GL]D$/);
    if (field === undefined || (site.pre(0) & ~0x3fffffc) >>> 0 !== BL) return undefined;
    const run = site.run(0);
    const isGeneral = field.howto.name.endsWith("GD");
    const types = isGeneral ? /^R_PPC64_GOT_TLSGD16(_LO)?$/ : /^R_PPC64_GOT_TLSLD16(_LO)?$/;
    const [argument, ...others] = runWords(site, field, types);
    if (argument === undefined) return undefined;
    if (run === ADD_R3_R3_R13) {
      const areLoads = [argument, ...others].every((word) => opcode(word) === OPCODE.ld);
      return isGeneral && areLoads ? { size: 4 } : undefined;
    }
    if (opcode(run) !== OPCODE.addi || target(run) !== R3 || others.some((word) => word !== argument)) return undefined;
    const isUpper = addsUpper(argument, R3, R13) && base(run) === R3;
    if (!isUpper && !(argument === NOP && base(run) === R13)) return undefined;
    const value = (isUpper ? low(argument) * 0x10000n : 0n) + low(run);
    if (!isGeneral) return value === MODULE_FROM_POINTER ? { size: 4 } : undefined;
    return { size: 4, thread: [[field, { use: "tp", value }]] };
  },
};

const tocRestore: Rewrite = {
  name: "toc-restore",
  why: "behind a call that leaves the image the linker restores the TOC pointer, where the compiler left room for it",
  source: "64-bit ELF V2 ABI for Power, 2.2.1.2 and 3.6.1",
  apply(site) {
    if (site.pre(0) !== NOP || site.run(0) !== LD_R2_24_R1) return undefined;
    return fieldNamed(site, -1, /^R_PPC64_REL24$/) === undefined ? undefined : { size: 4 };
  },
};

export const powerRewrites: readonly Rewrite[] = [
  tocSetup,
  tocHigh,
  tocLow,
  tocRestore,
  threadSlot,
  threadHigh,
  threadLow,
  initialToLocal,
  localUse,
  threadArgument,
  threadCall,
];
