import { type ElfObject, readObject } from "../elf/object.ts";
import { readGiven } from "../input/listing/file.ts";
import { requireComparable } from "./comparable.ts";

/** Reads one relocatable object; anything else is refused in one line. */
export function loadObject(file: string): ElfObject {
  return requireComparable(readObject(readGiven(file), file), { file });
}
