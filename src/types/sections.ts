import { readAddress } from "../bytes.ts";
import type { ElfObject, Section } from "../elf/object.ts";
import { UnsupportedError } from "../errors.ts";
import { expandSection, expansionBudget } from "./expand.ts";
import { relocated } from "./relocate.ts";

/** A place in the object's code or data. */
export interface Target {
  readonly section: number;
  /** Byte offset in the section. */
  readonly offset: number;
}

/** One debug section, expanded and relocated. */
export interface DebugSection {
  /** Name without the `.z` of the older way to compress: `.debug_info`. */
  readonly name: string;
  readonly section: Section;
  readonly bytes: Uint8Array;
  /** What the address at a byte offset refers to; undefined where it refers to nothing of this object. */
  targetAt(offset: number): Target | undefined;
}

/** The debug sections of an object that the readers need. */
export interface DebugSections {
  readonly object: ElfObject;
  /** All of one name, in file order: compilers put each type unit into a section of its own. */
  all(name: string): readonly DebugSection[];
  /** The only one of its name. Throws UnsupportedError where there are several. */
  only(name: string): DebugSection | undefined;
  /** Names of relocation types that are in no table. */
  readonly unknownTypes: ReadonlySet<string>;
}

/** Where types are; what two objects have here tells whether their types are the same. */
export const TYPE_SECTIONS: readonly string[] = [
  ".debug_info",
  ".debug_types",
  ".debug_abbrev",
  ".debug_str",
  ".debug_line_str",
  ".debug_str_offsets",
  ".BTF",
];
/** Addresses of functions change with their code. */
const TYPES: ReadonlySet<string> = new Set([...TYPE_SECTIONS, ".debug_addr"]);

/** Sections that tell, besides those of types, which source line code comes from. DWARF 5 sections 2.17.3 and 6.2. */
const SOURCE: ReadonlySet<string> = new Set([".debug_line", ".debug_ranges", ".debug_rnglists"]);

/** Reads the sections that hold types; with `known`, which holds those, also the ones that tell of source lines. Throws FormatError where a compressed one is damaged, UnsupportedError for other ways of compression. */
export async function readDebugSections(object: ElfObject, known?: DebugSections): Promise<DebugSections> {
  const needed = known === undefined ? TYPES : SOURCE;
  const budget = expansionBudget(object);
  const unknownTypes = new Set(known?.unknownTypes);
  const byName = new Map<string, DebugSection[]>();
  for (const section of object.sections) {
    const name = section.name.replace(/^\.zdebug_/, ".debug_");
    if (!needed.has(name) || section.bytes.length === 0) continue;
    const contents = await expandSection(object, section, budget);
    const bytes = relocated(object, section, contents, (type) => unknownTypes.add(type));
    const list = byName.get(name) ?? [];
    list.push({ name, section, bytes, targetAt: targetReader(object, section, bytes) });
    byName.set(name, list);
  }
  const all = (name: string): readonly DebugSection[] => byName.get(name) ?? known?.all(name) ?? [];
  return {
    object,
    all,
    unknownTypes,
    only(name) {
      const [first, second] = all(name);
      if (second === undefined) return first;
      throw new UnsupportedError(
        { file: object.file, member: object.member, section: name },
        "there are several of this name",
      );
    },
  };
}

/** Finds the record at a field; the table is made when the first field is asked for. */
function targetReader(object: ElfObject, section: Section, bytes: Uint8Array): DebugSection["targetAt"] {
  let symbolAt: Map<number, number> | undefined;
  const size = object.class === 64 ? 8 : 4;
  return (offset) => {
    symbolAt ??= new Map(object.relocationsOf(section.index).map((record) => [record.offset, record.symbol]));
    const symbol = object.symbols[symbolAt.get(offset) ?? 0];
    if (symbol?.section === undefined || offset + size > bytes.length) return undefined;
    const little = object.data === "lsb";
    return { section: symbol.section, offset: Number(readAddress(bytes, offset, size, little)) };
  };
}
