import { archFor, howtoOf } from "../../arch/registry.ts";
import { readInteger } from "../../bytes.ts";
import type { ElfObject, Relocation, Section } from "../../elf/object.ts";
import type { Finding } from "../../findings/findings.ts";
import type { PlannedPair } from "./pair.ts";

/** What an entry asks for, by its number. Ksplice: ksplice-patch/ksplice-patch.h. */
const OPTIONS = ["assume_rodata", "match_data_early"] as const;
/** Bytes of the number that stands first in an entry. */
const NUMBER = 4;

/** What a patch asks of Ksplice in `.ksplice_options`: not honoured here, so each is told by name; those that both sides have once. */
export function refuseOptions(pair: PlannedPair): Finding[] {
  const told = new Map<string, Finding>();
  for (const side of ["post", "pre"] as const) {
    const { object } = pair.diff[side].table;
    for (const section of object.sections) {
      if (!/^\.ksplice_options(\.|$)/.test(section.name) || section.size === 0) continue;
      for (const { name, option, offset } of entriesOf(object, section)) {
        const where = { object: pair.index, side, section: section.name, offset, name };
        const key = `${name} ${option}`;
        if (!told.has(key)) told.set(key, { code: "ksplice-option", where, detail: option });
      }
    }
  }
  return [...told.values()];
}

interface Entry {
  readonly name: string;
  readonly option: string;
  readonly offset: number;
}

/** The entries, each by its pointer: a number stands before that, at once or at the pointer's alignment. */
function entriesOf(object: ElfObject, section: Section): Entry[] {
  const arch = archFor(object);
  const pointers = object.relocationsOf(section.index).filter(({ type }) => howtoOf(arch, type).role !== "none");
  const first = pointers[0]?.offset;
  if (first === undefined) return [{ name: section.name, option: "an unknown option", offset: 0 }];
  return pointers.map((pointer) => {
    const offset = pointer.offset - first;
    const number =
      offset >= 0 && offset + NUMBER <= section.bytes.length
        ? readInteger(section.bytes, offset, NUMBER, object.data)
        : undefined;
    return {
      name: targetOf(object, pointer),
      option: OPTIONS[number ?? -1] ?? `option ${number ?? "unknown"}`,
      offset,
    };
  });
}

/** The symbol that a pointer means: of a section, the one that lies there. */
function targetOf(object: ElfObject, { symbol: index, addend }: Relocation): string {
  const symbol = object.symbols[index];
  if (symbol === undefined) return "nothing";
  if (symbol.name !== "") return symbol.name;
  const at = symbol.value + addend;
  const named = object.symbols.find(
    ({ section, value, name }) => section !== undefined && section === symbol.section && value === at && name !== "",
  );
  return named?.name ?? object.sections[symbol.section ?? 0]?.name ?? "nothing";
}
