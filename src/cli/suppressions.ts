import type { SuppressionRule } from "../contract/part.ts";
import { readGivenText } from "../input/listing/file.ts";
import { readSuppressions } from "../plan/update/suppress.ts";

/** The rules of a suppression file. */
export function readSuppressionFile(file: string): SuppressionRule[] {
  return readSuppressions(readGivenText(file, "a suppression file"), file);
}
