import type { UpdateDescription } from "../contract/description.ts";
import type { MatchResult } from "../contract/match.ts";
import { SHT, STB, STT } from "../elf/constants.ts";
import type { Section } from "../elf/object.ts";
import type { Part } from "./layout.ts";
import { type DynamicSymbol, dynamicEntries, type Program } from "./program.ts";
import { refuse } from "./refuse.ts";
import { isMadeByLinker } from "./values.ts";

/** Dynamic tags of the tables that names are looked up by. gABI chapter 5, "Dynamic Section"; Linux Standard Base, "Symbol Versioning". */
const DT = { NEEDED: 1n, STRTAB: 5n, SYMTAB: 6n, STRSZ: 10n, VERSYM: 0x6fff_fff0n } as const;
/** The version index of names without a version: the default one is taken. Linux Standard Base, "Symbol Version Table". */
const VER_NDX_GLOBAL = 1;

/**
 * What compilers call without being asked to; the linker takes it from an archive into each program, and no library has it for sure.
 * GCC Internals, "The GCC low-level runtime library"; Run-time ABI for the Arm Architecture.
 */
const COMPILERS_OWN =
  /^__([a-z]+?(qi|hi|si|di|ti|hf|sf|df|tf|xf|kf|sc|dc|tc|xc)+\d?|aeabi_\w+|sync_\w+|atomic_\w+|emutls_\w+)$/;

/** Whether a dynamic linker looks up a name for a program that did not need it before. */
export function looksUpName({ object, arch }: Program, name: string): boolean {
  if (COMPILERS_OWN.test(name) || isMadeByLinker(name) || (arch.load.linkerNames?.test(name) ?? false)) return false;
  return arch.load.growsSymbols && dynamicEntries(object).some(({ tag }) => tag === DT.NEEDED);
}

/** One of the tables, longer. */
interface Grown {
  readonly section: Section;
  readonly bytes: Uint8Array;
  readonly tag: bigint;
  address: bigint;
  offset: number;
}

/** Names that new code needs from libraries and the program did not need before: entries behind the others of its table of dynamic symbols. */
export class Lookups {
  readonly #program: Program;
  readonly #tables: Grown[] = [];
  #stringSize = 0;
  /** The program's dynamic symbols with the new ones. */
  readonly dynamic: ReadonlyMap<string, DynamicSymbol>;

  constructor(program: Program, names: readonly NewName[]) {
    this.#program = program;
    const dynamic = new Map(program.dynamic);
    this.dynamic = dynamic;
    if (names.length === 0) return;
    const symbols = this.#tableOf(SHT.DYNSYM);
    const strings = program.object.sections[symbols.link];
    if (strings === undefined) refuse(program.file, "its dynamic symbols have no names");
    const size = program.object.class === 64 ? 24 : 16;
    const first = symbols.bytes.length / size;
    const rows: Uint8Array[] = [symbols.bytes];
    const texts: Uint8Array[] = [strings.bytes];
    let at = strings.bytes.length;
    for (const [i, { name, isThread }] of names.entries()) {
      const text = Buffer.from(`${name}\0`);
      rows.push(this.#row(at, STB.GLOBAL * 16 + (isThread ? STT.TLS : STT.NOTYPE), size));
      texts.push(text);
      at += text.length;
      dynamic.set(name, { index: first + i, isDefined: false, isThread, hasStub: false });
    }
    this.#stringSize = at;
    this.#grow(symbols, rows, DT.SYMTAB);
    this.#grow(strings, texts, DT.STRTAB);
    const versions = program.object.sections.find(({ type }) => type === SHT.GNU_VERSYM);
    if (versions !== undefined) {
      const more = Buffer.alloc(2 * names.length);
      for (let i = 0; i < names.length; i++) {
        if (program.object.data === "lsb") more.writeUInt16LE(VER_NDX_GLOBAL, 2 * i);
        else more.writeUInt16BE(VER_NDX_GLOBAL, 2 * i);
      }
      this.#grow(versions, [versions.bytes, more], DT.VERSYM);
    }
  }

  #tableOf(kind: number): Section {
    const { object, file } = this.#program;
    return object.sections.find(({ type }) => type === kind) ?? refuse(file, "it has no table of dynamic symbols");
  }

  #grow(section: Section, parts: readonly Uint8Array[], tag: bigint): void {
    this.#tables.push({ section, bytes: Uint8Array.from(Buffer.concat(parts)), tag, address: 0n, offset: 0 });
  }

  /** An undefined symbol. gABI chapter 4, "Symbol Table". */
  #row(name: number, info: number, size: number): Uint8Array {
    const view = new DataView(new ArrayBuffer(size));
    view.setUint32(0, name, this.#program.object.data === "lsb");
    view.setUint8(size === 24 ? 4 : 12, info);
    return new Uint8Array(view.buffer);
  }

  /** The longer tables, to be put into a new segment. */
  parts(): Part[] {
    return this.#tables.map((table) => ({
      room: "constant",
      size: table.bytes.length,
      align: Math.max(1, table.section.addralign),
      place: (address, offset) => {
        table.address = address;
        table.offset = offset;
      },
    }));
  }

  /** What they are now, by the section that held them. */
  tables(): readonly Readonly<Grown>[] {
    return this.#tables;
  }

  /** Entries of the dynamic section that say where they are. */
  tags(): (readonly [tag: bigint, value: bigint])[] {
    if (this.#tables.length === 0) return [];
    return [...this.#tables.map(({ tag, address }) => [tag, address] as const), [DT.STRSZ, BigInt(this.#stringSize)]];
  }
}

interface NewName {
  readonly name: string;
  readonly isThread: boolean;
}

/** Names that relocations of new code need, of which neither matching nor the program's own tables know anything. */
export function newNames(update: UpdateDescription, result: MatchResult, program: Program): NewName[] {
  const known = new Set(result.symbols.filter(({ value, slot }) => value !== null || slot !== undefined).map(labelOf));
  const found = new Map<string, NewName>();
  for (const { newCode } of update.changes) {
    const used = new Set(newCode.relocations.map(({ symbol }) => symbol));
    for (const { label, name, section, bind, type, value } of newCode.symbols) {
      if (section !== null || bind !== "global" || !used.has(label) || known.has(label) || value !== undefined)
        continue;
      if (name === "" || program.dynamic.has(name) || !looksUpName(program, name)) continue;
      found.set(name, { name, isThread: type === "tls" });
    }
  }
  return [...found.values()];
}

function labelOf({ label }: { readonly label: string }): string {
  return label;
}
