import { createHash } from "node:crypto";
import type { UpdateDescription } from "../contract/description.ts";
import { renderJson } from "../report/json.ts";
import { findingPlaces } from "./places.ts";

const SEVERITIES = { error: "critical", warning: "minor", note: "info" } as const;

/** Findings as GitLab's code quality report has them. GitLab, "Code Quality", "Implement a custom tool". */
export function renderGitlab(description: UpdateDescription): string {
  const placeOf = findingPlaces(description);
  const seen = new Map<string, number>();
  const issues = description.findings
    .filter(({ suppressed }) => suppressed === undefined)
    .map((finding) => {
      const { code, severity, message, where } = finding;
      const place = placeOf(finding);
      // The same finding has the same print in the next run, whatever its line is then.
      const key = [code, where.object, where.label ?? where.name, where.section].join("\0");
      const number = seen.get(key) ?? 0;
      seen.set(key, number + 1);
      return {
        description: message,
        check_name: code,
        fingerprint: createHash("sha256").update(`${key}\0${number}`).digest("hex").slice(0, 40),
        severity: SEVERITIES[severity],
        location: { path: place?.file ?? "unknown", lines: { begin: place?.line ?? 1 } },
      };
    });
  return renderJson(issues);
}
