import { markRelocated } from "../../diff/mask.ts";
import { largest } from "../../lists.ts";
import type { SpanRelocation, TableEntry } from "../../spans/span.ts";
import { meantAddress } from "../context.ts";
import type { Rule } from "./rules.ts";
import { isCallable } from "./run-functions.ts";
import { isFilled, isNopRun, runAddressOf, type Site, type Step, signedAt } from "./site.ts";

/** Lengths of the code and of its replacement, by the size of an entry. Linux: arch/x86/include/asm/alternative.h, struct alt_instr. */
function lengthsOf(entry: TableEntry): { code: number; replacement: number } {
  const at = entry.size >= 14 ? 12 : 10;
  return { code: entry.bytes[at] ?? 0, replacement: entry.bytes[at + 1] ?? 0 };
}

/** ALT_FLAG_DIRECT_CALL: the replacement calls what the operation's pointer holds. Linux: arch/x86/include/asm/alternative.h. */
const DIRECT_CALL = 2;

function isDirectCall({ size, bytes }: TableEntry): boolean {
  return size >= 14 && ((bytes[10] ?? 0) & DIRECT_CALL) !== 0;
}

/** The step over an indirect call that became a direct one. */
function directCall(site: Site, entry: TableEntry): Step | undefined {
  const { code } = lengthsOf(entry);
  if (code < 5) return undefined;
  const { run, index } = site;
  if (run[index] !== 0xe8) return isNopRun(site, index, code) ? { pre: code, run: code } : undefined;
  const target = runAddressOf(site, site.runAt + 5 + signedAt(run, index + 1, 4));
  const isCall = isCallable(site, target) && isNopRun(site, index + 5, code - 5);
  return isCall ? { pre: code, run: code } : undefined;
}

/** The step over an alternative whose replacement is in force. */
function replaced(site: Site, entry: TableEntry): Step | undefined {
  const { code, replacement } = lengthsOf(entry);
  const { run, index } = site;
  if (code === 0 || replacement > code) return undefined;
  if (!isFilled(site, run, index + replacement, code - replacement)) return undefined;
  const source = entry.relocations[1];
  if (replacement === 0) return { pre: code, run: code };
  const fragment = source?.target;
  if (source === undefined || fragment === undefined) return undefined;
  const from = source.targetOffset;
  const fields = fragment.relocations.filter(({ offset }) => offset >= from && offset < from + replacement);
  const mask = new Uint8Array(fragment.bytes.length + 16);
  markRelocated(mask, fields, site.context.arch);
  for (let i = 0; i < replacement; i++) {
    const differing = (fragment.bytes[from + i] as number) ^ (run[index + i] as number);
    if ((differing & ~(mask[from + i] as number)) !== 0) return undefined;
  }
  return { pre: code, run: code, meant: meantBy(site, fields, from) };
}

/** What the replacement's relocations stand for where it was copied to. */
function meantBy(site: Site, fields: readonly SpanRelocation[], from: number): [SpanRelocation, bigint][] {
  const found: [SpanRelocation, bigint][] = [];
  for (const field of fields) {
    const inCode = field.offset - from;
    const place = runAddressOf(site, site.runAt + inCode);
    const meant = meantAddress(site.context.image, field, site.run, site.index + inCode, place);
    if (meant !== undefined) found.push([field, meant]);
  }
  return found;
}

/** Alternatives. */
export const alternatives: Rule = {
  name: "alternatives",
  why: "the kernel writes the replacement, and no-ops behind it, over the code where the processor has the feature",
  source: "Linux: arch/x86/kernel/alternative.c, apply_alternatives",
  apply(site) {
    for (const entry of site.entries(/^\.altinstructions$/)) {
      const step = isDirectCall(entry) ? directCall(site, entry) : replaced(site, entry);
      if (step !== undefined) return step;
    }
    return undefined;
  },
};

/** Lock prefixes. */
export const lockPrefix: Rule = {
  name: "lock-prefix",
  why: "with one processor running, the kernel writes ds prefixes over the lock prefixes that .smp_locks lists",
  source: "Linux: arch/x86/kernel/alternative.c, alternatives_smp_unlock",
  apply(site) {
    const { pre, at, run, index } = site;
    const exchanged = (pre[at] === 0xf0 && run[index] === 0x3e) || (pre[at] === 0x3e && run[index] === 0xf0);
    return exchanged && site.entries(/^\.smp_locks$/).length > 0 ? { pre: 1, run: 1 } : undefined;
  },
};

/**
 * What the kernel writes over an operation that has nothing to do but an instruction or two: interrupts (`pushf; pop`, `push; popf`,
 * cli, sti), control registers, wbinvd, swapgs with and without sysretq, iret, invlpg, the release of a spin lock, `0`, and
 * the argument itself. Linux: arch/x86/kernel/paravirt_patch.c and, in older kernels, paravirt_patch_{32,64}.c.
 */
const NATIVE: Readonly<Record<64 | 32, readonly string[]>> = {
  64: "9c58 579d fa fb 0f20d0 0f20d8 0f22df 0f09 0f01f8 0f01f8480f07 0f013f c60700 31c0 4889f8 89f8 0f06".split(" "),
  32: "9c58 509d fa fb 0f20d0 0f20d8 0f22d8 0f09 cf fb0f35 c60000 31c0 0f06".split(" "),
};

/** Length of the instructions that stand for an operation at a place; undefined for instructions that the kernel does not write. */
function nativeLength({ run, index, mode }: Site, room: number): number | undefined {
  const text = Buffer.from(run.subarray(index, index + room)).toString("hex");
  const lengths = NATIVE[mode].filter((form) => text.startsWith(form)).map((form) => form.length / 2);
  return lengths.length === 0 ? undefined : largest(lengths);
}

/** Paravirtualised operations. */
export const paravirt: Rule = {
  name: "paravirt",
  why: "the kernel writes a direct call or the native instructions over an indirect call of a paravirtualised operation",
  source: "Linux: arch/x86/kernel/alternative.c, apply_paravirt; paravirt_patch.c",
  apply(site) {
    const [entry] = site.entries(/^\.parainstructions$/);
    if (entry === undefined) return undefined;
    const length = entry.bytes[site.mode / 8 + 1] ?? 0;
    const { run, index } = site;
    if (length < 2) return undefined;
    const step = { pre: length, run: length };
    if (isNopRun(site, index, length)) return step;
    if (length >= 5 && (run[index] === 0xe8 || run[index] === 0xe9)) {
      const target = runAddressOf(site, site.runAt + 5 + signedAt(run, index + 1, 4));
      return isCallable(site, target) && isNopRun(site, index + 5, length - 5) ? step : undefined;
    }
    const native = nativeLength(site, length);
    return native !== undefined && isNopRun(site, index + native, length - native) ? step : undefined;
  },
};
