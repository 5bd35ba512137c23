import type { Problem } from "../check/problem.ts";
import type { UpdateDescription } from "../contract/description.ts";
import { headline, placeOf } from "../report/cause-text.ts";
import { findingPlaces, type Place, placeIn } from "./places.ts";

/** GitHub shows ten annotations of each kind for a step; more would only be in the log. */
const MOST_OF_A_KIND = 10;
const KINDS = { error: "error", warning: "warning", note: "notice" } as const;

/** Commands for GitHub's runner, one line each: findings at their lines, and a notice at each changed function. GitHub Actions, "Workflow commands". */
export function renderGithub(description: UpdateDescription): string {
  const placeOfFinding = findingPlaces(description);
  const counts = { error: 0, warning: 0, notice: 0 };
  const lines: string[] = [];
  const add = (kind: keyof typeof counts, title: string, message: string, place: Place | undefined): void => {
    if (++counts[kind] > MOST_OF_A_KIND) return;
    const where = [
      ...(place === undefined ? [] : [`file=${property(place.file)}`]),
      ...(place?.line === undefined ? [] : [`line=${place.line}`]),
      `title=${property(title)}`,
    ];
    lines.push(`::${kind} ${where.join(",")}::${data(message)}`);
  };
  for (const finding of description.findings) {
    if (finding.suppressed !== undefined || finding.severity === "note") continue;
    add(KINDS[finding.severity], `elfsplice: ${finding.code}`, finding.message, placeOfFinding(finding));
  }
  for (const change of description.functions) {
    if (change.status !== "changed" || change.suppressed !== undefined) continue;
    const place = placeOf(change);
    const message = `${change.demangled ?? change.name} is replaced: ${headline(change)}`;
    add("notice", "elfsplice", message, place === "" ? undefined : placeIn(place));
  }
  return lines.map((line) => `${line}\n`).join("");
}

/** What `check` finds, as errors. */
export function renderProblemsForGithub(problems: readonly Problem[]): string {
  return problems
    .map(({ check, path, message }) => {
      const text = data(path === undefined ? message : `${path}: ${message}`);
      return `::error title=${property(`elfsplice check: ${check}`)}::${text}\n`;
    })
    .join("");
}

/** What the runner takes back: a message is one line. */
function data(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function property(text: string): string {
  return data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
