import { readFileSync, statSync } from "node:fs";
import { type ElfObject, readObject } from "../elf/object.ts";
import { describeSystemError, FormatError, UnsupportedError } from "../errors.ts";
import { comparable } from "./comparable.ts";

/** Reads one relocatable object; anything else is refused in one line. */
export function loadObject(file: string): ElfObject {
  return comparable(readObject(readBytes(file), file), { file });
}

function readBytes(file: string): Uint8Array {
  try {
    if (statSync(file).isDirectory())
      throw new UnsupportedError({ file }, "a directory; a relocatable object (.o) is needed");
    return readFileSync(file);
  } catch (error) {
    if (error instanceof UnsupportedError) throw error;
    throw new FormatError({ file }, `cannot be read: ${describeSystemError(error)}`);
  }
}
