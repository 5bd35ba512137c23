/*
 * Sections that are not loaded. Most repeat what is compared elsewhere or serve tools only; each has its reason here. What is on
 * no list and differs is told.
 */
import type { ObjectDiff } from "../diff/diff.ts";
import { SHF, SHT } from "../elf/constants.ts";
import type { ElfObject, Section } from "../elf/object.ts";
import { groupBy } from "../grouping.ts";
import { isAttributes } from "./attributes.ts";
import { becomes, type Fact } from "./fact.ts";

interface Owner {
  readonly name: RegExp;
  /** Why a difference in it need not be told here. */
  readonly reason: string;
}

const OWNERS: readonly Owner[] = [
  {
    name: /^\.z?debug(_|$)/,
    reason: "debug information: types are compared by their layouts, lines serve as evidence",
  },
  {
    name: /^\.(line|stab|stabstr|stab\..*|mdebug(\..*)?|pdr|gdb_index|gnu_debug(link|altlink)|gnu\.debuglto_.*|debug)$/,
    reason: "debug information of other forms, and where it lies",
  },
  {
    name: /^\.(comment|GCC\.command\.line|LLVM\.command\.line)$/,
    reason: "compilers and options are compared by themselves",
  },
  { name: /^\.gnu\.lto_/, reason: "intermediate code beside the machine code that is compared" },
  { name: /^\.llvmbc$|^\.llvmcmd$/, reason: "intermediate code beside the machine code that is compared" },
  { name: /^\.(BTF(\.ext|\.base)?|BTF_ids|SUNW_ctf|ctf)$/, reason: "types for debuggers and BPF" },
  {
    name: /^\.(modinfo|export_symbol|discard(\..*)?)$|^__annotate_insn$/,
    reason: "the build's own, compared or thrown away",
  },
  { name: /^\.ksplice|^\.kpatch\./, reason: "instructions for the update, read by name" },
  { name: /^\.note\.GNU-stack$/, reason: "its flags are compared by themselves" },
  { name: /^\.gnu\.build\.attributes/, reason: "what compilers record of themselves" },
  { name: /^\.gnu_object_only$/, reason: "machine code beside intermediate code" },
];

/** Tables of the format, and what linkers order code by. */
const TYPES: ReadonlySet<number> = new Set([
  ...[SHT.NULL, SHT.SYMTAB, SHT.STRTAB, SHT.REL, SHT.RELA, SHT.CREL, SHT.GROUP, SHT.SYMTAB_SHNDX],
  ...[SHT.LLVM_ADDRSIG, SHT.LLVM_CALL_GRAPH_PROFILE, SHT.LLVM_BB_ADDR_MAP],
]);

/** Sections that nothing loads and that differ, apart from those with a reason. */
export function unloadedFacts({ pre, post }: ObjectDiff): Fact[] {
  const before = byName(pre.table.object);
  const after = byName(post.table.object);
  const facts: Fact[] = [];
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const [old, now] = [before.get(name) ?? [], after.get(name) ?? []];
    for (let i = 0; i < Math.max(old.length, now.length); i++) {
      const [a, b] = [old[i], now[i]];
      const isSame =
        a !== undefined &&
        b !== undefined &&
        a.type === b.type &&
        Buffer.compare(a.bytes, b.bytes) === 0 &&
        references(pre.table.object, a) === references(post.table.object, b);
      if (isSame) continue;
      const detail = `it is not loaded, and differs: ${becomes(a && sizeOf(a), b && sizeOf(b, a))}`;
      facts.push({ weight: "noted", subject: name, detail });
      break;
    }
  }
  return facts;
}

/** Sections to be told of, by name. */
function byName({ sections }: ElfObject): ReadonlyMap<string, Section[]> {
  const told = sections.filter(
    (section) =>
      (section.flags & SHF.ALLOC) === 0n &&
      !TYPES.has(section.type) &&
      !isAttributes(section) &&
      !OWNERS.some(({ name }) => name.test(section.name)),
  );
  return groupBy(told, ({ name }) => name);
}

function sizeOf({ size }: Section, other?: Section): string {
  return `${size} ${other?.size === size ? "other bytes" : "bytes"}`;
}

/** Relocations of a section in words: where, type, symbol and addend. */
function references(object: ElfObject, { index }: Section): string {
  return object
    .relocationsOf(index)
    .map(({ offset, type, symbol, addend }) => {
      const { name = "", section } = object.symbols[symbol] ?? {};
      return [
        offset,
        type,
        name === "" && section !== undefined ? object.sections[section]?.name : name,
        addend,
      ].join();
    })
    .join("\n");
}
