import type { Patch } from "../../contract/code.ts";
import type { ExportChange, ExportReason } from "../../contract/description.ts";
import type { ExportDifferenceKind } from "../../contract/names/reasons.ts";
import { hexBytes, targetText } from "../../diff/difference.ts";
import { differingRuns } from "../../diff/mask.ts";
import type { Finding } from "../../findings/findings.ts";
import { hex } from "../../hex.ts";
import type { Export, SpanRelocation } from "../../spans/span.ts";
import { stringBytes } from "../../spans/strings.ts";
import type { PlannedPair } from "./pair.ts";

/** What the export pass contributes. */
export interface ExportPlan {
  readonly exports: ExportChange[];
  readonly patches: Patch[];
  readonly findings: Finding[];
}

/** Symbols whose export is new, gone, or of another kind. */
export function planExports(pair: PlannedPair): ExportPlan {
  const plan: ExportPlan = { exports: [], patches: [], findings: [] };
  const before = new Map(pair.diff.pre.table.exports.map((entry) => [entry.name, entry]));
  const after = new Map(pair.diff.post.table.exports.map((entry) => [entry.name, entry]));
  for (const [name, entry] of before) {
    const twin = after.get(name);
    if (twin === undefined) add(plan, pair, entry, "deleted", []);
    else {
      const reasons = differences(pair, entry, twin);
      if (reasons.length > 0) add(plan, pair, twin, "changed", reasons);
    }
  }
  for (const [name, entry] of after) if (!before.has(name)) add(plan, pair, entry, "new", []);
  return plan;
}

function reason(kind: ExportDifferenceKind, pre: string, post: string): ExportReason {
  return { kind, offset: 0, pre, post };
}

function differences(pair: PlannedPair, a: Export, b: Export): ExportReason[] {
  const reasons: ExportReason[] = [];
  if (a.licence !== b.licence) reasons.push(reason("licence", a.licence, b.licence));
  if (a.namespace !== b.namespace) reasons.push(reason("namespace", a.namespace ?? "", b.namespace ?? ""));
  if (a.crc !== b.crc) reasons.push(reason("crc", crcText(a.crc), crcText(b.crc)));
  if (a.crcSymbol !== b.crcSymbol) reasons.push(reason("crc", a.crcSymbol ?? "", b.crcSymbol ?? ""));
  // The linker sorts entries by the names of their sections, and the kernel searches them by bisection.
  if (reasons.length === 0 && a.section.name !== b.section.name)
    reasons.push(reason("section", a.section.name, b.section.name));
  if (!isSameReference(pair, a.value, b.value))
    reasons.push(reason("target", targetText(a.value), targetText(b.value)));
  const kinds = new Set(reasons.map(({ kind }) => kind));
  for (const [i, field] of otherFields(a).entries()) {
    const twin = otherFields(b)[i];
    const kind = FIELDS[i] ?? "bytes";
    if (!kinds.has(kind) && !isSameReference(pair, field, twin))
      reasons.push(reason(kind, targetText(field), targetText(twin)));
  }
  if (reasons.length > 0) return reasons;
  if (a.size !== b.size) reasons.push(reason("size", String(a.size), String(b.size)));
  if (a.relocations.length !== b.relocations.length)
    reasons.push(reason("relocations", String(a.relocations.length), String(b.relocations.length)));
  for (const { offset, size } of differingRuns(a, b, pair.diff.pre.table.arch))
    reasons.push({ ...reason("bytes", hexBytes(a.bytes, offset, size), hexBytes(b.bytes, offset, size)), offset });
  return reasons;
}

/** What an entry refers to beside its value, in order. Linux: include/linux/export-internal.h. */
const FIELDS = ["name", "namespace"] as const;

function otherFields({ relocations, value }: Export): SpanRelocation[] {
  return relocations.filter((relocation) => relocation !== value);
}

/** Whether two fields of entries mean the same: one text, one place in a thing and its twin, or one name defined elsewhere. */
function isSameReference({ diff }: PlannedPair, a: SpanRelocation | undefined, b: SpanRelocation | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.howto.family !== b.howto.family || (a.target === undefined) !== (b.target === undefined)) return false;
  if (a.target === undefined || b.target === undefined)
    return a.symbol?.name === b.symbol?.name && a.targetAddend === b.targetAddend;
  const text = stringBytes(a.target, a.targetOffset);
  const other = text && stringBytes(b.target, b.targetOffset);
  if (text !== undefined && other !== undefined) return Buffer.compare(text, other) === 0;
  return (
    diff.pairing.postOf[a.target.id] === b.target && a.targetOffset - a.target.entry === b.targetOffset - b.target.entry
  );
}

function crcText(crc: bigint | undefined): string {
  return crc === undefined ? "" : hex(crc);
}

function add(
  plan: ExportPlan,
  pair: PlannedPair,
  entry: Export,
  status: ExportChange["status"],
  reasons: ExportReason[],
): void {
  const { name, licence, namespace, section, offset } = entry;
  plan.exports.push({
    name,
    object: pair.index,
    status,
    licence,
    ...(namespace === undefined ? {} : { namespace }),
    reasons,
  });
  const code = status === "new" ? "export-added" : status === "deleted" ? "export-deleted" : "export-changed";
  const detail = reasons.map(({ kind, pre, post }) => `${kind} ${pre || "none"} becomes ${post || "none"}`).join(", ");
  const side = status === "deleted" ? "pre" : "post";
  plan.findings.push({ code, where: { object: pair.index, side, section: section.name, offset, name }, detail });
  if (status === "changed") return;
  // The kernel's table is searched by name: a new entry is loaded under another name that the patch replaces at once.
  plan.patches.push({
    type: "export",
    oldLabel: `__ksymtab:${name}`,
    oldOffset: 0,
    replacement: status === "new" ? name : null,
    size: entry.size,
  });
}
