import { UsageError } from "../../errors.ts";
import { readExplanations } from "../../findings/explanations.ts";
import { CAUSES } from "../../match/outcome/causes.ts";
import { joinLines } from "../../report/escape.ts";
import { renderJson } from "../../report/json.ts";
import { CHANGE_CAUSE_WORDS, REASON_WORDS } from "../../report/reason-words.ts";
import { nearWords } from "../../wording.ts";
import { writeOutput } from "../output.ts";

export interface ExplainOptions {
  readonly output?: string;
  readonly format: "json" | "text";
}

/** What is said of one code. */
interface Words {
  readonly code: string;
  /** Finding, abort cause, reason, or cause of a change. */
  readonly what: string;
  readonly meaning: string;
  readonly todo?: string;
}

/** `elfsplice explain`: what a code means. Returns the exit status; throws UsageError for an unknown code, with those that are near. */
export async function runExplain(code: string, { format, output }: ExplainOptions): Promise<number> {
  const all = everything();
  const found = all.filter((words) => words.code === code);
  if (found.length === 0) {
    const near = nearWords(code, [...new Set(all.map((words) => words.code))]);
    throw new UsageError(`no code is called ${code}${near.length === 0 ? "" : `; did you mean ${near.join(", ")}?`}`);
  }
  await writeOutput(format === "json" ? renderJson(found) : joinLines(found.flatMap(linesOf)), output);
  return 0;
}

function linesOf({ code, what, meaning, todo }: Words): string[] {
  return [`${code} (${what})`, "", `  ${meaning}`, ...(todo === undefined ? [] : ["", `  What to do: ${todo}`]), ""];
}

function everything(): Words[] {
  return [
    ...[...readExplanations()].map(([code, { severity, meaning, todo }]) => ({
      code,
      what: `finding, ${severity}`,
      meaning,
      todo,
    })),
    ...Object.entries(CAUSES).map(([code, { errno, meaning }]) => ({
      code,
      what: `abort cause${errno === null ? "" : `, ${errno}`}`,
      meaning,
    })),
    ...Object.entries(CHANGE_CAUSE_WORDS).map(([code, meaning]) => ({ code, what: "cause of a change", meaning })),
    ...Object.entries(REASON_WORDS).map(([code, meaning]) => ({ code, what: "reason", meaning })),
  ];
}
