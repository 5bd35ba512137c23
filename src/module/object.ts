import type { Arch, Howto } from "../arch/arch.ts";
import { fieldMaskBytes, fieldOrder } from "../arch/field.ts";
import type { LivepatchModel } from "../arch/kernel.ts";
import { archFor } from "../arch/registry.ts";
import type { CodeRelocation, CodeSection, CodeSymbol } from "../contract/code.ts";
import type { UpdateDescription } from "../contract/description.ts";
import { SHF, SHN, SHT, STB, STT } from "../elf/constants.ts";
import { FormatError, UnsupportedError } from "../errors.ts";
import { byText } from "../order.ts";
import {
  encodeRelocations,
  encodeSymbols,
  type FileIdentity,
  type FileRelocation,
  type FileSection,
  type FileSymbol,
  fitsPlainNumbering,
  plainSection,
  RELA_SIZE,
  SYMBOL_SIZE,
  writeRelocatable,
} from "./elf-file.ts";
import { KLP_RELA_FLAGS } from "./forms.ts";
import { klpRelaName } from "./klp-names.ts";
import {
  type Alias,
  blank,
  byOffset,
  type Link,
  type Links,
  outerKey,
  outerSymbol,
  ownKey,
  type Place,
} from "./links.ts";
import { livepatchOf } from "./livepatch.ts";
import {
  type Change,
  type ChangeIndex,
  contentsOf,
  indexOf,
  keyOf,
  natural,
  placeKey,
  push,
  sectionName,
  signed,
} from "./pieces.ts";
import type { Resolution, Resolver } from "./resolve.ts";

/** One ELF section as it grows: pieces of new code one after the other. */
interface Growing {
  readonly name: string;
  readonly type: number;
  readonly flags: bigint;
  align: number;
  size: number;
  readonly parts: Uint8Array[];
  /** Label of the piece that the section's order follows (SHF_LINK_ORDER). */
  readonly follows: string | undefined;
}

/** One section of the description where it lies now, with the symbols in it. */
interface Piece {
  readonly change: Change;
  readonly place: Place;
  readonly symbols: readonly CodeSymbol[];
}

/** Flags that mean something in one object only, or to a linker. */
const DROPPED =
  SHF.MERGE | SHF.STRINGS | SHF.GROUP | SHF.INFO_LINK | SHF.GNU_RETAIN | SHF.EXCLUDE | SHF.COMPRESSED | SHF.ORDERED;

/** Tables whose sites the kernel patches when the module is loaded, before livepatch reaches what belongs to another module. */
const PATCHED_EARLY =
  /^(__jump_table|\.static_call_sites|\.altinstructions|\.altinstr_replacement|\.parainstructions)$/;

/** Builds the one object of a livepatch module. */
export class ModuleObject {
  readonly #identity: FileIdentity;
  readonly #arch: Arch;
  readonly #howtos: ReadonlyMap<string, Howto>;
  readonly #contents = new Map<string, Uint8Array>();
  readonly #livepatch: LivepatchModel;
  readonly #growing: Growing[] = [];
  readonly #byName = new Map<string, number>();
  readonly #places = new Map<string, Place>();
  readonly #pieces: Piece[] = [];
  readonly #indices = new Map<Change, ChangeIndex>();

  constructor({ arch }: UpdateDescription) {
    const livepatch = livepatchOf(arch);
    if (livepatch === null)
      throw new UnsupportedError({ file: arch.name }, "no kernel of this architecture has livepatch");
    const { flags } = livepatch;
    this.#livepatch = livepatch;
    this.#identity = { data: arch.data, machine: arch.machine, flags, osabi: 0 };
    const known = archFor({ ...arch, flags });
    this.#howtos = new Map([...known.howtos.values()].map((howto) => [howto.name, howto]));
    this.#arch = known;
  }

  /** Adds the new code of a change; the tables of one name become one section. */
  addChange(change: Change): void {
    const index = indexOf(change, this.#livepatch);
    this.#indices.set(change, index);
    const sections = [...change.newCode.sections].sort((a, b) => byText(natural(a.label), natural(b.label)));
    for (const section of sections)
      this.#add(change, section, index.byLabel.get(section.label), index.bySection.get(section.label) ?? []);
  }

  /** Adds a constant of old code that new code refers to and livepatch could not find. */
  #addCopy(change: Change, section: CodeSection, symbol: CodeSymbol): Place {
    const known = this.#places.get(keyOf(change, section.label));
    return known ?? this.#add(change, section, symbol, [symbol]);
  }

  #add(change: Change, section: CodeSection, symbol: CodeSymbol | undefined, symbols: readonly CodeSymbol[]): Place {
    const flags = BigInt(section.flags) & ~DROPPED;
    const name = sectionName(section, symbol);
    const isBss = section.kind === "bss";
    const isOrdered = (flags & SHF.LINK_ORDER) !== 0n;
    const isTable = section.kind === "table";
    // A linker knows better how to fill what lies between functions.
    const isCode = (flags & SHF.EXECINSTR) !== 0n;
    const key = isOrdered || isCode ? keyOf(change, section.label) : `${name}|${flags}|${isBss}`;
    let index = this.#byName.get(key);
    if (index === undefined) {
      index = this.#growing.length;
      this.#byName.set(key, index);
      this.#growing.push({
        name,
        type: isBss ? SHT.NOBITS : SHT.PROGBITS,
        flags,
        align: 1,
        size: 0,
        parts: [],
        follows: isOrdered ? this.#ownerOf(change, section.label) : undefined,
      });
    }
    const growing = this.#growing[index] as Growing;
    const align = isTable && growing.size > 0 ? 1 : Math.max(section.align, 1);
    const gap = (align - (growing.size % align)) % align;
    const bytes = isBss ? new Uint8Array(0) : contentsOf(section);
    const offset = growing.size + gap;
    growing.align = Math.max(growing.align, section.align);
    growing.parts.push(Buffer.alloc(gap), bytes);
    this.#contents.set(keyOf(change, section.label), bytes);
    growing.size = offset + section.size;
    const place = { section: index, offset };
    this.#places.set(keyOf(change, section.label), place);
    this.#pieces.push({ change, place, symbols });
    return place;
  }

  /** What the first field of an entry points to. */
  #ownerOf(change: Change, label: string): string | undefined {
    const index = this.#indices.get(change);
    const owner = index?.byLabel.get(index.firstTarget.get(label) ?? "")?.section;
    return owner === undefined || owner === null ? undefined : keyOf(change, owner);
  }

  /** The file in the form that the kernel loads: livepatch relocation sections are the last ones. */
  write(
    resolvers: ReadonlyMap<Change, Resolver>,
    aliases: readonly Alias[],
    modinfo: (namespaces: readonly string[]) => string,
  ): Uint8Array {
    const links = this.#link(resolvers);
    const namespaces = [...new Set(links.namespaces)].sort(byText);
    const info = plainSection(".modinfo", SHT.PROGBITS, Buffer.from(modinfo(namespaces), "latin1"));
    const body: FileSection[] = [
      ...this.#growing.map((growing) => this.#header(growing)),
      { ...info, flags: SHF.ALLOC },
      plainSection(".note.GNU-stack", SHT.PROGBITS, new Uint8Array(0)),
    ];
    const { symbols, indexOf, firstGlobal } = this.#symbols(links, aliases, body.length);
    const ordinary: FileSection[] = [];
    const livepatch: FileSection[] = [];
    const symtabIndex = body.length + 1 + links.ordinary.size;
    for (const [index, growing] of this.#growing.entries()) {
      const table = (name: string, flags: bigint, links: readonly Link[]): FileSection => ({
        name,
        type: SHT.RELA,
        flags,
        link: symtabIndex,
        info: index + 1,
        addralign: 8,
        entsize: RELA_SIZE,
        bytes: encodeRelocations(
          links.map((link) => ({ ...link.record, symbol: indexOf(link) })),
          this.#identity.data,
        ),
      });
      const own = links.ordinary.get(index);
      if (own !== undefined) ordinary.push(table(`.rela${growing.name}`, SHF.INFO_LINK, own));
      for (const [object, some] of links.livepatch.get(index) ?? [])
        livepatch.push(table(klpRelaName(object, growing.name), KLP_RELA_FLAGS, some));
    }
    const { symtab, strtab } = encodeSymbols(symbols, this.#identity.data);
    const tables: FileSection[] = [
      {
        ...plainSection(".symtab", SHT.SYMTAB, symtab),
        link: symtabIndex + 1,
        info: firstGlobal,
        addralign: 8,
        entsize: SYMBOL_SIZE,
      },
      plainSection(".strtab", SHT.STRTAB, strtab),
    ];
    const all = [...body, ...ordinary, ...tables];
    if (!fitsPlainNumbering(all.length + livepatch.length + 2))
      throw new UnsupportedError({ file: ".symtab" }, "more sections than a module can have");
    return writeRelocatable(this.#identity, [...all, ...livepatch], all.length + 1);
  }

  #header(growing: Growing): FileSection {
    const follows = growing.follows === undefined ? undefined : this.#places.get(growing.follows);
    return {
      name: growing.name,
      type: growing.type,
      flags: follows === undefined ? growing.flags & ~SHF.LINK_ORDER : growing.flags,
      link: follows === undefined ? 0 : follows.section + 1,
      info: 0,
      addralign: growing.align,
      entsize: 0,
      bytes: growing.type === SHT.NOBITS ? new Uint8Array(0) : Buffer.concat(growing.parts),
      size: growing.size,
    };
  }

  /** Every relocation with what it leads to. Copies of old constants join the sections while this goes on. */
  #link(resolvers: ReadonlyMap<Change, Resolver>): Links {
    const links: Links = { ordinary: new Map(), livepatch: new Map(), namespaces: [] };
    const resolved = new Map<string, Resolution>();
    for (const [change, resolver] of resolvers) {
      for (const relocation of change.newCode.relocations) {
        if (relocation.howto.endsWith("_NONE")) continue;
        const at = this.#places.get(keyOf(change, relocation.section));
        const howto = this.#howtos.get(relocation.howto);
        if (at === undefined || howto === undefined || this.#livepatch.relocations?.has(relocation.howto) === false)
          throw new UnsupportedError(
            { file: change.name, section: relocation.section, offset: relocation.offset },
            `livepatch cannot carry this update: the module loader does not know ${relocation.howto}`,
          );
        this.#clear(change, relocation, howto);
        const key = keyOf(change, relocation.symbol);
        const to = resolved.get(key) ?? resolver.resolve(relocation.symbol);
        resolved.set(key, to);
        const addend = signed(relocation.insnAddend) + signed(relocation.targetAddend);
        const record = { offset: BigInt(at.offset + relocation.offset), type: howto.type, addend };
        this.#keep(links, change, at.section, this.#linkTo(change, to, record));
      }
    }
    for (const table of links.ordinary.values()) table.sort(byOffset);
    for (const tables of links.livepatch.values()) for (const table of tables.values()) table.sort(byOffset);
    return links;
  }

  /** Loaders of some kernels refuse a field that is not zero: the assembler has resolved some branches, and it has nothing to do with them any more. */
  #clear(change: Change, { section, offset }: CodeRelocation, howto: Howto): void {
    const bytes = this.#contents.get(keyOf(change, section));
    if (bytes === undefined || offset + howto.size > bytes.length)
      throw new FormatError({ file: change.name, section, offset }, "a relocation reaches past its section");
    // Of a difference, two records share the field: one adds, one subtracts.
    if (howto.role === "difference") return;
    for (const [i, mask] of fieldMaskBytes(howto, fieldOrder(this.#arch, howto)).entries())
      bytes[offset + i] = (bytes[offset + i] as number) & ~mask;
  }

  #linkTo(change: Change, to: Resolution, record: Omit<FileRelocation, "symbol">): Link {
    if (to.kind !== "own") return { to, record, change };
    const { symbol } = to;
    const place =
      to.copy === undefined ? this.#places.get(keyOf(to.change, to.section)) : this.#addCopy(change, to.copy, symbol);
    if (place === undefined)
      throw new UnsupportedError({ file: change.name }, `${symbol.label} is in no section of the module`);
    if (symbol.type !== "section") return { to, record, change, place };
    const addend = record.addend + BigInt(place.offset + symbol.offset);
    return { to, record: { ...record, addend }, change, place, bySection: true };
  }

  #keep(links: Links, change: Change, section: number, link: Link): void {
    const { to } = link;
    if (to.kind !== "klp") {
      if (to.kind === "export" && to.namespace !== undefined) links.namespaces.push(to.namespace);
      push(links.ordinary, section, link);
      return;
    }
    const { name } = this.#growing[section] as Growing;
    if (change.target !== "vmlinux" && PATCHED_EARLY.test(name))
      throw new UnsupportedError(
        { file: change.name },
        `livepatch cannot carry this update: ${name} of new code needs ${to.name} of ${to.object}, and the kernel reads that table before livepatch can tell it (static-key-elsewhere)`,
      );
    const tables = links.livepatch.get(section) ?? new Map<string, Link[]>();
    links.livepatch.set(section, tables);
    push(tables, change.target, link);
  }

  /** The symbol table: local symbols first, and the index of what each relocation names. */
  #symbols(
    links: Links,
    aliases: readonly Alias[],
    sections: number,
  ): { symbols: FileSymbol[]; indexOf: (link: Link) => number; firstGlobal: number } {
    const local: FileSymbol[] = [blank("", STB.LOCAL, STT.NOTYPE, SHN.UNDEF)];
    const indices = new Map<string, number>();
    const add = (table: FileSymbol[], base: number, key: string, symbol: FileSymbol): void => {
      if (indices.has(key)) return;
      indices.set(key, base + table.length);
      table.push(symbol);
    };
    for (let index = 0; index < sections; index++)
      add(local, 0, `section ${index}`, blank("", STB.LOCAL, STT.SECTION, index + 1));
    for (const { change, place, symbols } of this.#pieces) {
      for (const symbol of symbols)
        if (symbol.type !== "section")
          add(local, 0, `own ${keyOf(change, symbol.label)}`, this.#defined(change, symbol, place));
    }
    const global: FileSymbol[] = [];
    const base = local.length;
    for (const { change, label, alias } of aliases) {
      const symbol = this.#indices.get(change)?.byLabel.get(label);
      const place = symbol?.section == null ? undefined : this.#places.get(keyOf(change, symbol.section));
      if (symbol === undefined || place === undefined)
        throw new FormatError({ file: change.name }, `${label} is not new code of this change`);
      add(global, base, `alias ${alias}`, { ...this.#defined(change, symbol, place), name: alias, bind: STB.GLOBAL });
    }
    const outside = [...links.ordinary.values(), ...[...links.livepatch.values()].flatMap((some) => [...some.values()])]
      .flat()
      .filter(({ to }) => to.kind !== "own" && to.kind !== "nothing")
      .map((link) => [outerKey(link), link] as const)
      .sort(([a], [b]) => byText(a, b));
    for (const [key, link] of outside) add(global, base, key, outerSymbol(link));
    const indexOf = (link: Link): number => {
      if (link.to.kind === "nothing") return 0;
      const key =
        link.place === undefined
          ? outerKey(link)
          : link.bySection === true
            ? `section ${link.place.section}`
            : ownKey(link);
      const index = indices.get(key);
      if (index === undefined)
        throw new FormatError({ file: link.change.name }, "a relocation without its symbol", key);
      return index;
    };
    return { symbols: [...local, ...global], indexOf, firstGlobal: base };
  }

  /** st_other of a function. */
  #otherOf(change: Change, { section, offset }: CodeSymbol): number {
    const { localEntry } = this.#livepatch;
    const isMarked = this.#indices.get(change)?.settersUp.has(placeKey(section ?? "", offset)) ?? false;
    return localEntry !== undefined && isMarked ? localEntry.other : 0;
  }

  #defined(change: Change, symbol: CodeSymbol, place: Place): FileSymbol {
    const type = symbol.type === "function" ? STT.FUNC : symbol.type === "object" ? STT.OBJECT : STT.NOTYPE;
    return {
      name: symbol.name,
      value: BigInt(place.offset + symbol.offset),
      size: symbol.size,
      bind: STB.LOCAL,
      type,
      other: type === STT.FUNC ? this.#otherOf(change, symbol) : 0,
      shndx: place.section + 1,
    };
  }
}
