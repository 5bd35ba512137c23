import { readPart, type UpdatePart } from "../../contract/part.ts";
import { UsageError } from "../../errors.ts";
import { byText } from "../../order.ts";
import { assembleParts } from "../../plan/update/join-parts.ts";
import type { InstructionLines } from "../describe-task.ts";
import { linesByObject } from "../diff-builds.ts";
import { readJson } from "../document.ts";
import { nameOfFile } from "../document-kind.ts";
import { checkEmitOptions, type EmitOptions, emitUpdate, withFormat } from "../emit.ts";
import { onInterrupt } from "../interrupt.ts";
import { checkOutput } from "../output.ts";

/** `elfsplice merge`: the parts of one run in, the description that one machine would have made out. Returns the exit status. */
export async function runMerge(
  files: readonly string[],
  given: Omit<EmitOptions, "format"> & Partial<Pick<EmitOptions, "format">>,
): Promise<number> {
  const options = withFormat(given);
  checkEmitOptions(options);
  checkOutput(options.output);
  if (files.filter((file) => file === "-").length > 1)
    throw new UsageError("standard input can be one of the parts only");
  const parts: UpdatePart[] = [];
  for (const file of files) parts.push(readPart(await readJson(file), nameOfFile(file)));
  if (options.statement && parts.some((part) => !part.options.hashes))
    throw new UsageError(
      "a statement names every object by its hash: make the parts with --statement (or --hashes), too",
    );
  const description = assembleParts(parts);
  const names = parts.flatMap(({ fragments }) => fragments.map(({ name }) => name)).sort(byText);
  const instructions = new Map<string, InstructionLines>(
    parts.flatMap((part) => Object.entries(part.instructions ?? {})),
  );
  onInterrupt(() => {});
  return emitUpdate(description, linesByObject(names, instructions), options);
}
