import { isBranchField } from "../../arch/branch.ts";
import type { Finding } from "../../findings/findings.ts";
import { isCode } from "../../spans/section-kind.ts";
import type { Span, SpanRelocation } from "../../spans/span.ts";
import { outcomeOfPre, type PlannedPair, spanFinding } from "./pair.ts";

/*
 * What has two copies has two addresses. Old pointers to a function lead to its old entry, which jumps; a pointer that new code
 * stores leads to the new one. Code that compares the two finds them different, and what new code stored dangles when the update
 * is taken back. The same goes for a constant that new code has a copy of.
 */

/** That new code takes addresses of things of which the running system has another copy. */
export function addressFindings(pair: PlannedPair, loaded: readonly Span[]): Finding[] {
  const { post, pairing } = pair.diff;
  const findings: Finding[] = [];
  for (const span of loaded) {
    const named = new Set<Span>();
    for (const relocation of span.relocations) {
      const target = takenFunction(pair, span, relocation);
      if (target === undefined || named.has(target)) continue;
      named.add(target);
      findings.push(
        spanFinding(pair, "address-of-replaced", span, "post", target.name, { offset: relocation.offset - span.entry }),
      );
    }
  }
  for (const span of post.table.spans) {
    const twin = pairing.preOf[span.id];
    if (twin === undefined || outcomeOfPre(pair, twin) !== "relocated" || !isNamedConstant(span)) continue;
    const users = post.uses(span).filter(({ from }) => isCode(from.kind) || from.symbol !== undefined);
    if (users.length === 0) continue;
    const names = [...new Set(users.map(({ from }) => from.name))];
    findings.push(spanFinding(pair, "constant-copied", span, "post", names.slice(0, MOST_NAMES).join(", ")));
  }
  return findings;
}

const MOST_NAMES = 3;

/** Constants that compilers make up: nothing in the source has their address. */
const MADE_UP = /^(CSWTCH|switch\.table|__func__|__FUNCTION__|__PRETTY_FUNCTION__|\.L)/;

/** Numbers are read; what refers to others, a table of functions above all, is handed on by its address. */
function isNamedConstant({ kind, symbol, relocations }: Span): boolean {
  return kind === "rodata" && symbol !== undefined && !MADE_UP.test(symbol.name) && relocations.length > 0;
}

/** The replaced function whose entry a reference of new code gives, other than to call it. */
function takenFunction(pair: PlannedPair, from: Span, relocation: SpanRelocation): Span | undefined {
  const { howto } = relocation;
  // The low half names the instruction with the high one. RISC-V psABI, "PC-Relative Symbol Addresses".
  if (howto.name.startsWith("R_RISCV_PCREL_LO12")) return undefined;
  if (howto.role === "hint" || howto.role === "none" || isCall(pair, from, relocation)) return undefined;
  // TOC slots only pass an address on.
  const [slot] = relocation.target?.kind === "toc" ? relocation.target.relocations : [];
  const { target, targetOffset } = slot ?? relocation;
  if (target === undefined || !isCode(target.kind) || target.kind === "fragment" || targetOffset !== target.entry)
    return undefined;
  const twin = pair.diff.pairing.preOf[target.id];
  return twin !== undefined && twin.kind !== "init-text" && outcomeOfPre(pair, twin) === "replaced"
    ? target
    : undefined;
}

/** A call or jump, also by way of a slot of the GOT: `call *f@GOTPCREL(%rip)`. Intel SDM volume 2, CALL and JMP. */
function isCall(pair: PlannedPair, { bytes }: Span, { howto, offset }: SpanRelocation): boolean {
  const { arch } = pair.diff.post.table;
  if (isBranchField(arch, howto, bytes, offset) || howto.name.includes("CALL")) return true;
  return howto.role === "got" && arch.family === "x86" && bytes[offset - 2] === 0xff;
}
