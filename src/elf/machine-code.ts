/*
 * Whether a file holds what runs. Compilers, strippers and debuggers leave files that have every mark of an object and lack
 * its substance: intermediate code for the linker to compile, sections whose contents lie in another file, code without the
 * names and relocations that say what it does. Two of them look equal whatever the source did.
 */
import { UnsupportedError } from "../errors.ts";
import { ET, SHF, SHN, SHT, STT } from "./constants.ts";
import type { ElfObject, Section } from "./object.ts";

/** What is wrong, and the section that shows it. */
interface Lack {
  readonly problem: string;
  readonly section?: string | undefined;
}

/** Throws UnsupportedError for a file without the machine code, the contents, the symbols or the relocations that a comparison needs. */
export function requireMachineCode(object: ElfObject): void {
  const lack = CHECKS.map((check) => check(object)).find((found) => found !== undefined);
  if (lack === undefined) return;
  const { file, member } = object;
  throw new UnsupportedError({ file, member, section: lack.section }, lack.problem);
}

const CHECKS: readonly ((object: ElfObject) => Lack | undefined)[] = [
  intermediateCode,
  lostContents,
  lostSymbols,
  lostRelocations,
];

const LTO = ".gnu.lto_";
/** Sections of GCC's link-time optimisation that say how the object was made; the fifth byte is 1 for slim ones. GCC: lto-streamer.h, struct lto_section. */
const LTO_HEADER = /^\.gnu\.lto_\.lto\./;
const SLIM_AT = 4;

/** GCC's slim LTO objects: intermediate code only. Fat ones have machine code too. GCC internals, "LTO object file layout". */
function intermediateCode({ sections, symbols }: ElfObject): Lack | undefined {
  const problem =
    "intermediate code of GCC's link-time optimisation, not machine code; build without -flto, or with -ffat-lto-objects";
  if (symbols.some(({ name }) => name === "__gnu_lto_slim")) return { problem };
  const own = sections.filter(({ name }) => name.startsWith(LTO));
  if (own.length === 0) return undefined;
  const headers = own.filter(({ name, size }) => LTO_HEADER.test(name) && size > SLIM_AT);
  const slim = headers.find(({ bytes }) => bytes[SLIM_AT] === 1);
  if (slim !== undefined) return { problem, section: slim.name };
  const isEmpty = headers.length === 0 && !sections.some(isLoaded);
  return isEmpty ? { problem, section: own[0]?.name } : undefined;
}

/** Names under which compilers keep what has contents. */
const WITH_CONTENTS = /^\.(text|s?data|l?data|rodata|s?rodata|tdata)(\.[^.]|$)/;

/** `objcopy --only-keep-debug`: the sections are there, their contents are in the file that was stripped. */
function lostContents(object: ElfObject): Lack | undefined {
  const problem = "has no contents (SHT_NOBITS): a file of debug information only, its code lies elsewhere";
  const { sections, symbols, type } = object;
  const named = new Set(
    symbols.map(({ section, type }) => (type === STT.FUNC || type === STT.OBJECT ? section : undefined)),
  );
  // Kernel modules have room of one byte where the loader makes branches; in linked images a table of branches may be filled in at start.
  const code = sections.find(
    (section) =>
      section.type === SHT.NOBITS &&
      has(section, SHF.EXECINSTR) &&
      (section.size > 1 || named.has(section.index)) &&
      !(type !== ET.REL && has(section, SHF.WRITE)),
  );
  if (code !== undefined) return { problem, section: code.name };
  const loaded = sections.filter((section) => isLoaded(section) && section.type !== SHT.NOTE);
  if (loaded.some((section) => section.type !== SHT.NOBITS)) return undefined;
  const emptied = loaded.find((section) => !has(section, SHF.WRITE) || WITH_CONTENTS.test(section.name));
  return emptied && { problem, section: emptied.name };
}

/** `strip -s` takes the symbols of a relocatable object, and with them its relocations. */
function lostSymbols({ type, sections }: ElfObject): Lack | undefined {
  if (type !== ET.REL || sections.some((section) => section.type === SHT.SYMTAB)) return undefined;
  const loaded = sections.find(isLoaded);
  return (
    loaded && {
      problem:
        "a relocatable object without a symbol table: it was stripped, so nothing tells what it defines and refers to",
    }
  );
}

const CARRIERS: ReadonlySet<number> = new Set([
  SHT.REL,
  SHT.RELA,
  SHT.CREL,
  SHT.RELR,
  SHT.ANDROID_REL,
  SHT.ANDROID_RELA,
]);

/** Code that calls what it does not define has relocations, and so has every frame description; without any, they were taken out. */
function lostRelocations({ type, sections, symbols }: ElfObject): Lack | undefined {
  if (type !== ET.REL || sections.some((section) => CARRIERS.has(section.type))) return undefined;
  if (!sections.some((section) => isLoaded(section) && has(section, SHF.EXECINSTR))) return undefined;
  const problem = "a relocatable object whose relocations were taken out: what it refers to cannot be told";
  // A terminator alone is a word of zeros.
  const frames = sections.find((section) => section.name === ".eh_frame" && section.bytes.some((byte) => byte !== 0));
  if (frames !== undefined) return { problem, section: frames.name };
  return symbols.some(({ shndx, name, type: kind }) => shndx === SHN.UNDEF && name !== "" && kind !== STT.FILE)
    ? { problem }
    : undefined;
}

function isLoaded(section: Section): boolean {
  return section.size > 0 && has(section, SHF.ALLOC);
}

function has(section: Section, flag: bigint): boolean {
  return (section.flags & flag) !== 0n;
}
