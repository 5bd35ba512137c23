import { Option } from "commander";
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
