import type { UpdateDescription } from "../contract/description.ts";
import type { Rung } from "../contract/names/rungs.ts";
import { UsageError } from "../errors.ts";
import { jsonPieces } from "../report/json.ts";
import { type Details, renderSummary, renderText } from "../report/text.ts";
import { exitStatus } from "./exit-status.ts";
import { writeOutput } from "./output.ts";

/** How a description leaves the program: options that all commands share that make one. */
export interface EmitOptions {
  readonly output?: string;
  readonly format: "json" | "text";
  readonly exitCode?: boolean;
  readonly require?: Rung;
  readonly quiet?: boolean;
  readonly explain?: boolean;
  /** Wrap the description as an in-toto statement. */
  readonly statement?: boolean;
  /** False with --no-instructions. */
  readonly instructions: boolean;
}

/** Refuses options that contradict each other. */
export function checkEmitOptions(options: EmitOptions): void {
  if (options.statement && options.format !== "json") throw new UsageError("--statement is JSON: leave --format out");
  if (!options.instructions && options.format !== "text")
    throw new UsageError("--no-instructions is for --format text: JSON has no instructions");
}

/** Prints a description and its summary, and returns the exit status that the gates give. */
export async function emitUpdate(
  description: UpdateDescription,
  details: Details | undefined,
  options: EmitOptions,
): Promise<number> {
  const ladder = options.explain ? await explanation(description) : "";
  await writeOutput(
    options.format === "text"
      ? renderText(description, options.instructions ? details : undefined) + ladder
      : jsonPieces(await documentOf(description, options)),
    options.output,
  );
  if (!options.quiet) process.stderr.write(renderSummary(description));
  // Standard output has JSON for programs; what was asked for a person goes where persons look.
  if (options.format !== "text") process.stderr.write(ladder);
  return exitStatus(description, options);
}

async function documentOf(description: UpdateDescription, { statement }: EmitOptions): Promise<unknown> {
  return statement ? (await import("../report/statement.ts")).toStatement(description) : description;
}

/** The ladder in words; loaded only if it is asked for. */
async function explanation(description: UpdateDescription): Promise<string> {
  const { renderExplanation } = await import("../report/explain.ts");
  return renderExplanation(description);
}
