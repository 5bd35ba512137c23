import { readField } from "../../arch/field.ts";
import { STB } from "../../elf/constants.ts";
import type { SpanRelocation } from "../../spans/span.ts";
import { type Context, wrap } from "../context.ts";

/*
 * What linkers make of RISC-V code when they know the distances: R_RISCV_RELAX allows it for one instruction or pair, and bytes
 * are deleted, so that everything behind it moves. The rules say what stands in the run code instead; the walk collects the halves
 * of addresses and checks that they agree.
 */

/** Two places that are compared. */
export interface RelaxSite {
  readonly context: Context;
  /** Object code from the place on, and the run code. */
  readonly pre: Uint8Array;
  readonly run: Uint8Array;
  /** Address of the run code. */
  readonly place: bigint;
  /** What the instruction refers to: the record that is not a hint for the linker. */
  readonly relocation: SpanRelocation;
  /** Whether the linker was allowed to delete bytes. */
  readonly relaxable: boolean;
}

/** What a lower half is added to. */
export type LowBase = "high" | "gp" | "zero" | "tp";

/** How far both sides get, and what the run code says. */
export interface RelaxStep {
  readonly pre: number;
  readonly run: number;
  /** The address that the relocation stands for. */
  readonly meant?: bigint;
  /** The upper half that the run code loads into the register; `gone` if it loads none. */
  readonly high?: bigint | "gone";
  readonly low?: { readonly base: LowBase; readonly value: bigint };
}

/** One way in which a linker relaxes code. */
export interface RelaxRule {
  readonly name: string;
  readonly why: string;
  readonly source: string;
  readonly apply: (site: RelaxSite) => RelaxStep | undefined;
}

const SOURCE = "RISC-V ELF psABI, Linker Relaxation";

const OPCODE = { lui: 0x37, auipc: 0x17, jal: 0x6f, jalr: 0x67 } as const;
/** Numbers of registers. RISC-V psABI, "Integer Register Convention". */
const REGISTER = { zero: 0, ra: 1, gp: 3, tp: 4 } as const;
/** Types whose fields are those of `jal`, `c.j` and `c.jal`, of the 12 bits of I- and S-type instructions, of `lui` and of `c.lui`. */
const FIELD = { jal: 17, compressedJump: 45, lowI: 27, lowS: 28, high: 26, compressedHigh: 46 } as const;

/** The instruction at an offset as one number; bytes past the end count as zero. */
export function wordAt(bytes: Uint8Array, offset: number): number {
  const byte = (i: number): number => bytes[offset + i] ?? 0;
  return (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0;
}

const opcode = (word: number): number => word & 0x7f;
const destination = (word: number): number => (word >>> 7) & 31;
const source = (word: number): number => (word >>> 15) & 31;

/** The value that a relocation type's field holds at the start of some bytes. */
function fieldOf({ context }: RelaxSite, bytes: Uint8Array, type: number): bigint {
  const howto = context.arch.howtos.get(type);
  return howto === undefined ? 0n : readField(bytes, 0, howto, "lsb");
}

/** Whether a name belongs to one of these types. */
const isType = ({ relocation }: RelaxSite, names: RegExp): boolean => names.test(relocation.howto.name);

/** An instruction with a lower half without what that is added to: register and immediate are the linker's. */
const LOW_MASK = { I: 0x00007fff, S: 0x01f0707f } as const;

function isUndefinedWeak({ symbol, target }: SpanRelocation): boolean {
  return symbol?.bind === STB.WEAK && target === undefined;
}

const shortCall: RelaxRule = {
  name: "short-call",
  why: "a call of something near needs no auipc: jal, or c.j or c.jal, leads there, or jalr from address zero",
  source: `${SOURCE}, Function Call Relaxation`,
  apply(site) {
    const { context, run, place, relaxable } = site;
    if (!relaxable || !isType(site, /^R_RISCV_CALL(_PLT)?$/)) return undefined;
    const jalr = wordAt(site.pre, 4);
    const link = destination(jalr);
    const word = wordAt(run, 0);
    const to = (distance: bigint): bigint => wrap(context.arch, place + distance);
    if (opcode(word) === OPCODE.jal && destination(word) === link) {
      return { pre: 8, run: 4, meant: to(fieldOf(site, run, FIELD.jal)) };
    }
    if (opcode(word) === OPCODE.jalr && (word & 0x7000) === 0 && destination(word) === link && source(word) === 0) {
      return { pre: 8, run: 4, meant: wrap(context.arch, fieldOf(site, run, FIELD.lowI)) };
    }
    const isJump = (word & 0xe003) === 0xa001 && link === REGISTER.zero;
    const isCall = (word & 0xe003) === 0x2001 && link === REGISTER.ra && context.arch.class === 32;
    if (!isJump && !isCall) return undefined;
    return { pre: 8, run: 2, meant: to(fieldOf(site, run, FIELD.compressedJump)) };
  },
};

const absoluteCall: RelaxRule = {
  name: "absolute-call",
  why: "a weak function that nothing defines is at zero: jalr counts from x0, whatever auipc loads",
  source: "GNU ld, bfd/elfnn-riscv.c: undefined weak symbols",
  apply(site) {
    const { context, pre, run, relocation } = site;
    if (!isType(site, /^R_RISCV_CALL(_PLT)?$/) || !isUndefinedWeak(relocation)) return undefined;
    const [auipc, jalr] = [wordAt(run, 0), wordAt(run, 4)];
    if (opcode(auipc) !== OPCODE.auipc || auipc !== (wordAt(pre, 0) & 0xfff) || source(jalr) !== 0) return undefined;
    if (((jalr ^ wordAt(pre, 4)) & LOW_MASK.I) !== 0) return undefined;
    return { pre: 8, run: 8, meant: wrap(context.arch, fieldOf(site, run.subarray(4), FIELD.lowI)) };
  },
};

const shortLui: RelaxRule = {
  name: "short-lui",
  why: "an upper half of few bits fits into c.lui, and one of zero into c.li",
  source: `${SOURCE}, Compressed LUI Relaxation`,
  apply(site) {
    const { pre, run, relaxable } = site;
    const before = wordAt(pre, 0);
    if (!relaxable || !isType(site, /^R_RISCV_HI20$/) || opcode(before) !== OPCODE.lui) return undefined;
    const half = wordAt(run, 0) & 0xffff;
    if (destination(half) !== destination(before)) return undefined;
    // c.li with all bits of the immediate zero.
    if ((half & 0xf07f) === 0x4001) return { pre: 4, run: 2, high: 0n };
    const isShort = (half & 0xe003) === 0x6001 && ![0, 2].includes(destination(half)) && (half & 0x107c) !== 0;
    return isShort ? { pre: 4, run: 2, high: fieldOf(site, run, FIELD.compressedHigh) } : undefined;
  },
};

const absoluteHigh: RelaxRule = {
  name: "absolute-high",
  why: "a weak symbol that nothing defines is at zero, which auipc may not reach: lui loads the upper half",
  source: "GNU ld, bfd/elfnn-riscv.c: undefined weak symbols",
  apply(site) {
    const { pre, run, relocation } = site;
    const [before, after] = [wordAt(pre, 0), wordAt(run, 0)];
    if (!isType(site, /^R_RISCV_PCREL_HI20$/) || !isUndefinedWeak(relocation)) return undefined;
    if (opcode(before) !== OPCODE.auipc || opcode(after) !== OPCODE.lui) return undefined;
    if (destination(before) !== destination(after)) return undefined;
    return { pre: 4, run: 4, high: fieldOf(site, run, FIELD.high) };
  },
};

function lowForm(site: RelaxSite, names: RegExp): { readonly value: bigint; readonly register: number } | undefined {
  const format = names.exec(site.relocation.howto.name)?.[1];
  if (!site.relaxable || (format !== "I" && format !== "S")) return undefined;
  const [before, after] = [wordAt(site.pre, 0), wordAt(site.run, 0)];
  if (((before ^ after) & LOW_MASK[format]) !== 0) return undefined;
  return { value: fieldOf(site, site.run, format === "I" ? FIELD.lowI : FIELD.lowS), register: source(after) };
}

const globalPointer: RelaxRule = {
  name: "global-pointer",
  why: "what lies within 2 KiB of the global pointer is reached from it, and what lies near zero from x0",
  source: `${SOURCE}, Global-pointer Relaxation and Zero-page Relaxation`,
  apply(site) {
    const low = lowForm(site, /^R_RISCV_(?:PCREL_)?LO12_([IS])$/);
    if (low === undefined || (low.register !== REGISTER.gp && low.register !== REGISTER.zero)) return undefined;
    return { pre: 4, run: 4, low: { base: low.register === REGISTER.gp ? "gp" : "zero", value: low.value } };
  },
};

const threadPointer: RelaxRule = {
  name: "thread-pointer",
  why: "a thread-local variable within 2 KiB of the thread pointer is reached from it",
  source: `${SOURCE}, Thread Local Storage Relaxation`,
  apply(site) {
    const low = lowForm(site, /^R_RISCV_TPREL_LO12_([IS])$/);
    if (low === undefined || low.register !== REGISTER.tp) return undefined;
    return { pre: 4, run: 4, low: { base: "tp", value: low.value } };
  },
};

const highGone: RelaxRule = {
  name: "high-gone",
  why: "where the lower half counts from the global or thread pointer, or from zero, nothing loads the upper one",
  source: SOURCE,
  apply(site) {
    if (!site.relaxable) return undefined;
    if (isType(site, /^R_RISCV_TPREL_ADD$/)) {
      return { pre: (wordAt(site.pre, 0) & 3) === 3 ? 4 : 2, run: 0 };
    }
    return isType(site, /^R_RISCV_(PCREL_|TPREL_)?HI20$/) ? { pre: 4, run: 0, high: "gone" } : undefined;
  },
};

/** `c.nop` and `nop`. */
const NOP = { short: 0x0001, long: 0x00000013 } as const;

const alignment: RelaxRule = {
  name: "align-padding",
  why: "the assembler leaves no-ops for the worst case: the linker keeps as many as the alignment needs at the final address",
  source: `${SOURCE}, R_RISCV_ALIGN`,
  apply(site) {
    const { relocation, run, place } = site;
    if (!isType(site, /^R_RISCV_ALIGN$/)) return undefined;
    const room = Number(relocation.targetAddend);
    if (room <= 0 || room > 0x10000) return undefined;
    let unit = 1;
    while (unit <= room) unit *= 2;
    const kept = Number(BigInt.asUintN(32, -place) % BigInt(unit));
    if (kept > room || kept > run.length) return undefined;
    for (let at = 0; at < kept; ) {
      const word = wordAt(run, at);
      if (word === NOP.long && at + 4 <= kept) at += 4;
      else if ((word & 0xffff) === NOP.short && at + 2 <= kept) at += 2;
      else return undefined;
    }
    return { pre: room, run: kept };
  },
};

/** Every tolerance for code whose linker deletes bytes, in the order in which they are tried; the last but one only if nothing is in the place. */
export const RISCV_RULES: readonly RelaxRule[] = [
  alignment,
  shortCall,
  absoluteCall,
  shortLui,
  absoluteHigh,
  globalPointer,
  threadPointer,
  highGone,
];
