import type { LayoutChange, Shadow } from "../../contract/layouts.ts";
import { type Finding, severityOf } from "../../findings/findings.ts";
import { shadowCoverage } from "./shadow-coverage.ts";

/** Layouts of live structs that change, and what shadow variables do about it. Numbers are indices into the findings. */
export interface ShadowSituation {
  /** Findings that a struct changes whose objects may be alive. */
  readonly layoutChanges: readonly number[];
  readonly plans: readonly {
    /** Findings that this shadow variable answers, together with the other plans. */
    readonly covers: readonly number[];
    /** What it is, in words: `ps_lock of struct sta_info`. */
    readonly text: string;
  }[];
  /** Findings that the new code uses shadow variables wrongly. */
  readonly problems: readonly number[];
  /** Findings about shadow variables that a person should look at. */
  readonly remarks: readonly number[];
  /** Functions of the new code that attach shadow variables, by label. */
  readonly usedBy: readonly string[];
}

/** What the verdict has to know of shadow variables; undefined when nothing asks for them and nothing uses them. */
export function shadowSituation(
  layouts: readonly LayoutChange[],
  shadow: Shadow | undefined,
  findings: readonly Finding[],
  changed: ReadonlySet<string>,
): ShadowSituation | undefined {
  const indicesOf = (test: (finding: Finding) => boolean): number[] =>
    findings.flatMap((finding, index) => (finding.suppressed === undefined && test(finding) ? [index] : []));
  const layoutChanges = indicesOf(({ code }) => code === "struct-layout-changed");
  const isShadow = ({ code }: Finding): boolean => code.startsWith("shadow-");
  const problems = indicesOf((finding) => isShadow(finding) && severityOf(finding) === "error");
  const remarks = indicesOf((finding) => isShadow(finding) && severityOf(finding) !== "error");
  const uses = (shadow?.uses ?? []).filter(({ api, function: label }) => /alloc$/.test(api) && changed.has(label));
  const usedBy = [...new Set(uses.map(({ function: label }) => label))];
  if (layoutChanges.length + problems.length + usedBy.length === 0) return undefined;
  const isPlannable = shadowCoverage(layouts, shadow, findings).status === "plannable";
  const plans = (shadow?.plans ?? []).map(({ member, parent }) => ({
    covers: isPlannable ? layoutChanges : [],
    text: `${member} of ${parent}`,
  }));
  return { layoutChanges, plans, problems, remarks, usedBy };
}
