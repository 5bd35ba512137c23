import { type Command, Option } from "commander";
import { DOCUMENT_NAMES } from "../../contract/names/documents.ts";
import type { SchemaOptions } from "../commands/schema.ts";
import { output } from "./options.ts";

export function register(top: Command, done: (status: number) => void): void {
  top
    .command("schema")
    .description("print the JSON Schema of the update description")
    .addOption(output())
    .addOption(new Option("--of <document>", "whose schema").choices(DOCUMENT_NAMES).default("update"))
    .addHelpText("after", "\nExample:\n  $ elfsplice schema > update.schema.json")
    .action(async (options: SchemaOptions) => {
      const { runSchema } = await import("../commands/schema.ts");
      done(await runSchema(options));
    });
}
