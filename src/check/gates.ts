import type { FunctionChange, UpdateDescription } from "../contract/description.ts";
import { isWithin, type Rung } from "../contract/names/rungs.ts";
import { FINDING_CODES, type FindingCode } from "../findings/findings.ts";
import type { Severity } from "../findings/table.ts";
import { globOf, type NameTest } from "../glob.ts";
import { byText } from "../order.ts";
import { nearWords } from "../wording.ts";
import { withoutKnown } from "./baseline.ts";
import type { Problem } from "./problem.ts";

/** What the release of an update may insist on. */
export interface Gates {
  /** This rung, or a less disruptive one, is applicable. */
  readonly require?: Rung | undefined;
  /** There is no finding of these codes, and none as severe as these severities. */
  readonly failOn?: readonly (FindingCode | Severity)[] | undefined;
  /** No more functions than this are changed, new or deleted. */
  readonly maxFunctions?: number | undefined;
  /** No other function is changed, new or deleted. */
  readonly allowFunctions?: AllowedFunctions | undefined;
  /** An update whose findings and functions are known: gates that count them look at what is new. */
  readonly baseline?: UpdateDescription | undefined;
  /** No other target is touched. */
  readonly allowTargets?: readonly string[] | undefined;
}

/** Functions that may change, as a file lists them. */
export interface AllowedFunctions {
  readonly file: string;
  readonly allows: NameTest;
}

/** Names or labels, one a line, with the wildcards of suppression files; `#` begins a comment. */
export function readAllowedFunctions(text: string, file: string): AllowedFunctions {
  const tests = text.split("\n").flatMap((line, index) => {
    const pattern = line.replace(/(^|\s)#.*$/, "").trim();
    return pattern === "" ? [] : [globOf(pattern, `${file}:${index + 1}: pattern "${pattern}"`)];
  });
  return { file, allows: (name) => tests.some((test) => test(name)) };
}

/** From the least to the most severe. */
const SEVERITIES = ["note", "warning", "error"] as const;
/** Statuses of a function that count as a change of it: a renamed one keeps its code, one with other line numbers too. */
const COUNTED = ["changed", "new", "deleted"] as const satisfies readonly FunctionChange["status"][];

/** The gates that a description does not meet, one problem for each. */
export function unmetGates(update: UpdateDescription, gates: Gates): Problem[] {
  const fresh = gates.baseline === undefined ? update : withoutKnown(update, gates.baseline);
  const unmet = [
    gates.require === undefined ? undefined : unmetRung(update, gates.require),
    ...(gates.failOn ?? []).map((wanted) => unmetFinding(fresh, wanted)),
    gates.maxFunctions === undefined ? undefined : unmetCount(fresh, gates.maxFunctions),
    gates.allowFunctions === undefined ? undefined : unmetFunctions(fresh, gates.allowFunctions),
    gates.allowTargets === undefined ? undefined : unmetTargets(update, gates.allowTargets),
  ];
  return unmet.filter((problem) => problem !== undefined);
}

function unmetRung({ verdict, findings }: UpdateDescription, most: Rung): Problem | undefined {
  if (isWithin(verdict.rungs, most)) return undefined;
  const asked = verdict.rungs.find(({ rung }) => rung === most);
  const codes = new Set((asked?.because ?? []).map((index) => findings[index]?.code ?? `finding ${index}`));
  const because = codes.size === 0 ? "" : ` because of ${[...codes].join(", ")}`;
  const orLess = most === "none" ? "" : ", nor is a less disruptive rung applicable";
  return { check: "require", message: `${most} is ${asked?.status ?? "not judged"}${because}${orLess}` };
}

function unmetFinding({ findings }: UpdateDescription, wanted: FindingCode | Severity): Problem | undefined {
  const level = SEVERITIES.indexOf(wanted as Severity);
  const hits = findings
    .filter(isCounted)
    .filter(({ code, severity }) => (level < 0 ? code === wanted : SEVERITIES.indexOf(severity) >= level));
  const [first] = hits;
  if (first === undefined) return undefined;
  const what = level < 0 ? "" : `${first.code}: `;
  const rest = hits.length > 1 ? ` (and ${hits.length - 1} more)` : "";
  return { check: "fail-on", message: `${wanted}: ${what}${first.message}${rest}` };
}

function unmetCount({ functions }: UpdateDescription, most: number): Problem | undefined {
  const counts = COUNTED.map((status) => functions.filter((one) => isCounted(one) && one.status === status).length);
  const sum = counts.reduce((a, b) => a + b, 0);
  if (sum <= most) return undefined;
  const words = COUNTED.map((status, index) => `${counts[index]} ${status}`).join(", ");
  return {
    check: "max-functions",
    message: `${sum} ${sum === 1 ? "function" : "functions"}, ${most} allowed (${words})`,
  };
}

/** Labels told of functions that are not allowed. */
const MOST_TOLD = 20;

function unmetFunctions({ functions }: UpdateDescription, { file, allows }: AllowedFunctions): Problem | undefined {
  const counted: readonly string[] = COUNTED;
  const others = functions.filter(
    (one) => isCounted(one) && counted.includes(one.status) && !allows(one.name) && !allows(one.label),
  );
  if (others.length === 0) return undefined;
  const told = others.slice(0, MOST_TOLD).map(({ label, status }) => `${label} (${status})`);
  const rest = others.length > told.length ? ` and ${others.length - told.length} more` : "";
  return {
    check: "allow-functions",
    message: `outside ${file}: ${told.join(", ")}${rest}; to allow one, add a line with its name or label to that file`,
  };
}

/** Targets with a change, or with an object that is not the same on both sides. */
function unmetTargets({ changes, objects }: UpdateDescription, allowed: readonly string[]): Problem | undefined {
  const differing = objects.filter(
    (one) => isCounted(one) && one.status !== "identical" && one.status !== "equivalent",
  );
  const touched = new Set([...changes, ...differing].map(({ target }) => target));
  const others = [...touched].filter((target) => !allowed.includes(target)).sort(byText);
  if (others.length === 0) return undefined;
  return { check: "allow-targets", message: `changes ${others.join(", ")}; allowed: ${allowed.join(", ") || "none"}` };
}

/** A suppressed finding stops nothing: its rule has a reason. */
function isCounted({ suppressed }: { readonly suppressed?: string | undefined }): boolean {
  return suppressed === undefined;
}

/** Reads the value of `--fail-on`; undefined when it is neither a code nor a severity. */
export function findingGate(text: string): FindingCode | Severity | undefined {
  return [...SEVERITIES, ...FINDING_CODES].find((known) => known === text);
}

/** Codes and severities that a misspelt word may stand for, the nearest first. */
export function nearFindingGates(text: string): string[] {
  return nearWords(text, [...SEVERITIES, ...FINDING_CODES]);
}
