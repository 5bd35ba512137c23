/* What an object says of its own making: the compiler and the source file. Both are hints for people, never for decisions. */
import { SHF, STT } from "./constants.ts";
import { decodeName } from "./names.ts";
import type { ElfObject } from "./object.ts";

/** The compilers and assemblers that `.comment` names, each once, in file order; undefined when it names none. */
export function readCompiler(object: ElfObject): string | undefined {
  // What runs, or is written into, is a user's section of that name.
  const section = object.sections.find(
    ({ name, flags }) => name === ".comment" && (flags & (SHF.COMPRESSED | SHF.WRITE | SHF.EXECINSTR)) === 0n,
  );
  if (section === undefined) return undefined;
  const strings = decodeName(section.bytes).split("\0");
  const texts = strings.filter((text) => text !== "").map((text) => limited(text.replace(UNPRINTABLE, "?")));
  const compilers = [...new Set(texts)];
  return compilers.length === 0 ? undefined : compilers.join("; ");
}

/** Controls, and what is invisible or reorders text: no compiler signs with them. Unicode UAX #9. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** Characters of one signature that are kept. */
const LONGEST = 200;

function limited(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** The source file that STT_FILE names; undefined where none or, after `ld -r`, several are named. gABI chapter 4, "Symbol Table", STT_FILE. */
export function sourceFileOf(object: ElfObject): string | undefined {
  // GNU ld puts a nameless STT_FILE before the symbols that belong to no file.
  const [file, another] = object.symbols.filter(({ type, name }) => type === STT.FILE && name !== "");
  return another === undefined ? file?.name : undefined;
}

/** Whether an object was linked from several others (`ld -r`): each brings the name of its source. */
export function isJoined(object: ElfObject): boolean {
  let files = 0;
  for (const { type, name } of object.symbols) if (type === STT.FILE && name !== "" && ++files > 1) return true;
  return false;
}
