import { UsageError } from "../errors.ts";
import type { Rung } from "../plan/contract.ts";
import type { UpdateDescription } from "../plan/description.ts";
import { renderJson } from "../report/json.ts";
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
  /** Wrap the description as an in-toto statement. */
  readonly statement?: boolean;
  /** False with --no-instructions. */
  readonly instructions: boolean;
}

/** Refuses options that contradict each other. */
export function checkEmitOptions(options: EmitOptions): void {
  if (options.statement && options.format !== "json") throw new UsageError("--statement is JSON: leave --format out");
}

/** Prints a description and its summary, and returns the exit status that the gates give. */
export async function emitUpdate(
  description: UpdateDescription,
  details: Details | undefined,
  options: EmitOptions,
): Promise<number> {
  await writeOutput(await textOf(description, details, options), options.output);
  if (!options.quiet) process.stderr.write(renderSummary(description));
  return exitStatus(description, options);
}

async function textOf(
  description: UpdateDescription,
  details: Details | undefined,
  { format, instructions, statement }: EmitOptions,
): Promise<string> {
  if (format === "text") return renderText(description, instructions ? details : undefined);
  if (!statement) return renderJson(description);
  const { toStatement } = await import("../report/statement.ts");
  return renderJson(toStatement(description));
}
