import type { MatchResult, SectionResult, TrampolineResult } from "../contract/match.ts";
import { signedHex } from "../hex.ts";
import { joinLines } from "./escape.ts";

/** One span that did not match, with both sides. */
function unmatchedLines({ label, kind, status, candidates, mismatch }: SectionResult): string[] {
  const lines = [`  ${status.padEnd(10)} ${kind} ${label}  (${candidates.length} tried)`];
  if (mismatch === undefined) return lines;
  const at = `${signedHex(mismatch.offset)} at ${mismatch.runAddress}`;
  const words = mismatch.instruction;
  return [
    ...lines,
    `      ${at}: ${mismatch.why}`,
    `      pre  ${mismatch.pre}${words === undefined ? "" : `  ${words.pre}`}`,
    `      run  ${mismatch.run}${words === undefined ? "" : `  ${words.run}`}`,
  ];
}

/** Data that there was no place to look for, by the reason. */
function unseenLines(sections: readonly SectionResult[]): string[] {
  const byReason = new Map<string, string[]>();
  for (const { notLookedFor, label, kind } of sections) {
    if (notLookedFor === undefined) continue;
    const lines = byReason.get(notLookedFor) ?? [];
    byReason.set(notLookedFor, [...lines, `      ${kind} ${label}`]);
  }
  return [...byReason].flatMap(([reason, lines]) => [`  ${lines.length}: ${reason}`, ...lines]);
}

const CODE: ReadonlySet<string> = new Set(["text", "init-text", "exit-text"]);

function matchedLine({ label, runAddress, rules, kind }: SectionResult): string {
  return `  ${runAddress}  ${kind} ${label}${rules.length === 0 ? "" : `  (${rules.join(", ")})`}`;
}

/** What of a trampoline waits for the address of the new code. */
function openWords(open: TrampolineResult["open"]): string {
  if (open === undefined) return "";
  const fields = open.fields.map(({ howto, offset }) => `${howto} at ${signedHex(offset)}`).join(", ");
  return `: ${open.template}, open: ${fields}`;
}

function block(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines, ""];
}

/** The whole result for a person. */
export function renderMatchText(result: MatchResult): string {
  const { sections, patches, symbols } = result;
  const missing = sections.filter(({ status }) => status === "unmatched" || status === "ambiguous");
  const open = missing.filter(
    ({ mismatch, kind, status, notLookedFor }) =>
      notLookedFor === undefined && (mismatch !== undefined || CODE.has(kind) || status === "ambiguous"),
  );
  const found = sections.filter(({ status }) => status === "matched" || status === "located");
  return joinLines([
    ...outcomeLines(result),
    "",
    ...block("not matched", open.flatMap(unmatchedLines)),
    ...block("not looked for", unseenLines(missing)),
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
        ({ label, oldAddress, size, bytes, open }) =>
          `  ${oldAddress}  ${label}, ${size} bytes${bytes === null ? openWords(open) : `: ${bytes}`}`,
      ),
    ),
    ...block(
      "safety",
      result.safety.map(({ label, start, size }) => `  ${start}${signedHex(size)}  ${label}`),
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
  ]);
}

function outcomeLines({ outcome, abort, counts, run }: MatchResult): string[] {
  const weak = counts.overridden === 0 ? "" : `, ${counts.overridden} weak ones defined elsewhere`;
  const unseen = counts.notLookedFor === 0 ? "" : `, ${counts.notLookedFor} pieces of data were not looked for`;
  const text = `${counts.matched} of ${counts.text} functions match ${run.path}${weak}${unseen}`;
  if (abort === null) return [`${outcome}: ${text}`];
  const errno = abort.errno === null ? "" : ` (${abort.errno})`;
  return [`${outcome}, ${abort.cause}${errno}: ${abort.at}: ${abort.why}`, text];
}

/** A few lines for standard error. */
export function renderMatchSummary(result: MatchResult): string {
  const [first, ...rest] = outcomeLines(result);
  return `${joinLines([`elfsplice: ${first}`, ...rest])}\n`;
}
