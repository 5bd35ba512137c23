import { UsageError } from "../../errors.ts";
import { inspectFunction } from "../../inspect/function.ts";
import { inspectObject } from "../../inspect/inspect.ts";
import { renderFunctions, renderInspection } from "../../report/inspect-text.ts";
import { jsonPieces } from "../../report/json.ts";
import { createObjectReader, loadObjectOf } from "../object-file.ts";
import { type Text, writeOutput } from "../output.ts";

export interface InspectOptions {
  readonly output?: string;
  readonly format: "json" | "text";
  /** Only the functions of this name or label, in full. */
  readonly function?: string;
  /** Only the layouts of the types of this name. */
  readonly struct?: string;
}

/** `elfsplice inspect`: what is in an object. Returns the exit status. */
export async function runInspect(object: string, options: InspectOptions): Promise<number> {
  await writeOutput(
    options.struct === undefined ? await inspect(object, options) : await struct(object, options.struct, options),
    options.output,
  );
  return 0;
}

async function inspect(file: string, options: InspectOptions): Promise<Text> {
  const object = await loadObjectOf(createObjectReader(), file);
  if (options.function !== undefined) {
    const inspection = inspectFunction(object, options.function);
    return options.format === "json" ? jsonPieces(inspection) : renderFunctions(inspection);
  }
  const inspection = inspectObject(object);
  return options.format === "json" ? jsonPieces(inspection) : renderInspection(inspection);
}

/** Debug information is read only when it is asked for. */
async function struct(file: string, name: string, { format, function: other }: InspectOptions): Promise<Text> {
  if (other !== undefined) throw new UsageError("--function and --struct cannot be given together");
  const { inspectStruct, renderStructs } = await import("../../report/inspect-struct.ts");
  const inspection = await inspectStruct(await loadObjectOf(createObjectReader(), file), name);
  return format === "json" ? jsonPieces(inspection) : renderStructs(inspection);
}
