import { readFileSync } from "node:fs";
import { writeOutput } from "../output.ts";

/** `elfsplice schema`: prints the JSON Schema that is shipped beside the program. */
export async function runSchema(options: { readonly output?: string }): Promise<number> {
  const schema = readFileSync(new URL("./update.schema.json", import.meta.url), "utf8");
  await writeOutput(schema, options.output);
  return 0;
}
