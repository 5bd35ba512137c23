import { accountAs, accountFor } from "../../account/account.ts";
import type { SideAccount, Unexplained } from "../../account/classes.ts";
import type { Told } from "../../account/told.ts";
import type { AccountedSide, PairAccounting } from "../../contract/accounting.ts";
import type { DataChange, ExportChange, FunctionChange, Noise } from "../../contract/description.ts";
import { type Finding, severityOf } from "../../findings/findings.ts";
import { signedHex } from "../../hex.ts";
import type { PlannedPair } from "./pair.ts";

/** What of one pair the description tells. */
interface Lists {
  readonly functions: readonly FunctionChange[];
  readonly data: readonly DataChange[];
  readonly exports: readonly ExportChange[];
  readonly noise: readonly Noise[];
  readonly findings: readonly Finding[];
}

/** Accounts for a pair, given all that the description tells of it; what has no owner becomes a finding. */
export function accountPair(
  pair: PlannedPair,
  absent: "pre" | "post" | undefined,
  lists: Lists,
): { readonly accounting: PairAccounting; readonly findings: Finding[]; readonly noise: Noise[] } {
  const { diff } = pair;
  if (absent !== undefined) {
    const side = absent === "pre" ? "post" : "pre";
    return { accounting: { [side]: described(accountAs("reported", diff, side)) }, findings: [], noise: [] };
  }
  const { pre, post, unexplained, renamed } = accountFor(diff, toldBy(pair, lists));
  return {
    accounting: { pre: described(pre), post: described(post) },
    noise: renamed.map(({ pre: { name }, post: { name: other } }) => ({
      class: "section-name",
      label: `${name}<${pair.object}>`,
      object: pair.index,
      pre: name,
      post: other,
      evidence: "what is in it is the same",
    })),
    findings: unexplained.map((one) => findingOf(pair, one)),
  };
}

function described({ bytes, allocated, relocations, records }: SideAccount): AccountedSide {
  return { bytes, allocated, relocations, records };
}

function findingOf(pair: PlannedPair, { side, section, offset, name, detail }: Unexplained): Finding {
  const where = { object: pair.index, side, section, offset, ...(name === undefined ? {} : { name }) };
  return { code: "difference-unexplained", where, detail: `${section}${signedHex(offset)}: ${detail}` };
}

/** Findings below an error that tell of a span's contents. */
const TELLS: ReadonlySet<Finding["code"]> = new Set(["ignored-on-request"]);

function toldBy(pair: PlannedPair, { functions, data, exports, noise, findings }: Lists): Told {
  const told = new Set<string>();
  const renamed = new Set<string>();
  for (const { label, status, reasons, renamedTo } of [...functions, ...data]) {
    const isLine = status === "line-only" || status === "renamed";
    if (!isLine || reasons.some(({ kind }) => kind === "bug-flags")) told.add(label);
    if (renamedTo !== undefined) renamed.add(label);
  }
  for (const { class: kind, label } of noise) {
    if (kind === "init-code" || kind === "instrumentation") told.add(label);
    renamed.add(label);
  }
  const isNameless = findings.some(({ code }) => code === "nameless-code-changed");
  const isDead = noise.some((one) => one.class === "dead-code");
  const sections = new Set<string>();
  const resized = new Set<string>();
  for (const { code, where } of findings) {
    const isTelling = TELLS.has(code) || severityOf({ code }) === "error";
    if (where.label !== undefined && code === "symbol-changed") resized.add(where.label);
    else if (where.label !== undefined && isTelling) told.add(where.label);
    if (where.label === undefined && where.section !== undefined) sections.add(where.section);
  }
  const labels = { pre: pair.preLabels, post: pair.postLabels };
  return {
    isTold: (span, side) => told.has(labels[side].get(span) as string),
    isResized: (span, side) => resized.has(labels[side].get(span) as string),
    isRenamed: (span) => renamed.has(pair.preLabels.get(span) as string),
    nameless: isNameless ? "reported" : isDead ? "noise" : undefined,
    exports: new Set(exports.map(({ name }) => name)),
    sections,
  };
}
