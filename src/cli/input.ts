import { readFileSync, statSync } from "node:fs";
import { ET, STT } from "../elf/constants.ts";
import { type ElfObject, readObject } from "../elf/object.ts";
import { describeSystemError, FormatError, UnsupportedError } from "../errors.ts";

/** Reads one relocatable object; anything else is refused in one line. */
export function loadObject(file: string): ElfObject {
  const object = readObject(readBytes(file), file);
  if (object.type === ET.REL) return object;
  const isLinked = object.type === ET.EXEC || object.type === ET.DYN;
  if (isLinked && object.symbols.some((symbol) => symbol.type === STT.FUNC && symbol.section !== undefined))
    return object;
  const what = {
    [ET.EXEC]: "an executable",
    [ET.DYN]: "a shared object or position-independent executable",
    [ET.CORE]: "a core file",
  }[object.type];
  throw new UnsupportedError(
    { file },
    `${what ?? `an ELF file of type ${object.type}`}${isLinked ? " without a symbol table, so its functions cannot be told apart" : ""}; a relocatable object (.o) is needed`,
  );
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
