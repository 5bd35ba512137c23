import type { CheckResult } from "../report/check-text.ts";
import { escapeLine } from "../report/escape.ts";

/** Gates as JUnit has tests: one case for each kind of check, failed where it has problems. */
export function renderJunit({ problems }: CheckResult, name: string): string {
  const checks = [...new Set(["document", ...problems.map(({ check }) => check)])];
  const failed = checks.filter((check) => problems.some((problem) => problem.check === check));
  const cases = checks.map((check) => {
    const own = problems.filter((problem) => problem.check === check);
    const head = `    <testcase classname="elfsplice" name="${xml(check)}"`;
    if (own.length === 0) return `${head}/>`;
    const lines = own.map(({ path, message }) => (path === undefined ? message : `${path}: ${message}`));
    return `${head}>\n      <failure message="${xml(lines[0] ?? "")}">${lines.map(xml).join("\n")}</failure>\n    </testcase>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites tests="${checks.length}" failures="${failed.length}">`,
    `  <testsuite name="${xml(name)}" tests="${checks.length}" failures="${failed.length}">`,
    ...cases,
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

/** Text in XML 1.0, which has no place for control characters. */
function xml(text: string): string {
  return escapeLine(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
