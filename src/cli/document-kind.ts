/* Which inputs of a command are update descriptions, told without reading them: their reader loads the schema. */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { UsageError } from "../errors.ts";

/** Bytes from which JSON can be told. */
const HEAD = 64;

/** Whether an input names an update description and not an object: standard input, `….json`, or a file that begins as JSON does. */
function isDocument(file: string): boolean {
  if (file === "-" || file.endsWith(".json")) return true;
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return false;
  const head = new Uint8Array(HEAD);
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, "r");
    return /^\s*\{/.test(Buffer.from(head.subarray(0, readSync(descriptor, head))).toString("latin1"));
  } catch {
    // The reader of objects says why the file cannot be read.
    return false;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** The description that the inputs of a command are, or undefined where they are objects. Throws UsageError for both at once. */
export function documentAmong(inputs: readonly string[]): string | undefined {
  const file = inputs.find(isDocument);
  if (file !== undefined && inputs.length > 1)
    throw new UsageError(`${nameOfFile(file)} is an update description: it names its objects itself`);
  return file;
}

/** What messages call an input. */
export function nameOfFile(file: string): string {
  return file === "-" ? "standard input" : file;
}
