/* What a test can say about an ELF file that it wants: see elf-builder.ts, which writes it. */
import { EM, type ET, SHF, SHN, SHT, type STB, type STT, type STV } from "../../src/elf/constants.ts";

/** A constant's name in small letters, or a number. */
export type Key<Table> = Lowercase<keyof Table & string> | number;
/** Hexadecimal digits (spaces allowed) or bytes. */
export type Content = string | Uint8Array;
/** A name as text, or as bytes where it is not UTF-8. */
export type Name = string | Uint8Array;

export interface RelocationDescription {
  readonly offset: number | bigint;
  readonly type: number;
  /** Id of a symbol, or of a section: its section symbol is made. A number is taken as index. Default: symbol 0. */
  readonly symbol?: string | number;
  readonly addend?: number | bigint;
}

/** Fields of a section header as they are written. */
export interface SectionFields {
  readonly name?: number;
  readonly type?: number;
  readonly flags?: bigint;
  readonly addr?: number | bigint;
  readonly offset?: number | bigint;
  readonly size?: number | bigint;
  readonly link?: number;
  readonly info?: number;
  readonly addralign?: number | bigint;
  readonly entsize?: number | bigint;
}

/** What is written of a section instead of what would be right. */
export interface SectionOverride extends SectionFields {
  readonly content?: Content;
}

export interface SectionDescription {
  readonly name: Name;
  /** What others call this section by; default its name. Needed where names repeat or are bytes. */
  readonly id?: string;
  readonly type?: Key<typeof SHT>;
  /** Letters as `readelf -S` prints them: W A X M S I L O G T C E; or the bits. */
  readonly flags?: string | bigint;
  readonly addr?: number | bigint;
  readonly addralign?: number;
  readonly entsize?: number;
  /** Id of a section, or index. */
  readonly link?: string | number;
  readonly info?: string | number;
  readonly content?: Content;
  /** Like `content`, for instructions: allocated, executable, aligned to 16. */
  readonly code?: Content;
  /** Zero-terminated strings as content: mergeable. */
  readonly strings?: readonly string[];
  /** Size of a section without contents. */
  readonly size?: number;
  readonly relocations?: readonly RelocationDescription[];
}

export interface SymbolDescription {
  readonly name: Name;
  /** What others call this symbol by; default its name. */
  readonly id?: string;
  /** Id of the defining section; `*ABS*`, `*COM*`, `*UND*` as objdump prints them; a number is written as st_shndx. Default: undefined. */
  readonly section?: string | number;
  readonly value?: number | bigint;
  readonly size?: number | bigint;
  readonly type?: Key<typeof STT>;
  /** Default: global where undefined or common, else local. */
  readonly bind?: Key<typeof STB>;
  readonly visibility?: Key<typeof STV>;
  /** st_other bits above the visibility. */
  readonly other?: number;
}

export interface GroupDescription {
  /** Id of the symbol that names the group. */
  readonly signature: string;
  /** Ids of sections; their relocation tables join them. */
  readonly members: readonly string[];
  readonly kind?: "comdat" | "plain";
}

export interface SegmentDescription {
  readonly type?: number;
  readonly flags?: number;
  /** Id of the section that the segment loads; it gives offset and sizes. */
  readonly section: string;
  readonly vaddr?: number | bigint;
  readonly paddr?: number | bigint;
  readonly memsz?: number;
  readonly align?: number | bigint;
}

export interface ElfDescription {
  /** Default x86_64. */
  readonly machine?: MachineName | number;
  readonly class?: 32 | 64;
  readonly data?: "lsb" | "msb";
  readonly relocationFormat?: "rel" | "rela";
  /** Default rel. */
  readonly type?: Key<typeof ET>;
  readonly flags?: number;
  readonly osabi?: number;
  readonly entry?: number | bigint;
  readonly sections?: readonly SectionDescription[];
  readonly symbols?: readonly SymbolDescription[];
  readonly groups?: readonly GroupDescription[];
  readonly segments?: readonly SegmentDescription[];
  /** `extended` uses section 0 and SHN_XINDEX even where the numbers would fit. */
  readonly numbering?: "automatic" | "extended";
  /** `none` leaves out symbols and their string table. */
  readonly symbolTable?: "present" | "none";
  /** Fields of the ELF header that are written instead of the right ones. */
  readonly header?: HeaderFields;
  /** Header fields and contents of sections, made ones too, that are written instead of the right ones; `""` is section 0. */
  readonly overrides?: Readonly<Record<string, SectionOverride>>;
  /** Bytes written over the finished file. */
  readonly patches?: readonly { readonly at: number; readonly bytes: Content }[];
}

/** Fields of the ELF header; the first three are bytes of e_ident. */
interface HeaderFields {
  readonly class?: number;
  readonly data?: number;
  readonly identVersion?: number;
  readonly version?: number;
  readonly phoff?: number | bigint;
  readonly phnum?: number;
  readonly shoff?: number | bigint;
  readonly ehsize?: number;
  readonly shentsize?: number;
  readonly shnum?: number;
  readonly shstrndx?: number;
}

/** Class, byte order and relocation format that a machine's assembler writes. */
export const MACHINES = {
  x86_64: { machine: EM.X86_64, class: 64, data: "lsb", format: "rela" },
  x32: { machine: EM.X86_64, class: 32, data: "lsb", format: "rela" },
  i386: { machine: EM["386"], class: 32, data: "lsb", format: "rel" },
  aarch64: { machine: EM.AARCH64, class: 64, data: "lsb", format: "rela" },
  aarch64_be: { machine: EM.AARCH64, class: 64, data: "msb", format: "rela" },
  arm: { machine: EM.ARM, class: 32, data: "lsb", format: "rel" },
  armeb: { machine: EM.ARM, class: 32, data: "msb", format: "rel" },
  ppc: { machine: EM.PPC, class: 32, data: "msb", format: "rela" },
  ppc64: { machine: EM.PPC64, class: 64, data: "msb", format: "rela" },
  ppc64le: { machine: EM.PPC64, class: 64, data: "lsb", format: "rela" },
  s390x: { machine: EM.S390, class: 64, data: "msb", format: "rela" },
  s390: { machine: EM.S390, class: 32, data: "msb", format: "rela" },
  riscv32: { machine: EM.RISCV, class: 32, data: "lsb", format: "rela" },
  riscv64: { machine: EM.RISCV, class: 64, data: "lsb", format: "rela" },
  loongarch32: { machine: EM.LOONGARCH, class: 32, data: "lsb", format: "rela" },
  loongarch64: { machine: EM.LOONGARCH, class: 64, data: "lsb", format: "rela" },
  mips: { machine: EM.MIPS, class: 32, data: "msb", format: "rel" },
  mipsel: { machine: EM.MIPS, class: 32, data: "lsb", format: "rel" },
  mips64: { machine: EM.MIPS, class: 64, data: "msb", format: "rela" },
  mips64le: { machine: EM.MIPS, class: 64, data: "lsb", format: "rela" },
  sparc64: { machine: EM.SPARCV9, class: 64, data: "msb", format: "rela" },
} as const;

export type MachineName = keyof typeof MACHINES;

/** What an assembler gives a section of this name; the first row that fits. */
export const SECTION_DEFAULTS: readonly {
  readonly name: RegExp;
  readonly type: number;
  readonly flags: string;
  readonly addralign: number;
}[] = [
  { name: /^\.(init\.|exit\.)?text\b/, type: SHT.PROGBITS, flags: "AX", addralign: 16 },
  { name: /^\.bss\b/, type: SHT.NOBITS, flags: "WA", addralign: 8 },
  { name: /^\.(init\.)?data\b/, type: SHT.PROGBITS, flags: "WA", addralign: 8 },
  { name: /^\.(init\.)?rodata\b/, type: SHT.PROGBITS, flags: "A", addralign: 8 },
  { name: /^\.note\b/, type: SHT.NOTE, flags: "A", addralign: 4 },
  { name: /^\.comment$/, type: SHT.PROGBITS, flags: "MS", addralign: 1 },
  { name: /^/, type: SHT.PROGBITS, flags: "", addralign: 1 },
];

export const FLAG_LETTERS: Readonly<Record<string, bigint>> = {
  W: SHF.WRITE,
  A: SHF.ALLOC,
  X: SHF.EXECINSTR,
  M: SHF.MERGE,
  S: SHF.STRINGS,
  I: SHF.INFO_LINK,
  L: SHF.LINK_ORDER,
  O: SHF.OS_NONCONFORMING,
  G: SHF.GROUP,
  T: SHF.TLS,
  C: SHF.COMPRESSED,
  E: SHF.EXCLUDE,
  R: SHF.GNU_RETAIN,
};

/** Where a symbol is that no section defines. */
export const PLACES: Readonly<Record<string, number>> = { "*UND*": SHN.UNDEF, "*ABS*": SHN.ABS, "*COM*": SHN.COMMON };
