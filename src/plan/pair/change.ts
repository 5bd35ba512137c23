import type { Howto } from "../../arch/arch.ts";
import type { ChangeTables, Hooks, Patch, SectionReason } from "../../contract/code.ts";
import { differingRuns } from "../../diff/mask.ts";
import { STB } from "../../elf/constants.ts";
import { isCode, isComparedByContents } from "../../spans/section-kind.ts";
import type { Span } from "../../spans/span.ts";
import { isThreadLiteral } from "../../spans/thread-literals.ts";
import { byPatchedPlace } from "../update/order.ts";
import { CodeBuilder, type CodeOptions } from "./code.ts";
import { outcomeOfPre, type PlannedPair, runningSpanOf } from "./pair.ts";

export interface ChangeOptions extends CodeOptions {
  /** Keep all text, exports and globals of the old object, as Ksplice does, instead of what the new code needs. */
  readonly allOldCode: boolean;
}

/** Builds the old and the new code that one pair contributes to a change: what is replaced, what is loaded, and what both refer to. */
export function planChange(
  pair: PlannedPair,
  patches: readonly Patch[],
  hooks: Hooks,
  howtos: Map<string, Howto>,
  options: ChangeOptions,
): ChangeTables {
  const newCode = new CodeBuilder(
    pair.postLabels,
    howtos,
    options,
    (span) => runningSpanOf(pair, span),
    pair.diff.post.table.arch,
  );
  const oldCode = new CodeBuilder(pair.preLabels, howtos, options, () => undefined, pair.diff.pre.table.arch);
  const kept = keepNewCode(pair, newCode);
  const bugs = keepBugEntries(pair, oldCode);
  keepOldCode(pair, oldCode, kept, options.allOldCode);
  return {
    oldCode: oldCode.build(),
    newCode: newCode.build(),
    patches: [...patches, ...bugs].sort(byPatchedPlace),
    hooks,
  };
}

/** Why a post span is loaded, before anything else asks for it. */
function rootReason(pair: PlannedPair, span: Span): SectionReason | undefined {
  const twin = pair.diff.pairing.preOf[span.id];
  if (twin === undefined)
    return isCode(span.kind) && span.kind !== "fragment" && span.kind !== "init-text" ? { kind: "new" } : undefined;
  const outcome = outcomeOfPre(pair, twin);
  if (outcome === "replaced" && span.kind !== "init-text" && span.kind !== "fragment") return { kind: "changed" };
  if (outcome === "rewritten") return { kind: "in-place" };
  // Counters of instrumentation come with the code that counts.
  return outcome === "relocated" && !pair.diff.result.instrumented.has(twin) ? { kind: "new" } : undefined;
}

/** New code: what replaces old code, and what it needs that the running system does not have. Returns the spans, roots first. */
function keepNewCode(pair: PlannedPair, builder: CodeBuilder): Span[] {
  const kept: Span[] = [];
  const keep = (span: Span, because: SectionReason): void => {
    if (builder.has(span)) return;
    builder.addSpan(span, because);
    kept.push(span);
  };
  for (const span of pair.diff.post.table.spans) {
    const because = rootReason(pair, span);
    if (because !== undefined) keep(span, because);
  }
  for (const hook of pair.diff.post.table.hooks) {
    if (hook.target !== undefined && runningSpanOf(pair, hook.target) === undefined)
      keep(hook.target, { kind: "hook", stage: hook.stage });
  }
  for (const entry of pair.diff.post.table.exports) {
    const isNew = !pair.diff.pre.table.exports.some((other) => other.name === entry.name);
    if (isNew && entry.target !== undefined && runningSpanOf(pair, entry.target) === undefined)
      keep(entry.target, { kind: "export", name: entry.name });
  }
  // The list grows while we walk it: what is kept brings along what only the new object has.
  for (const span of kept) {
    const because = referencedBy(pair.postLabels, span);
    const follow = (target: Span | undefined): void => {
      if (target !== undefined && needsCopy(pair, target)) keep(target, because);
    };
    for (const { target } of span.relocations) follow(target);
    for (const entry of span.entries) {
      builder.addEntry(entry, span, { kind: "owner", label: pair.postLabels.get(span) as string });
      for (const { target } of entry.relocations) follow(target);
    }
    builder.addRelocations(span);
  }
  return kept;
}

function referencedBy(labels: ReadonlyMap<Span, string>, span: Span): SectionReason {
  return { kind: "referenced-by", label: labels.get(span) as string };
}

/** Whether the running system has no copy of a post span that new code could use. */
function needsCopy(pair: PlannedPair, span: Span): boolean {
  // What a running literal says of a thread-local is said to the code that the linker made of the old one.
  if (span.kind === "fragment" || span.kind === "toc" || (!isCode(span.kind) && isThreadLiteral(span))) return true;
  return runningSpanOf(pair, span) === undefined;
}

/** Bug table entries whose line is rewritten, with their patches: one for each stretch of bytes that differs. */
function keepBugEntries(pair: PlannedPair, builder: CodeBuilder): Patch[] {
  const { pre, pairing, result } = pair.diff;
  const patches: Patch[] = [];
  for (const span of pre.table.spans) {
    const twin = pairing.postOf[span.id];
    if (twin === undefined || result.lines[span.id] === undefined || result.outcomes[span.id] === "replaced") continue;
    if (span.kind === "init-text") continue;
    const after = twin.entries.filter((entry) => entry.table.policy === "bug-line");
    const before = span.entries.filter((entry) => entry.table.policy === "bug-line");
    for (const [i, entry] of before.entries()) {
      const twinEntry = after[i];
      if (twinEntry === undefined) continue;
      const runs = differingRuns(entry, twinEntry, pre.table.arch);
      if (runs.length === 0) continue;
      builder.addSpan(span, { kind: "bug-entry" });
      const oldLabel = builder.addEntry(entry, span, { kind: "changed" });
      for (const { offset, size } of runs) {
        const contents = Buffer.from(twinEntry.bytes.subarray(offset, offset + size)).toString("base64");
        patches.push({ type: "bug", oldLabel, oldOffset: offset, replacement: null, size, contents });
      }
    }
  }
  return patches;
}

/** Old code: what is patched, and what it and the new code refer to, so that their addresses can be found. */
function keepOldCode(pair: PlannedPair, builder: CodeBuilder, newCode: readonly Span[], all: boolean): void {
  const { pre, pairing } = pair.diff;
  const roots: Span[] = [];
  for (const span of pre.table.spans) {
    const because = oldReason(pair, span, all);
    if (because === undefined) continue;
    builder.addSpan(span, because);
    roots.push(span);
  }
  const keepTarget = (target: Span | undefined, because: SectionReason): void => {
    if (target !== undefined && target.kind !== "fragment") builder.addSpan(target, because);
  };
  for (const span of roots) {
    const because = referencedBy(pair.preLabels, span);
    for (const { target, into } of span.relocations) {
      keepTarget(target, because);
      if (into?.entry === undefined) continue;
      keepTarget(into.entry.owner, because);
      builder.addEntry(into.entry, into.entry.owner, because);
    }
    builder.addRelocations(span);
    if (all)
      for (const entry of span.entries)
        builder.addEntry(entry, span, { kind: "owner", label: pair.preLabels.get(span) as string });
  }
  for (const span of newCode) {
    const because = referencedBy(pair.postLabels, span);
    const references = [span.relocations, ...span.entries.map((entry) => entry.relocations)].flat();
    for (const { target } of references) if (target !== undefined) keepTarget(runningSpanOf(pair, target), because);
  }
  for (const hook of pair.diff.post.table.hooks) {
    if (hook.target !== undefined) keepTarget(pairing.preOf[hook.target.id], { kind: "hook", stage: hook.stage });
  }
}

function oldReason(pair: PlannedPair, span: Span, all: boolean): SectionReason | undefined {
  if (span.kind === "init-text" || span.kind === "init-data" || span.kind === "fragment") return undefined;
  const outcome = outcomeOfPre(pair, span);
  if (outcome === "replaced") return { kind: "changed" };
  if (outcome === "rewritten") return { kind: "in-place" };
  if (outcome === undefined && isCode(span.kind)) return { kind: "deleted" };
  if (!all || isComparedByContents(span.kind)) return undefined;
  if (isCode(span.kind)) return { kind: "text" };
  return span.symbols.some(({ symbol }) => symbol.bind !== STB.LOCAL) ? { kind: "global" } : undefined;
}
