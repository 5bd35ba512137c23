import type { UpdateDescription } from "../contract/description.ts";
import type { RenderFormat } from "../contract/names/formats.ts";
import type { Rung } from "../contract/names/rungs.ts";
import { UsageError } from "../errors.ts";
import { jsonPieces } from "../report/json.ts";
import { type Details, renderSummary, renderText } from "../report/text.ts";
import { exitStatus } from "./exit-status.ts";
import { type Text, writeOutput } from "./output.ts";
import { type StyleOptions, styleFor } from "./style.ts";

/** How a description leaves the program: options that all commands share that make one. */
export interface EmitOptions extends StyleOptions {
  readonly output?: string;
  readonly format: "json" | RenderFormat;
  readonly exitCode?: boolean;
  readonly require?: Rung;
  readonly quiet?: boolean;
  readonly explain?: boolean;
  /** Wrap the description as an in-toto statement. */
  readonly statement?: boolean;
  /** True with --instructions, false with --no-instructions. */
  readonly instructions?: boolean;
}

/** Refuses options that contradict each other. */
export function checkEmitOptions(options: EmitOptions): void {
  if (options.statement && options.format !== "json") throw new UsageError("--statement is JSON: leave --format out");
  if (options.instructions === false && options.format !== "text" && options.format !== "html")
    throw new UsageError(
      "--no-instructions is for --format text and html: the others have none unless they are asked for",
    );
}

/** The options with a format: text for who looks at a terminal, JSON for programs. */
export function withFormat<T extends Omit<EmitOptions, "format">>(
  options: T & { readonly format?: EmitOptions["format"] },
): T & { readonly format: EmitOptions["format"] } {
  const isSeen = (options.output === undefined || options.output === "-") && process.stdout.isTTY === true;
  return { ...options, format: options.format ?? (isSeen && !options.statement ? "text" : "json") };
}

/** Whether the description itself holds the instructions that differ. */
export function wantsRows({ format, instructions }: Pick<EmitOptions, "format" | "instructions">): boolean {
  return format === "html" ? instructions !== false : format !== "text" && instructions === true;
}

/** Prints a description and its summary, and returns the exit status that the gates give. */
export async function emitUpdate(
  description: UpdateDescription,
  details: Details | undefined,
  options: EmitOptions,
): Promise<number> {
  const ladder = options.explain ? await explanation(description) : "";
  await writeOutput(await textOf(description, details, ladder, options), options.output);
  if (!options.quiet) process.stderr.write(renderSummary(description));
  // Standard output has JSON for programs; what was asked for a person goes where persons look.
  if (options.format !== "text") process.stderr.write(ladder);
  return exitStatus(description, options);
}

async function textOf(
  description: UpdateDescription,
  details: Details | undefined,
  ladder: string,
  options: EmitOptions,
): Promise<Text> {
  const { format, instructions, output } = options;
  if (format === "json") return jsonPieces(await documentOf(description, options));
  if (format === "text")
    return renderText(description, instructions === false ? undefined : details, styleFor(output, options)) + ladder;
  const { renderAs } = await import("../render/render.ts");
  return renderAs(format, description);
}

async function documentOf(description: UpdateDescription, { statement }: EmitOptions): Promise<unknown> {
  return statement ? (await import("../report/statement.ts")).toStatement(description) : description;
}

/** The ladder in words; loaded only if it is asked for. */
async function explanation(description: UpdateDescription): Promise<string> {
  const { renderExplanation } = await import("../report/explain.ts");
  return renderExplanation(description);
}
