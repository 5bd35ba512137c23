import { readFileSync } from "node:fs";
import type { SuppressionRule } from "../contract/part.ts";
import { describeSystemError, FormatError } from "../errors.ts";
import { readSuppressions } from "../plan/update/suppress.ts";

/** The rules of a suppression file. */
export function readSuppressionFile(file: string): SuppressionRule[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new FormatError({ file }, `cannot be read: ${describeSystemError(error)}`);
  }
  return readSuppressions(text, file);
}
