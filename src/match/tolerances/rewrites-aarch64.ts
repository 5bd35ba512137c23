import { fieldMaskBytes } from "../../arch/field.ts";
import { readWord } from "../../bytes.ts";
import { STB } from "../../elf/constants.ts";
import type { SpanRelocation } from "../../spans/span.ts";
import { namesThing } from "../compare/halves.ts";
import { wrap } from "../context.ts";
import type { Rewrite, RewriteSite, Rewritten } from "./rewrites.ts";
import { adrImmediate } from "./veneers.ts";

/*
 * What linkers write in place of AArch64 instructions: an address that turns out to be near needs no page, one in the same image no
 * GOT, a thread-local variable of the program itself no table; and what a faulty processor must not run in that order stands elsewhere.
 */

const NOP = 0xd503201f;
const PAGE = 0x1000n;

const destination = (word: number): number => word & 31;
const base = (word: number): number => (word >>> 5) & 31;
const immediate12 = (word: number): bigint => BigInt((word >>> 10) & 0xfff);
const isAdrp = (word: number): boolean => (word & 0x9f000000) >>> 0 === 0x90000000;
const isAdr = (word: number): boolean => (word & 0x9f000000) >>> 0 === 0x10000000;
/** `add x, x, #imm` without a shift of the immediate. */
const isAdd = (word: number): boolean => (word & 0xffc00000) >>> 0 === 0x91000000;
/** `ldr x, [x, #imm]`. */
const isLoad = (word: number): boolean => (word & 0xffc00000) >>> 0 === 0xf9400000;
/** `movz x, #imm, lsl #16` and `movk x, #imm`. */
const isUpperMove = (word: number): boolean => (word & 0xffe00000) >>> 0 === 0xd2a00000;
const isLowerMove = (word: number): boolean => (word & 0xffe00000) >>> 0 === 0xf2800000;
const moved = (word: number): number => (word >>> 5) & 0xffff;
const isBranch = (word: number): boolean => word >>> 26 === 5;
/** How far a branch goes, in bytes. */
const branched = (word: number): bigint => BigInt(((word << 6) >> 6) * 4);

function fieldNamed({ fields }: RewriteSite, index: number, name: RegExp): SpanRelocation | undefined {
  return fields(index).find(({ howto }) => name.test(howto.name));
}

const PAGE_TYPE = /^R_AARCH64_ADR_PREL_PG_HI21(_NC)?$/;

const weakCall: Rewrite = {
  name: "weak-call-nop",
  why: "a call of a weak function that nothing defines becomes a no-op",
  source: "AAELF64, Call and jump relocations: undefined weak symbols",
  apply(site) {
    const call = fieldNamed(site, 0, /^R_AARCH64_(CALL|JUMP)26$/);
    if (call === undefined || call.target !== undefined || call.symbol?.bind !== STB.WEAK) return undefined;
    return site.run(0) === NOP ? { size: 4, meant: [[call, call.targetAddend]] } : undefined;
  },
};

const nearAddress: Rewrite = {
  name: "adrp-add-adr",
  why: "adrp and add of something within 1 MiB become a no-op and adr",
  source: "AAELF64, Relocation optimization: large GOT and ADRP sequences",
  apply(site) {
    const high = fieldNamed(site, 0, PAGE_TYPE);
    const low = fieldNamed(site, 1, /^R_AARCH64_ADD_ABS_LO12_NC$/);
    const [adrp, add] = [site.pre(0), site.pre(1)];
    if (high === undefined || low === undefined || namesThing(high) !== namesThing(low)) return undefined;
    if (!isAdrp(adrp) || !isAdd(add) || base(add) !== destination(adrp)) return undefined;
    const adr = site.run(1);
    // Another target would leave the page in the first register.
    const isWhole = destination(add) === destination(adrp) && destination(adr) === destination(add);
    if (site.run(0) !== NOP || !isAdr(adr) || !isWhole) return undefined;
    return { size: 8, meant: [[low, wrap(site.context.arch, site.place + 4n + adrImmediate(adr))]] };
  },
};

const nearPage: Rewrite = {
  name: "adrp-adr",
  why: "adrp at the end of a page, which erratum 843419 of Cortex-A53 is about, becomes adr of the same page if that is near",
  source: "GNU ld manual, --fix-cortex-a53-843419=adr",
  apply(site) {
    const [adrp, adr] = [site.pre(0), site.run(0)];
    const isPage = fieldNamed(site, 0, PAGE_TYPE) ?? fieldNamed(site, 0, /^R_AARCH64_ADR_GOT_PAGE$/);
    if (isPage === undefined || !isAdrp(adrp) || !isAdr(adr) || destination(adrp) !== destination(adr))
      return undefined;
    const page = site.place + adrImmediate(adr);
    if (page % PAGE !== 0n) return undefined;
    const pages = BigInt.asUintN(21, (page - (site.place - (site.place % PAGE))) / PAGE);
    const bits = (Number(pages & 3n) << 29) | (Number(pages >> 2n) << 5);
    return { size: 4, instead: (0x90000000 | bits | destination(adr)) >>> 0 };
  },
};

const directAddress: Rewrite = {
  name: "got-adrp-add",
  why: "the address of something in the same image need not be loaded from the GOT: adrp and add compute it",
  source: "AAELF64, Relocation optimization: GOT indirection",
  apply(site) {
    const low = fieldNamed(site, 0, /^R_AARCH64_LD64_GOT_LO12_NC$/);
    const [load, add] = [site.pre(0), site.run(0)];
    if (low === undefined || !isLoad(load) || !isAdd(add)) return undefined;
    if (destination(load) !== destination(add) || base(load) !== base(add)) return undefined;
    const high = fieldNamed(site, -1, /^R_AARCH64_ADR_GOT_PAGE$/);
    const adrp = site.run(-1);
    if (high === undefined || namesThing(high) !== namesThing(low) || !isAdrp(adrp)) return undefined;
    if (destination(adrp) !== base(add)) return undefined;
    const place = site.place - 4n;
    const address = place - (place % PAGE) + adrImmediate(adrp) * PAGE + immediate12(add);
    return { size: 4, meant: [[low, wrap(site.context.arch, address)]] };
  },
};

/** The upper and the lower half in `movz` and `movk` of one register. */
function movedPair(upper: number, lower: number, register: number): bigint | undefined {
  if (!isUpperMove(upper) || !isLowerMove(lower)) return undefined;
  if (destination(upper) !== register || destination(lower) !== register) return undefined;
  return BigInt(moved(upper)) * 0x10000n + BigInt(moved(lower));
}

const threadLocal: Rewrite = {
  name: "tls-local-exec",
  why: "a thread-local variable of the program itself is at a fixed distance from the thread pointer: movz and movk instead of a table",
  source: "AAELF64, TLS relaxation: initial exec and descriptors to local exec",
  apply(site) {
    const initial = fieldNamed(site, 0, /^R_AARCH64_TLSIE_ADR_GOTTPREL_PAGE21$/);
    const high = initial ?? fieldNamed(site, 0, /^R_AARCH64_TLSDESC_ADR_PAGE21$/);
    const low = fieldNamed(site, 1, /^R_AARCH64_TLS(IE_LD64_GOTTPREL_LO12_NC|DESC_LD64_LO12)$/);
    if (high === undefined || low === undefined || namesThing(high) !== namesThing(low)) return undefined;
    if (!isAdrp(site.pre(0)) || !isLoad(site.pre(1)) || destination(site.pre(0)) !== base(site.pre(1)))
      return undefined;
    if (initial === undefined) return descriptor(site, high);
    const register = destination(site.pre(1));
    const distance = movedPair(site.run(0), site.run(1), register);
    if (distance === undefined || register !== destination(site.pre(0))) return undefined;
    return { size: 8, thread: [[high, { use: "tp", value: distance }]] };
  },
};

/** `adrp x0; ldr x1, [x0]; add x0, x0; blr x1` becomes `movz x0; movk x0; nop; nop`. */
function descriptor(site: RewriteSite, high: SpanRelocation): Rewritten | undefined {
  const isCall = fieldNamed(site, 3, /^R_AARCH64_TLSDESC_CALL$/) !== undefined;
  const isAddress = fieldNamed(site, 2, /^R_AARCH64_TLSDESC_ADD_LO12$/) !== undefined;
  if (!isCall || !isAddress || destination(site.pre(0)) !== 0) return undefined;
  if (site.run(2) !== NOP || site.run(3) !== NOP) return undefined;
  const distance = movedPair(site.run(0), site.run(1), 0);
  if (distance !== undefined) return { size: 16, thread: [[high, { use: "tp", value: distance }]] };
  // Descriptors of other images' variables become initial exec: adrp x0; ldr x0, [x0].
  const [adrp, load] = [site.run(0), site.run(1)];
  if (!isAdrp(adrp) || destination(adrp) !== 0 || !isLoad(load) || destination(load) !== 0 || base(load) !== 0)
    return undefined;
  const slot = site.place - (site.place % PAGE) + adrImmediate(adrp) * PAGE + immediate12(load) * 8n;
  return { size: 16, thread: [[high, { use: "slot", value: wrap(site.context.arch, slot) }]] };
}

/** Loads and stores with an unsigned offset, and multiply-accumulate: what the errata are about. Arm ARM, C4.1. */
const isErratic = (word: number): boolean =>
  (word & 0x3b000000) >>> 0 === 0x39000000 || (word & 0x7f000000) >>> 0 === 0x1b000000;

const erratumVeneer: Rewrite = {
  name: "erratum-veneer",
  why: "an instruction that errata 843419 or 835769 of Cortex-A53 are about stands in a veneer, which comes back behind its place",
  source: "GNU ld manual, --fix-cortex-a53-843419 and --fix-cortex-a53-835769",
  apply(site) {
    const { context, place } = site;
    if (!isErratic(site.pre(0)) || !isBranch(site.run(0))) return undefined;
    const veneer = wrap(context.arch, place + branched(site.run(0)));
    const bytes = context.image.memory.read(veneer, 8);
    if (bytes === undefined || bytes.length < 8) return undefined;
    const back = readWord(bytes, 4, true);
    if (!isBranch(back) || wrap(context.arch, veneer + 4n + branched(back)) !== place + 4n) return undefined;
    const inVeneer = readWord(bytes, 0, true);
    return ((inVeneer ^ site.pre(0)) & ~fieldBits(site)) === 0 ? { size: 4, instead: inVeneer } : undefined;
  },
};

/** The bits of an instruction that relocations fill in. */
function fieldBits({ fields }: RewriteSite): number {
  let bits = 0;
  for (const { howto } of fields(0)) {
    const bytes = fieldMaskBytes(howto, "lsb");
    for (let i = 0; i < bytes.length; i++) bits |= (bytes[i] as number) << (8 * i);
  }
  return bits;
}

export const aarch64Rewrites: readonly Rewrite[] = [
  weakCall,
  nearAddress,
  nearPage,
  directAddress,
  threadLocal,
  erratumVeneer,
];
