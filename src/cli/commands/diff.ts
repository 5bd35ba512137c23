import { diffObjects } from "../../plan/update.ts";
import { renderJson } from "../../report/json.ts";
import { renderSummary, renderText } from "../../report/text.ts";
import { exitStatus } from "../exit-status.ts";
import { loadObject } from "../input.ts";
import { writeOutput } from "../output.ts";

export interface DiffOptions {
  readonly output?: string;
  readonly format: "json" | "text";
  readonly id?: string;
  readonly target?: string;
  readonly contents?: boolean;
  readonly oldCode: "needed" | "all";
  readonly exitCode?: boolean;
  readonly require?: string;
  readonly quiet?: boolean;
}

/** `elfsplice diff`: two objects in, the update description out. Returns the exit status. */
export async function runDiff(pre: string, post: string, options: DiffOptions): Promise<number> {
  const description = diffObjects(loadObject(pre), loadObject(post), options);
  const text = options.format === "text" ? renderText(description) : renderJson(description);
  await writeOutput(text, options.output);
  if (!options.quiet) process.stderr.write(renderSummary(description));
  return exitStatus(description, options);
}
