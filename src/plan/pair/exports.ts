import type { ExportChange, Patch, Reason } from "../../contract/description.ts";
import type { Finding } from "../../findings/findings.ts";
import type { Export } from "../../spans/span.ts";
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

function reason(kind: string, pre: string, post: string): Reason {
  return { kind, offset: 0, pre, post };
}

function differences(pair: PlannedPair, a: Export, b: Export): Reason[] {
  const reasons: Reason[] = [];
  if (a.licence !== b.licence) reasons.push(reason("licence", a.licence, b.licence));
  if (a.namespace !== b.namespace) reasons.push(reason("namespace", a.namespace ?? "", b.namespace ?? ""));
  if (a.crc !== b.crc) reasons.push(reason("crc", crcText(a.crc), crcText(b.crc)));
  const twin = a.target === undefined ? undefined : pair.diff.pairing.postOf[a.target.id];
  if (twin !== b.target) reasons.push(reason("target", a.target?.name ?? "", b.target?.name ?? ""));
  return reasons;
}

function crcText(crc: bigint | undefined): string {
  return crc === undefined ? "" : `0x${crc.toString(16)}`;
}

function add(
  plan: ExportPlan,
  pair: PlannedPair,
  entry: Export,
  status: ExportChange["status"],
  reasons: Reason[],
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
