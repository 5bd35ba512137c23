import type { Patch } from "../../contract/code.ts";
import type { FunctionChange } from "../../contract/description.ts";
import { firstInstruction, listingsOf } from "../../disasm/first.ts";
import { STB } from "../../elf/constants.ts";
import type { ElfObject } from "../../elf/object.ts";
import type { Finding } from "../../findings/findings.ts";
import { append } from "../../lists.ts";
import { byText } from "../../order.ts";
import { hasDescriptors } from "../../spans/descriptors.ts";
import { isAnonymousName, parentFunction, withoutDefault } from "../../spans/names.ts";
import { isCode } from "../../spans/section-kind.ts";
import { isFunctionSymbol, type Span } from "../../spans/span.ts";
import { alignedReasons } from "./aligned-reasons.ts";
import { causesOf } from "./causes.ts";
import { type CauseContext, changedRows, tellingRow } from "./changed-rows.ts";
import { demangle } from "./demangle.ts";
import { entryHook, redirect, trap } from "./entry-points.ts";
import { startersIn } from "./has-run.ts";
import { describeInstructions } from "./instruction-rows.ts";
import { type MovedMembers, movedMembers } from "./moved-members.ts";
import { firstReason, type PlannedPair, spanFinding, toReasons } from "./pair.ts";
import { type PairSources, sourceOf } from "./sources.ts";
import { typeHashFindings } from "./type-hash.ts";

/** What one pass of the plan contributes. */
export interface FunctionPlan {
  readonly functions: FunctionChange[];
  readonly patches: Patch[];
  readonly findings: Finding[];
}

/** Code that stays in memory and can be replaced: not init code, not fragments (they go with their owner). */
function isFunction(span: Span): boolean {
  return isCode(span.kind) && span.kind !== "fragment" && span.kind !== "init-text";
}

function placeIn(span: Span): FunctionChange["pre"] {
  return { section: span.section.name, offset: span.offset + span.entry, size: span.size - span.entry };
}

/** What debug information tells beside the code. */
export interface FunctionFacts {
  readonly sources: PairSources | undefined;
  readonly members: MovedMembers;
  /** Whether changed functions show their instructions. */
  readonly instructions: boolean;
}

const NO_FACTS: FunctionFacts = { sources: undefined, members: movedMembers([]), instructions: false };

/** Functions that changed, are new, deleted or renamed; the trampolines; and what cannot be carried. */
export function planFunctions(pair: PlannedPair, facts: FunctionFacts = NO_FACTS): FunctionPlan {
  const plan: FunctionPlan = { functions: [], patches: [], findings: [] };
  const { pre, post, pairing } = pair.diff;
  const starterOf = startersIn(pre);
  const atStart = { pre: loneInitCode(pair, "pre"), post: loneInitCode(pair, "post") };
  for (const span of pre.table.spans) {
    if (!isCode(span.kind) || span.kind === "fragment") continue;
    const twin = pairing.postOf[span.id];
    if (twin !== undefined) planPaired(plan, pair, span, twin, facts);
    else if (isFunction(span) && atStart.post.has(span.name))
      plan.findings.push(spanFinding(pair, "function-lifetime-changed", span, "pre", INTO_INIT));
    else if (isFunction(span)) planDeleted(plan, pair, span, facts);
    const starter = isFunction(span) && pair.diff.result.outcomes[span.id] === "replaced" ? starterOf(span) : undefined;
    if (starter !== undefined) plan.findings.push(spanFinding(pair, "code-has-run", span, "pre", starter));
  }
  for (const span of post.table.spans) {
    if (!isFunction(span) || pairing.preOf[span.id] !== undefined) continue;
    plan.functions.push({
      ...header(pair, span, "post"),
      ...sourceField(pair, facts, { post: span }),
      status: "new",
      post: placeIn(span),
      reasons: [],
      entry: entryHook(span),
    });
    if (atStart.pre.has(span.name))
      plan.findings.push(spanFinding(pair, "function-lifetime-changed", span, "post", OUT_OF_INIT));
  }
  if (plan.patches.length > 0 && hasDescriptors(pre.table.object)) {
    const where = { object: pair.index, side: "pre", section: ".opd", name: pair.object } as const;
    plan.findings.push({ code: "function-descriptors", where, detail: "" });
  }
  return plan;
}

const INTO_INIT = "it is init code now: what runs stays, though the new source expects it to be freed after start";
const OUT_OF_INIT =
  "it was init code, which is freed after start: what still refers to it finds nothing there, and new code uses a copy of its own";

/** Names of init code that only one side has as such. */
function loneInitCode({ diff }: PlannedPair, side: "pre" | "post"): ReadonlySet<string> {
  const twins = side === "pre" ? diff.pairing.postOf : diff.pairing.preOf;
  const lone = diff[side].table.spans.filter(({ id, kind, symbol }) => {
    return kind === "init-text" && symbol !== undefined && twins[id] === undefined;
  });
  return new Set(lone.map(({ name }) => name));
}

type Header = Pick<FunctionChange, "name" | "demangled" | "label" | "aliases" | "object" | "target" | "partOf">;

function header(pair: PlannedPair, span: Span, side: "pre" | "post"): Header {
  const label = (side === "pre" ? pair.preLabels : pair.postLabels).get(span) as string;
  const partOf = parentFunction(span.name);
  const demangled = demangle(span.name);
  const aliases = aliasesOf(span);
  return {
    name: span.name,
    ...(demangled === undefined ? {} : { demangled }),
    label,
    ...(aliases.length === 0 ? {} : { aliases }),
    object: pair.index,
    target: pair.target,
    ...(partOf === undefined ? {} : { partOf }),
  };
}

/** Other names of a function's entry, without those that the assembler makes up. */
function aliasesOf({ symbols, entry, name }: Span): string[] {
  if (symbols.length < 2) return [];
  const names = symbols.flatMap(({ symbol, offset }) =>
    offset === entry && symbol.name !== name && isFunctionSymbol(symbol) && !isAnonymousName(symbol.name)
      ? [symbol.name]
      : [],
  );
  return [...new Set(names)].sort(byText);
}

function planPaired(plan: FunctionPlan, pair: PlannedPair, span: Span, twin: Span, facts: FunctionFacts): void {
  const { result, pairing } = pair.diff;
  const outcome = result.outcomes[span.id];
  const all = result.lines[span.id]?.filter((line) => line.kind !== "encoding-only");
  const lines = all === undefined || all.length === 0 ? undefined : all;
  reportLostNames(plan, pair, span, twin);
  if (result.exempt.includes(span)) plan.findings.push(spanFinding(pair, "ignored-on-request", span, "pre"));
  const isRenamed = span.name !== twin.name && pairing.by[span.id] === "rename";
  if (outcome === "unchanged" && !isRenamed && lines === undefined) return;
  if (span.kind === "init-text") {
    if (outcome === "replaced")
      plan.findings.push(spanFinding(pair, "init-text-changed", span, "pre", firstReason(result.reasons[span.id])));
    return;
  }
  const status = outcome === "replaced" ? "changed" : isRenamed ? "renamed" : "line-only";
  const by = pairing.by[span.id];
  const changed = status === "changed" ? whatChanged(pair, span, twin, facts) : undefined;
  plan.functions.push({
    ...header(pair, span, "pre"),
    status,
    ...(span.name === twin.name ? {} : { renamedTo: twin.name }),
    ...(by === undefined ? {} : { pairedBy: by }),
    pre: placeIn(span),
    post: placeIn(twin),
    ...(changed ?? { ...sourceField(pair, facts, { pre: span, post: twin }), reasons: toReasons(lines ?? [], span) }),
    entry: entryHook(span),
  });
  if (status === "changed") {
    planReplacement(plan, pair, span, twin);
    planInnerEntries(plan, span, twin);
  }
  if (status === "renamed" && span.symbol?.bind !== STB.LOCAL)
    plan.findings.push(spanFinding(pair, "function-renamed-global", span, "pre", twin.name));
  if (status === "line-only") {
    const isBug = lines?.every((line) => line.kind === "bug-line") ?? false;
    if (lines?.some((line) => line.kind === "bug-flags")) return;
    plan.findings.push(
      spanFinding(pair, isBug ? "bug-line-only" : "line-number-only", span, "pre", firstReason(lines)),
    );
  }
}

type Changed = Pick<FunctionChange, "source" | "causes" | "reasons" | "firstInstruction" | "instructions">;

/** Why a function changed, and where. */
function whatChanged(pair: PlannedPair, span: Span, twin: Span, facts: FunctionFacts): Changed {
  const { sources, members, instructions } = facts;
  const { result, pairing, pre } = pair.diff;
  const { arch } = pre.table;
  const reasons = result.reasons[span.id] ?? [];
  const listings = listingsOf(span, twin, pairing, arch);
  const context: CauseContext = { pre: span, post: twin, pairing, arch, reasons, sources, members };
  const rows = changedRows(context, listings);
  const first = firstInstruction(span, twin, listings, arch);
  const telling = tellingRow(rows);
  const differs = telling && { pre: telling.preOffset, post: telling.postOffset };
  return {
    ...sourceField(pair, { sources }, { pre: span, post: twin }, differs),
    causes: causesOf(context, rows),
    reasons: toReasons(alignedReasons(reasons, rows, span), span),
    ...(first === undefined ? {} : { firstInstruction: first }),
    ...(instructions ? { instructions: describeInstructions(pair, span, twin, sources) } : {}),
  };
}

/** The field that says where a function is in the source; empty where nothing tells. */
function sourceField(
  pair: PlannedPair,
  { sources }: Pick<FunctionFacts, "sources">,
  sides: { readonly pre?: Span; readonly post?: Span },
  differs?: { readonly pre: number; readonly post: number },
): Pick<FunctionChange, "source"> {
  const objects = { pre: pair.diff.pre.table.object, post: pair.diff.post.table.object };
  const source = sourceOf(sources, sides, objects, differs);
  return source === undefined ? {} : { source };
}

function planReplacement(plan: FunctionPlan, pair: PlannedPair, span: Span, twin: Span): void {
  const { patches, findings } = redirect(pair, span, twin);
  append(plan.patches, patches);
  append(plan.findings, findings);
  append(plan.findings, typeHashFindings(pair, span, twin));
  if (span.kind === "exit-text") {
    plan.findings.push(
      spanFinding(pair, "exit-text-changed", span, "pre", firstReason(pair.diff.result.reasons[span.id])),
    );
  }
  if (comdatSections(pair.diff.pre.table.object).has(span.section.index))
    plan.findings.push(
      spanFinding(pair, "comdat-changed", span, "pre", firstReason(pair.diff.result.reasons[span.id])),
    );
}

/** Functions that begin inside another one (assembly with several entries) change with it. */
function planInnerEntries(plan: FunctionPlan, span: Span, twin: Span): void {
  const {
    firstInstruction: _first,
    aliases: _aliases,
    instructions: _rows,
    ...outer
  } = plan.functions.at(-1) as FunctionChange;
  const inner = span.symbols.filter(
    ({ symbol, offset }) => offset > span.entry && symbol.bind !== STB.LOCAL && isFunctionSymbol(symbol),
  );
  const places = new Map(inner.length === 0 ? [] : twin.symbols.toReversed().map((one) => [one.symbol.name, one]));
  for (const { symbol, offset } of inner) {
    const after = places.get(symbol.name);
    plan.functions.push({
      ...outer,
      // An entry that the new function does not have is gone, although its code may be there.
      status: after === undefined ? "deleted" : outer.status,
      name: symbol.name,
      label: symbol.name,
      partOf: span.name,
      pre: { section: span.section.name, offset: span.offset + offset, size: symbol.size },
      ...(after === undefined
        ? {}
        : { post: { section: twin.section.name, offset: twin.offset + after.offset, size: after.symbol.size } }),
      causes: [{ kind: "part-of-parent", name: span.name }],
      reasons: [{ kind: "middle-reference", offset: 0, pre: span.name, post: twin.name }],
    });
  }
}

function planDeleted(plan: FunctionPlan, pair: PlannedPair, span: Span, facts: FunctionFacts): void {
  plan.functions.push({
    ...header(pair, span, "pre"),
    ...sourceField(pair, facts, { pre: span }),
    status: "deleted",
    pre: placeIn(span),
    reasons: [],
    entry: entryHook(span),
  });
  append(plan.patches, trap(pair, span));
  if (span.symbol !== undefined && span.symbol.bind !== STB.LOCAL)
    plan.findings.push(spanFinding(pair, "global-function-deleted", span, "pre"));
}

/** A value computed once per object, when it is first asked for. */
function perObject<T>(compute: (object: ElfObject) => T): (object: ElfObject) => T {
  const known = new WeakMap<ElfObject, T>();
  return (object) => {
    const value = known.get(object) ?? compute(object);
    known.set(object, value);
    return value;
  };
}

/** Sections of which a linker keeps one copy: members of COMDAT groups, and GNU's older way to say so by name. */
const comdatSections = perObject((object): ReadonlySet<number> => {
  const members = object.groups.filter((group) => group.comdat).flatMap((group) => group.members);
  const linkonce = object.sections.filter(({ name }) => name.startsWith(".gnu.linkonce.")).map(({ index }) => index);
  return new Set([...members, ...linkonce]);
});

/** Section of each global name that an object defines. */
const definitions = perObject((object): ReadonlyMap<string, string> => {
  const defined = object.symbols.filter((symbol) => symbol.section !== undefined && symbol.bind !== STB.LOCAL);
  return new Map(defined.map((symbol) => [symbol.name, object.sections[symbol.section as number]?.name ?? ""]));
});

/** Global names with a version, by what they are without saying whether it is the default one (`f@@V` or `f@V`). GNU as, ".symver". */
function versionsOf({ symbols }: Span): ReadonlyMap<string, string> {
  const versions = new Map<string, string>();
  for (const { symbol } of symbols) {
    const key = withoutDefault(symbol.name);
    if (symbol.bind !== STB.LOCAL && symbol.name.includes("@") && !versions.has(key)) versions.set(key, symbol.name);
  }
  return versions;
}

/** Global names of a function that the new object no longer defines anywhere. */
function reportLostNames(plan: FunctionPlan, pair: PlannedPair, span: Span, twin: Span): void {
  if (span.symbols.length < 2) return;
  const kept = new Set(twin.symbols.map(({ symbol }) => symbol.name));
  const versions = versionsOf(twin);
  for (const { symbol } of span.symbols) {
    if (symbol.bind === STB.LOCAL || kept.has(symbol.name) || symbol === span.symbol) continue;
    const name = versions.get(withoutDefault(symbol.name));
    if (name !== undefined) {
      plan.findings.push(spanFinding(pair, "default-version-changed", span, "pre", name, { name: symbol.name }));
      continue;
    }
    const section = definitions(pair.diff.post.table.object).get(symbol.name);
    if (section === undefined)
      plan.findings.push(spanFinding(pair, "alias-removed", span, "pre", span.name, { name: symbol.name }));
    else plan.findings.push(spanFinding(pair, "entry-point-moved", span, "pre", `${symbol.name} is in ${section} now`));
  }
}
