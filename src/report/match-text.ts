import type { MatchResult, SectionResult } from "../match/result.ts";

/** One span that did not match, with both sides. */
function unmatchedLines({ label, kind, status, candidates, mismatch }: SectionResult): string[] {
  const lines = [`  ${status.padEnd(10)} ${kind} ${label}  (${candidates.length} tried)`];
  if (mismatch === undefined) return lines;
  const at = `+0x${mismatch.offset.toString(16)} at ${mismatch.runAddress}`;
  const words = mismatch.instruction;
  return [
    ...lines,
    `      ${at}: ${mismatch.why}`,
    `      pre  ${mismatch.pre}${words === undefined ? "" : `  ${words.pre}`}`,
    `      run  ${mismatch.run}${words === undefined ? "" : `  ${words.run}`}`,
  ];
}

const CODE: ReadonlySet<string> = new Set(["text", "init-text", "exit-text"]);

function matchedLine({ label, runAddress, rules, kind }: SectionResult): string {
  return `  ${runAddress}  ${kind} ${label}${rules.length === 0 ? "" : `  (${rules.join(", ")})`}`;
}

function block(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines, ""];
}

/** The whole result for a person. */
export function renderMatchText(result: MatchResult): string {
  const { sections, patches, symbols } = result;
  const missing = sections.filter(({ status }) => status === "unmatched" || status === "ambiguous");
  const open = missing.filter(
    ({ mismatch, kind, status }) => mismatch !== undefined || CODE.has(kind) || status === "ambiguous",
  );
  const unseen = missing.length - open.length;
  const found = sections.filter(({ status }) => status === "matched" || status === "located");
  return [
    outcomeLine(result),
    "",
    ...block("not matched", open.flatMap(unmatchedLines)),
    ...block("not looked for", unseen === 0 ? [] : [`  ${unseen} pieces of data that nothing refers to`]),
    ...block("matched", found.map(matchedLine)),
    ...block(
      "symbols",
      symbols.map(
        ({ label, value, sympos }) => `  ${value ?? "unknown"}  ${label}${sympos === null ? "" : ` (${sympos})`}`,
      ),
    ),
    ...block(
      "patches",
      patches.map(
        ({ label, oldAddress, size, bytes }) =>
          `  ${oldAddress}  ${label}, ${size} bytes${bytes === null ? "" : `: ${bytes}`}`,
      ),
    ),
    ...block(
      "safety",
      result.safety.map(({ label, start, size }) => `  ${start}+0x${size.toString(16)}  ${label}`),
    ),
    ...block(
      "lifecycle",
      result.lifecycle.flatMap(({ stage, next, checks }) => [
        `  ${stage}${next === null ? "" : ` → ${next}`}`,
        ...checks.map(({ check, cause, done }) => `    ${done ? "done" : "open"}  ${check}, else ${cause}`),
      ]),
    ),
    ...block(
      "findings",
      result.findings.map(({ severity, code, message }) => `  ${severity.padEnd(7)} ${code}: ${message}`),
    ),
  ].join("\n");
}

function outcomeLine({ outcome, abort, counts, run }: MatchResult): string {
  const weak = counts.overridden === 0 ? "" : `, ${counts.overridden} weak ones defined elsewhere`;
  const text = `${counts.matched} of ${counts.text} functions match ${run.path}${weak}`;
  if (abort === null) return `${outcome}: ${text}`;
  const errno = abort.errno === null ? "" : ` (${abort.errno})`;
  return `${outcome}, ${abort.cause}${errno}: ${abort.at}: ${abort.why}\n${text}`;
}

/** A few lines for standard error. */
export function renderMatchSummary(result: MatchResult): string {
  return `elfsplice: ${outcomeLine(result)}\n`;
}
