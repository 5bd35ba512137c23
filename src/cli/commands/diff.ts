import { diffSpans, type ObjectDiff } from "../../diff/diff.ts";
import { disassemblerFor } from "../../disasm/disassembler.ts";
import { UsageError } from "../../errors.ts";
import { objectName } from "../../input/object-name.ts";
import { hasTypes, usesShadow } from "../../layout/presence.ts";
import type { Rung } from "../../plan/contract.ts";
import type { UpdateDescription } from "../../plan/description.ts";
import type { LayoutPlan } from "../../plan/layouts.ts";
import { planPair } from "../../plan/pair.ts";
import { planUpdate } from "../../plan/update.ts";
import { type InstructionStyle, PLAIN, renderInstructions } from "../../report/instructions.ts";
import { renderJson } from "../../report/json.ts";
import { toStatement } from "../../report/statement.ts";
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
  readonly require?: Rung;
  readonly explain?: boolean;
  readonly quiet?: boolean;
  /** Wrap the description as an in-toto statement. */
  readonly statement?: boolean;
  /** False with --no-instructions. */
  readonly instructions: boolean;
}

/** `elfsplice diff`: two objects in, the update description out. Returns the exit status. */
export async function runDiff(pre: string, post: string, options: DiffOptions): Promise<number> {
  if (options.statement && options.format !== "json") throw new UsageError("--statement is JSON: leave --format out");
  const diff = diffSpans(loadObject(pre), loadObject(post));
  const description = planUpdate(diff, { ...options, layoutPlan: await layoutPlan(diff, options) });
  const ladder = options.explain ? await explanation(description) : "";
  const text =
    options.format === "text"
      ? renderText(description, options.instructions ? changedCode(diff, styleFor(options)) : undefined) + ladder
      : renderJson(options.statement ? toStatement(description) : description);
  await writeOutput(text, options.output);
  if (!options.quiet) process.stderr.write(renderSummary(description));
  // Standard output has JSON for programs; what was asked for a person goes where persons look.
  if (options.format !== "text") process.stderr.write(ladder);
  return exitStatus(description, options);
}

/** The ladder in words; loaded only if it is asked for. */
async function explanation(description: UpdateDescription): Promise<string> {
  const { renderExplanation } = await import("../../report/explain.ts");
  return renderExplanation(description);
}

/** Layouts and shadow variables; their readers are loaded only where an object has something to say about them. */
async function layoutPlan(diff: ObjectDiff, { target = "" }: DiffOptions): Promise<LayoutPlan | undefined> {
  const objects = [diff.pre.table.object, diff.post.table.object];
  if (!objects.some((object) => hasTypes(object) || usesShadow(object))) return undefined;
  const { planLayouts } = await import("../../plan/layouts.ts");
  const [pre = "", post = ""] = objects.map(({ file }) => file.replaceAll("\\", "/"));
  return planLayouts(planPair(diff, 0, objectName(pre, post), target));
}

/** By label: the differing instructions of each changed function. The disassembler is loaded only if there is one. */
function changedCode(diff: ObjectDiff, style: InstructionStyle): ReadonlyMap<string, readonly string[]> {
  if (!diff.outcome.fates.includes("patched")) return new Map();
  const file = ({ table }: ObjectDiff["pre"]): string => table.object.file.replaceAll("\\", "/");
  const { preLabels } = planPair(diff, 0, objectName(file(diff.pre), file(diff.post)), "");
  return renderInstructions(diff, preLabels, disassemblerFor(diff.pre.table.arch), style);
}

/** Lines fit the terminal; what goes to a file or a pipe is as wide as a wide one, without colour. */
function styleFor({ output }: DiffOptions): InstructionStyle {
  const { isTTY, columns } = process.stdout;
  if ((output !== undefined && output !== "-") || !isTTY) return PLAIN;
  return { width: Math.min(PLAIN.width, Math.max(NARROWEST, columns)), colour: !process.env["NO_COLOR"] };
}

const NARROWEST = 60;
