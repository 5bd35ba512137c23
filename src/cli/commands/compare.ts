import { compareUpdates } from "../../check/compare-updates.ts";
import { UsageError } from "../../errors.ts";
import { renderComparison } from "../../report/compare-text.ts";
import { escapeLine } from "../../report/escape.ts";
import { jsonPieces } from "../../report/json.ts";
import { readSoundUpdate } from "../document.ts";
import { EXIT } from "../exit-status.ts";
import { writeOutput } from "../output.ts";

export interface CompareOptions {
  readonly output?: string;
  readonly format: "json" | "text";
  readonly requireSuperset?: boolean;
}

/** `elfsplice compare`: what a newer description adds to, drops from, or alters in an older one. */
export async function runCompare(a: string, b: string, options: CompareOptions): Promise<number> {
  if (a === "-" && b === "-") throw new UsageError("standard input can be one of the descriptions, not both");
  const comparison = compareUpdates(await readSoundUpdate(a), await readSoundUpdate(b));
  const text = options.format === "json" ? jsonPieces(comparison) : renderComparison(comparison);
  await writeOutput(text, options.output);
  if (!options.requireSuperset || comparison.superset) return EXIT.done;
  const { length } = comparison.lacking;
  const [first] = comparison.lacking;
  const line = `not a superset: ${length} ${length === 1 ? "patch" : "patches"} missing, first ${first?.kind} ${first?.name}`;
  process.stderr.write(`elfsplice: ${escapeLine(line)}\n`);
  return EXIT.gate;
}
