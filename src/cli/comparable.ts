import { ET, STT } from "../elf/constants.ts";
import { requireMachineCode } from "../elf/machine-code.ts";
import type { ElfObject } from "../elf/object.ts";
import { type Place, UnsupportedError } from "../errors.ts";

/** Passes on a relocatable object, or a linked image whose functions can be told apart; anything else is refused in one line. */
export function requireComparable(object: ElfObject, { file, member }: Place): ElfObject {
  requireMachineCode(object);
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
    { file, member },
    `${what ?? `an ELF file of type ${object.type}`}${isLinked ? " without a symbol table, so its functions cannot be told apart" : ""}; a relocatable object (.o) is needed`,
  );
}
