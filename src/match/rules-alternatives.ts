import { markRelocated } from "../diff/mask.ts";
import type { SpanRelocation, TableEntry } from "../spans/span.ts";
import { meantAddress } from "./context.ts";
import type { Rule } from "./rules.ts";
import { decodeAt, isFilled, runAddressOf, type Site, type Step } from "./site.ts";

/** Lengths of the code and of its replacement, by the size of an entry. Linux: arch/x86/include/asm/alternative.h, struct alt_instr. */
function lengthsOf(entry: TableEntry): { code: number; replacement: number } {
  const at = entry.size >= 14 ? 12 : 10;
  return { code: entry.bytes[at] ?? 0, replacement: entry.bytes[at + 1] ?? 0 };
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
      const step = replaced(site, entry);
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

/** Paravirtualised operations. */
export const paravirt: Rule = {
  name: "paravirt",
  why: "the kernel writes a direct call or the native instructions over an indirect call of a paravirtualised operation",
  source: "Linux: arch/x86/kernel/alternative.c, apply_paravirt; paravirt_patch.c",
  apply(site) {
    const [entry] = site.entries(/^\.parainstructions$/);
    const length = entry?.bytes[9] ?? 0;
    if (entry === undefined || length === 0) return undefined;
    const { run, index, mode } = site;
    let done = 0;
    while (done < length) {
      const insn = decodeAt(run, index + done, mode);
      if (insn === undefined) return undefined;
      done += insn.length;
    }
    return done === length ? { pre: length, run: length } : undefined;
  },
};
