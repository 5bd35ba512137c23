import { Option } from "commander";
import { RENDER_FORMATS } from "../../contract/names/formats.ts";
import { RUNGS } from "../../contract/names/rungs.ts";

/* Options that several commands have. */

export function output(): Option {
  return new Option("-o, --output <file>", "write to a file instead of standard output");
}

export function required(): Option {
  return new Option("--require <rung>", "status 1 unless this rung, or a less disruptive one, is applicable").choices(
    RUNGS,
  );
}

/** Values of an option that may be given more than once. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

export function formats(): Option {
  return new Option(
    "--format <format>",
    "what to print (default: text on a terminal, json to a file or a pipe)",
  ).choices(["json", ...RENDER_FORMATS]);
}

export function color(): Option {
  return new Option("--color <when>", "colours in text; NO_COLOR and FORCE_COLOR count, too")
    .choices(["auto", "always", "never"])
    .default("auto");
}
