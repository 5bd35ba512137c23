import { readFileSync } from "node:fs";
import type { DocumentName } from "../../contract/names/documents.ts";
import { writeOutput } from "../output.ts";

export interface SchemaOptions {
  readonly output?: string;
  readonly of?: DocumentName;
}

/** `elfsplice schema`: prints a JSON Schema that is shipped beside the program. */
export async function runSchema(options: SchemaOptions): Promise<number> {
  const schema = readFileSync(new URL(`./${options.of ?? "update"}.schema.json`, import.meta.url), "utf8");
  await writeOutput(schema, options.output);
  return 0;
}
