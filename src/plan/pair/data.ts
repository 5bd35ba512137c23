import type { Patch } from "../../contract/code.ts";
import type { DataChange } from "../../contract/description.ts";
import { ET, SHF, SHN, SHT, STB } from "../../elf/constants.ts";
import type { ElfObject, ElfSymbol } from "../../elf/object.ts";
import type { Finding, FindingCode } from "../../findings/findings.ts";
import { hex } from "../../hex.ts";
import { isCode, isComparedByContents, isState, type SectionKind } from "../../spans/section-kind.ts";
import type { Span } from "../../spans/span.ts";
import { isStringSpan } from "../../spans/strings.ts";
import { demangle } from "./demangle.ts";
import { firstReason, type PlannedPair, reasonsOf, spanFinding, toReasons } from "./pair.ts";

/** What the data pass contributes. */
export interface DataPlan {
  readonly data: DataChange[];
  readonly patches: Patch[];
  readonly findings: Finding[];
}

const KINDS: Partial<Record<SectionKind, DataChange["kind"]>> = {
  rodata: "rodata",
  data: "data",
  bss: "bss",
  string: "string",
  "export-string": "string",
  constant: "constant",
  percpu: "percpu",
  tls: "tls",
  "init-data": "init",
  registry: "special",
  unknown: "special",
  note: "special",
  toc: "toc",
};

/** Data that changed, is new, deleted, renamed, or rewritten in place; and what cannot be carried because it is alive. */
export function planData(pair: PlannedPair): DataPlan {
  const plan: DataPlan = { data: [], patches: [], findings: [] };
  const { pre, post, pairing } = pair.diff;
  let known: ReadonlyMap<string, Span> | undefined;
  const heirs = (): ReadonlyMap<string, Span> => {
    known ??= heirsIn(pair);
    return known;
  };
  for (const span of pre.table.spans) {
    if (isCode(span.kind)) continue;
    const twin = pairing.postOf[span.id];
    if (twin === undefined) planDeleted(plan, pair, span, heirs);
    else planPaired(plan, pair, span, twin);
  }
  for (const span of post.table.spans) {
    if (!isCode(span.kind) && pairing.preOf[span.id] === undefined) planNew(plan, pair, span);
  }
  planCommons(plan, pair);
  planAbsolutes(plan, pair);
  return plan;
}

function placeIn(span: Span): DataChange["pre"] {
  return { section: span.section.name, offset: span.offset, size: span.size };
}

type Header = Pick<DataChange, "name" | "demangled" | "label" | "object" | "target" | "kind" | "text">;

function header(pair: PlannedPair, span: Span, side: "pre" | "post"): Header {
  const label = (side === "pre" ? pair.preLabels : pair.postLabels).get(span) as string;
  const kind = isStringSpan(span) ? "string" : (KINDS[span.kind] ?? "special");
  const text = kind === "string" ? { text: textOf(span) } : {};
  const demangled = demangle(span.name);
  const readable = demangled === undefined ? {} : { demangled };
  return { name: span.name, ...readable, label, object: pair.index, target: pair.target, kind, ...text };
}

function textOf(span: Span): string {
  const width = span.section.entsize;
  const bytes = Buffer.from(span.bytes.buffer, span.bytes.byteOffset, span.bytes.byteLength);
  if (width === 2 || width === 4) return bytes.toString("hex");
  return bytes.toString("utf8").replace(/\0+$/, "");
}

function planPaired(plan: DataPlan, pair: PlannedPair, span: Span, twin: Span): void {
  const { result, pairing } = pair.diff;
  const outcome = result.outcomes[span.id];
  const lines = result.lines[span.id];
  const by = pairing.by[span.id];
  const isRenamed = span.name !== twin.name && (by === "reference" || by === "rename") && span.symbol !== undefined;
  const both = { ...(by === undefined ? {} : { pairedBy: by }), pre: placeIn(span), post: placeIn(twin) };
  const renamed = span.name === twin.name || isComparedByContents(span.kind) ? {} : { renamedTo: twin.name };
  if (outcome === "rewritten" || outcome === "stateful") {
    const status = outcome === "rewritten" ? "in-place" : "changed";
    plan.data.push({ ...header(pair, span, "pre"), status, ...renamed, ...both, reasons: reasonsOf(pair, span) });
    if (outcome === "rewritten") plan.patches.push(rewrite(pair, span, twin));
    else if (!result.instrumented.has(span))
      plan.findings.push(spanFinding(pair, stateCode(pair, span, twin), span, "pre", stateDetail(pair, span, twin)));
  } else if (outcome === "relocated") {
    plan.data.push({ ...header(pair, twin, "post"), status: "new", ...both, reasons: reasonsOf(pair, span) });
    if (span.symbol !== undefined && span.symbol.bind !== STB.LOCAL) {
      plan.findings.push(spanFinding(pair, "global-rodata-resized", span, "pre", `${span.size} to ${twin.size}`));
    }
  } else if (lines !== undefined) {
    plan.data.push({
      ...header(pair, span, "pre"),
      status: "line-only",
      ...renamed,
      ...both,
      reasons: toReasons(lines, span),
    });
  } else if (isRenamed) {
    plan.data.push({ ...header(pair, span, "pre"), status: "renamed", ...renamed, ...both, reasons: [] });
  }
}

/** Which rule the change of live data breaks. */
function stateCode(pair: PlannedPair, span: Span, twin: Span): FindingCode {
  if (span.kind === "percpu") return "percpu-data-changed";
  if (span.kind === "tls") return "tls-data-changed";
  if (span.kind === "init-data") return "init-data-changed";
  if (span.kind === "registry") return isFunctionArray(span) ? "constructors-changed" : "registry-changed";
  if (span.kind === "unknown") return "section-unknown";
  if (span.kind === "note") return pair.diff.pre.uses(span).length > 0 ? "section-unknown" : "note-changed";
  return span.size === twin.size ? "writable-data-changed" : "writable-data-resized";
}

/** Arrays of functions that start-up code, the loader or exit() calls, by type or by the older names. gABI chapter 4, SHT_INIT_ARRAY. */
function isFunctionArray({ section: { type, name } }: Span): boolean {
  const isTyped = type === SHT.INIT_ARRAY || type === SHT.FINI_ARRAY || type === SHT.PREINIT_ARRAY;
  return isTyped || /^\.(init_array|fini_array|preinit_array|ctors|dtors)(\.|$)/.test(name);
}

function stateDetail(pair: PlannedPair, span: Span, twin: Span): string {
  if (stateCode(pair, span, twin) === "writable-data-resized") return `${span.size} to ${twin.size}`;
  return firstReason(pair.diff.result.reasons[span.id]);
}

function rewrite(pair: PlannedPair, span: Span, twin: Span): Patch {
  return {
    type: "data",
    oldLabel: pair.preLabels.get(span) as string,
    oldOffset: 0,
    replacement: pair.postLabels.get(twin) as string,
    replacementOffset: 0,
    size: twin.size,
  };
}

/** A global absolute symbol is a number that other objects may use: they were built with its old value. gABI chapter 4, SHN_ABS. */
function planAbsolutes(plan: DataPlan, pair: PlannedPair): void {
  const { pre, post } = pair.diff;
  const isAbsolute = ({ shndx, bind, name }: ElfSymbol): boolean =>
    // Checksums of exports are told by the exports.
    shndx === SHN.ABS && bind !== STB.LOCAL && !name.startsWith("__crc_");
  const [isPlace, isPlaceNow] = [placesOf(pre.table.object), placesOf(post.table.object)];
  const after = new Map(post.table.object.symbols.filter(isAbsolute).map((symbol) => [symbol.name, symbol]));
  for (const { name, value } of pre.table.object.symbols.filter(isAbsolute)) {
    const twin = after.get(name);
    if (twin?.value === value || (twin !== undefined && isPlace(value) && isPlaceNow(twin.value))) continue;
    const where = { object: pair.index, side: "pre", section: "ABS", name, label: name } as const;
    const detail = `${hex(value)} becomes ${twin === undefined ? "undefined" : hex(twin.value)}`;
    plan.findings.push({ code: "absolute-symbol-changed", where, detail });
  }
}

/** Of a linked image, whether a number lies where it is loaded: then it is taken for an address, which moves with the code. */
function placesOf({ type, sections }: ElfObject): (value: bigint) => boolean {
  const loaded = type === ET.REL ? [] : sections.filter(({ flags, addr }) => (flags & SHF.ALLOC) !== 0n && addr > 0n);
  const [first] = loaded.map(({ addr }) => addr).sort((a, b) => (a < b ? -1 : 1));
  const [last] = loaded.map(({ addr, size }) => addr + BigInt(size)).sort((a, b) => (a > b ? -1 : 1));
  return (value) => first !== undefined && last !== undefined && value >= first && value <= last;
}

/** Common symbols have no section yet: the linker gives them one. gABI chapter 4, SHN_COMMON. */
function planCommons(plan: DataPlan, pair: PlannedPair): void {
  const isCommon = (symbol: ElfSymbol): boolean => symbol.shndx === SHN.COMMON;
  const after = new Map(pair.diff.post.table.object.symbols.filter(isCommon).map((symbol) => [symbol.name, symbol]));
  for (const before of pair.diff.pre.table.object.symbols.filter(isCommon)) {
    const twin = after.get(before.name);
    if (twin !== undefined && twin.size === before.size && twin.value !== before.value) {
      const where = {
        object: pair.index,
        side: "pre",
        section: "COMMON",
        name: before.name,
        label: before.name,
      } as const;
      const detail = `alignment ${before.value} becomes ${twin.value}`;
      plan.findings.push({ code: "common-symbol-changed", where, detail });
    }
    if (twin === undefined || twin.size === before.size) continue;
    const section = "COMMON";
    plan.data.push({
      name: before.name,
      label: before.name,
      object: pair.index,
      target: pair.target,
      kind: "bss",
      status: "changed",
      pre: { section, offset: 0, size: before.size },
      post: { section, offset: 0, size: twin.size },
      reasons: [{ kind: "size", offset: 0, pre: String(before.size), post: String(twin.size) }],
    });
    const where = { object: pair.index, side: "pre", section, name: before.name, label: before.name } as const;
    plan.findings.push({ code: "common-symbol-changed", where, detail: `size ${before.size} becomes ${twin.size}` });
  }
}

/** Data without a name and without a user: nothing else would tell that it is gone, or new. */
function reportUnowned(plan: DataPlan, pair: PlannedPair, span: Span, side: "pre" | "post"): void {
  if (span.symbol !== undefined || isComparedByContents(span.kind) || isStringSpan(span) || span.kind === "note")
    return;
  if (span.kind === "registry" || pair.diff[side].uses(span).length > 0) return;
  const detail = `${span.size} bytes at ${hex(span.offset)} ${side === "pre" ? "are gone" : "are new"}`;
  plan.findings.push(spanFinding(pair, "unnamed-data-changed", span, side, detail));
}

function planDeleted(plan: DataPlan, pair: PlannedPair, span: Span, heirs: () => ReadonlyMap<string, Span>): void {
  // TOC slots and what they hold are told by who uses them.
  if (span.kind === "toc") return;
  plan.data.push({ ...header(pair, span, "pre"), status: "deleted", pre: placeIn(span), reasons: [] });
  if (span.kind === "note") plan.findings.push(spanFinding(pair, "note-changed", span, "pre", "deleted"));
  if (isFunctionArray(span)) plan.findings.push(spanFinding(pair, "constructors-changed", span, "pre", "it is gone"));
  reportUnowned(plan, pair, span, "pre");
  if (isComparedByContents(span.kind) || span.symbol === undefined || span.kind === "registry") return;
  if (span.kind === "init-data") plan.findings.push(spanFinding(pair, "init-data-changed", span, "pre", "deleted"));
  else if (span.symbol.bind !== STB.LOCAL) plan.findings.push(deletedGlobal(pair, span, heirs().get(span.name)));
  else if (isState(span.kind)) {
    const others = pair.diff.pairing.unclear?.get(span);
    const detail = others?.map((other) => pair.postLabels.get(other)).join(", ");
    if (detail === undefined) plan.findings.push(spanFinding(pair, "data-deleted", span, "pre"));
    else plan.findings.push(spanFinding(pair, "static-ambiguous", span, "pre", detail));
  }
}

/** Data of post without a twin, by name. */
function heirsIn({ diff: { post, pairing } }: PlannedPair): ReadonlyMap<string, Span> {
  const lone = post.table.spans.filter(({ id, kind, symbol }) => {
    return symbol !== undefined && pairing.preOf[id] === undefined && !isCode(kind);
  });
  return new Map(lone.map((span) => [span.name, span]));
}

/** A global name that still is data, though of another kind, has two places from now on. */
function deletedGlobal(pair: PlannedPair, span: Span, heir: Span | undefined): Finding {
  if (heir === undefined) return spanFinding(pair, "global-data-deleted", span, "pre");
  return spanFinding(pair, "global-data-replaced", span, "pre", `${span.section.name} becomes ${heir.section.name}`);
}

function planNew(plan: DataPlan, pair: PlannedPair, span: Span): void {
  if (span.kind === "toc") return;
  plan.data.push({ ...header(pair, span, "post"), status: "new", post: placeIn(span), reasons: [] });
  if (span.kind === "note") plan.findings.push(spanFinding(pair, "note-changed", span, "post", "it is new"));
  if (isFunctionArray(span)) plan.findings.push(spanFinding(pair, "constructors-changed", span, "post", "it is new"));
  reportUnowned(plan, pair, span, "post");
  if (span.kind === "percpu" || span.kind === "tls") {
    plan.findings.push(spanFinding(pair, span.kind === "percpu" ? "percpu-data-new" : "tls-data-new", span, "post"));
  } else if (span.kind === "init-data")
    plan.findings.push(spanFinding(pair, "init-data-changed", span, "post", "it is new"));
  else if (isState(span.kind))
    plan.findings.push(spanFinding(pair, "new-writable-data", span, "post", String(span.size)));
}
