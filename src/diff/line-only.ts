import type { Arch } from "../arch/arch.ts";
import { argumentAt } from "../arch/argument.ts";
import { loadedConstantAt } from "../arch/loaded-constant.ts";
import { numberedBase } from "../spans/names.ts";
import { isCode } from "../spans/section-kind.ts";
import type { Span, SpanRelocation } from "../spans/span.ts";
import { textBytes } from "../spans/text-of.ts";
import type { Difference } from "./difference.ts";

/** How far before and after a line number the name of its file or function is loaded: arguments of one call stand together. */
const NEAR = 48;

/**
 * Whether all differences of a pair are line numbers. A patch that adds a line moves `__LINE__` of everything below it:
 * `mov $0x254,%esi; mov $"kernel/audit.c",%rdi; call warn_slowpath_fmt` differs in a number and does the same.
 * Evidence, not a list of callees: the bytes lie in a constant that an instruction loads as an argument, and the argument
 * before it is the name of a source file or of a function (`__func__`). In data that only the kernel's message tables refer to (`_entry`,
 * dynamic debug) any number is one.
 */
export function lineNumberDifferences(
  pre: Span,
  post: Span,
  differences: readonly Difference[],
  arch: Arch,
  isDiagnostic: boolean,
): Difference[] | undefined {
  if (!differences.every((difference) => difference.kind === "bytes" && difference.within === undefined))
    return undefined;
  if (isDiagnostic) return differences.map((difference) => ({ ...difference, kind: "line-number" }));
  if (!isCode(pre.kind)) return undefined;
  const lines = new Map<number, Difference>();
  for (const difference of differences) {
    const from = loadedConstantAt(arch, pre.bytes, difference.offset);
    const to = loadedConstantAt(arch, post.bytes, difference.offset);
    if (from === undefined || to === undefined || from.offset !== to.offset || from.rest !== to.rest) return undefined;
    if (difference.offset + difference.pre.length / 2 > from.offset + from.size) return undefined;
    if (from.value === 0 || to.value === 0 || !followsPlaceName(pre, from.offset, arch)) return undefined;
    lines.set(from.offset, {
      kind: "line-number",
      offset: from.offset,
      pre: String(from.value),
      post: String(to.value),
      within: undefined,
    });
  }
  return [...lines.values()];
}

/**
 * Whether the argument before the one at an offset is the name of a source file or of the function: `f(__FILE__, __LINE__)`,
 * `warn(fmt, file, line)`, `abort(trans, __func__, line, err)`. No call may stand between the two.
 */
function followsPlaceName(span: Span, offset: number, arch: Arch): boolean {
  const argument = argumentAt(arch, span.bytes, offset);
  if (argument === undefined) return false;
  let found = false;
  for (const relocation of span.relocations) {
    if (relocation.offset > offset + NEAR) break;
    if (relocation.offset < offset - NEAR) continue;
    if (isCall(span, relocation, arch)) {
      if (relocation.offset > offset) return found;
      found = false;
    } else if (namesPlace(relocation) && argumentAt(arch, span.bytes, relocation.offset) === argument - 1) found = true;
  }
  return found;
}

/** Whether a relocation belongs to a call; older x86 assemblers marked calls like any pc-relative field. */
function isCall(span: Span, { howto, offset }: SpanRelocation, arch: Arch): boolean {
  if (howto.role === "branch") return true;
  return howto.pcrel && (arch.name === "x86_64" || arch.name === "i386") && span.bytes[offset - 1] === 0xe8;
}

/** Whether a relocation points to the name of a source file or of a function. */
export function namesPlace({ target, targetOffset }: SpanRelocation): boolean {
  if (target === undefined) return false;
  if (target.kind === "toc") return target.relocations.some((slot) => slot.target?.kind !== "toc" && namesPlace(slot));
  const text = textBytes(target, targetOffset);
  if (target.symbol !== undefined || text === undefined)
    return /^__(func|FUNCTION|PRETTY_FUNCTION)__$/.test(numberedBase(target.name) ?? target.name);
  return /\.(c|h|S|cc|cpp|hpp|rs)$/.test(Buffer.from(text).toString("latin1"));
}
