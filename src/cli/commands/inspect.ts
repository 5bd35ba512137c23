import { inspectObject } from "../../report/inspect.ts";
import { inspectFunction } from "../../report/inspect-function.ts";
import { renderFunctions, renderInspection } from "../../report/inspect-text.ts";
import { renderJson } from "../../report/json.ts";
import { createObjectReader, loadObjectOf } from "../object-file.ts";
import { writeOutput } from "../output.ts";

export interface InspectOptions {
  readonly output?: string;
  readonly format: "json" | "text";
  /** Only the functions of this name or label, in full. */
  readonly function?: string;
}

/** `elfsplice inspect`: what is in an object. Returns the exit status. */
export async function runInspect(object: string, options: InspectOptions): Promise<number> {
  await writeOutput(await inspect(object, options), options.output);
  return 0;
}

async function inspect(file: string, options: InspectOptions): Promise<string> {
  const object = await loadObjectOf(createObjectReader(), file);
  if (options.function !== undefined) {
    const inspection = inspectFunction(object, options.function);
    return options.format === "json" ? renderJson(inspection) : renderFunctions(inspection);
  }
  const inspection = inspectObject(object);
  return options.format === "json" ? renderJson(inspection) : renderInspection(inspection);
}
