import type { FormatError } from "../errors.ts";

/** ELFCLASS32 or ELFCLASS64, in bits. */
export type ElfClass = 32 | 64;
/** Byte order of the object's data: ELFDATA2LSB or ELFDATA2MSB. */
export type ElfData = "lsb" | "msb";

/** One section header without its contents. gABI chapter 4, "Sections". */
export interface SectionHeader {
  /** Index in the section header table. */
  readonly index: number;
  readonly name: string;
  /** SHT_* number. */
  readonly type: number;
  /** SHF_* bits, all 64 of them. */
  readonly flags: bigint;
  /** sh_addr: 0 in relocatable objects. */
  readonly addr: bigint;
  /** sh_offset: byte offset in the file. */
  readonly offset: number;
  /** sh_size in bytes; for SHT_NOBITS the size in memory. */
  readonly size: number;
  readonly link: number;
  /** Alignment in bytes; 0 and 1 both mean none. */
  readonly addralign: number;
  readonly entsize: number;
}

/** One section header, completed; `bytes` is a view into the file, never a copy. */
export interface Section extends SectionHeader {
  readonly info: number;
  /** File contents; empty for SHT_NOBITS and SHT_NULL. */
  readonly bytes: Uint8Array;
}

/** One symbol of `.symtab`, for both classes and byte orders. gABI chapter 4, "Symbol Table". */
export interface ElfSymbol {
  /** Index in the symbol table. */
  readonly index: number;
  readonly name: string;
  /** In relocatable objects an offset into its section; for SHN_COMMON the alignment. */
  readonly value: bigint;
  readonly size: number;
  /** STB_* number. */
  readonly bind: number;
  /** STT_* number. */
  readonly type: number;
  /** st_other whole: visibility in the low two bits, the rest is the processor's. */
  readonly other: number;
  /** st_shndx as stored (SHN_XINDEX included). */
  readonly shndx: number;
  /** Index of the defining section, SHN_XINDEX resolved; undefined for SHN_UNDEF, SHN_ABS, SHN_COMMON and other reserved indices. */
  readonly section: number | undefined;
}

/** One REL or RELA record. gABI chapter 4, "Relocation". */
export interface Relocation {
  /** Byte offset in the section that is relocated, expanded if it is compressed: r_offset, less sh_addr where that is an address (linked images). */
  readonly offset: number;
  /** Relocation type; for MIPS64 the first of the three types in bits 0-7, the second in 8-15, the third in 16-23, the special symbol in 24-31. */
  readonly type: number;
  /** Symbol table index; 0 means none. */
  readonly symbol: number;
  /** r_addend, sign-extended; 0n for REL, whose addend lies in the field (see arch/field.ts). */
  readonly addend: bigint;
  /** Whether the addend is stored in the record (RELA) or in the field (REL). */
  readonly rela: boolean;
}

/** One SHT_GROUP section. gABI chapter 4, "Section Groups". */
export interface Group {
  readonly section: number;
  readonly signature: string;
  readonly comdat: boolean;
  /** Section indices in file order. */
  readonly members: readonly number[];
}

/** What every ELF header says, an image's too. gABI chapter 4, "ELF Header". */
export interface FileHeader {
  readonly class: ElfClass;
  readonly data: ElfData;
  /** EM_* number. */
  readonly machine: number;
  /** ET_* number. */
  readonly type: number;
  /** e_flags. */
  readonly flags: number;
  /** e_entry; of images of kernels virtual or physical. */
  readonly entry: bigint;
}

/** The ELF header's fields that outlive reading, and the section table that it leads to. */
export interface SectionTable extends FileHeader {
  readonly osabi: number;
  /** Index equals the section header index; entry 0 is the SHT_NULL section. Empty when there is no table. */
  readonly sections: readonly Section[];
}

/** An ELF file as read: the format without opinion. */
export interface ElfObject extends SectionTable {
  readonly file: string;
  readonly member: string | undefined;
  /** The whole file. */
  readonly bytes: Uint8Array;
  /** `.symtab`, index equals symbol table index (entry 0 included); empty when stripped. */
  readonly symbols: readonly ElfSymbol[];
  readonly groups: readonly Group[];
  /** Relocations that apply to a section, in table order (several tables one after the other); decoded anew on each call. */
  relocationsOf(section: number): readonly Relocation[];
  /** Indices of the SHT_REL/SHT_RELA sections that apply to a section. */
  relocationSectionsOf(section: number): readonly number[];
  /** A FormatError that names this object's file and member. */
  error(
    problem: string,
    where?: { section?: string | number | undefined; offset?: number | bigint | undefined },
    value?: number | bigint | string,
  ): FormatError;
}
