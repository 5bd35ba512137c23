import { hex } from "../hex.ts";

/** A family of the standard's numbers, keyed by their names without the family's prefix. */
export type ConstantTable = Readonly<Record<string, number | bigint>>;

/** e_type. gABI chapter 4, "ELF Header". */
export const ET = { NONE: 0, REL: 1, EXEC: 2, DYN: 3, CORE: 4 } as const;

/** e_machine: the machines that Linux and its toolchains name. gABI chapter 4, "ELF Header". */
export const EM = {
  NONE: 0,
  M32: 1,
  SPARC: 2,
  "386": 3,
  "68K": 4,
  "88K": 5,
  IAMCU: 6,
  "860": 7,
  MIPS: 8,
  S370: 9,
  MIPS_RS3_LE: 10,
  PARISC: 15,
  SPARC32PLUS: 18,
  PPC: 20,
  PPC64: 21,
  S390: 22,
  SPU: 23,
  ARM: 40,
  SH: 42,
  SPARCV9: 43,
  TRICORE: 44,
  ARC: 45,
  H8_300: 46,
  IA_64: 50,
  COLDFIRE: 52,
  X86_64: 62,
  VAX: 75,
  CRIS: 76,
  AVR: 83,
  FR30: 84,
  V850: 87,
  M32R: 88,
  MN10300: 89,
  OPENRISC: 92,
  ARC_COMPACT: 93,
  XTENSA: 94,
  MSP430: 105,
  BLACKFIN: 106,
  ALTERA_NIOS2: 113,
  TI_C6000: 140,
  HEXAGON: 164,
  AARCH64: 183,
  TILEPRO: 188,
  MICROBLAZE: 189,
  CUDA: 190,
  TILEGX: 191,
  ARC_COMPACT2: 195,
  AMDGPU: 224,
  RISCV: 243,
  LANAI: 244,
  BPF: 247,
  VE: 251,
  CSKY: 252,
  ARC_COMPACT3_64: 253,
  ARC_COMPACT3: 255,
  LOONGARCH: 258,
  ALPHA: 0x9026,
} as const;

/** EI_OSABI. gABI chapter 4, "ELF Identification". */
export const ELFOSABI = {
  NONE: 0,
  HPUX: 1,
  NETBSD: 2,
  GNU: 3,
  SOLARIS: 6,
  AIX: 7,
  IRIX: 8,
  FREEBSD: 9,
  TRU64: 10,
  MODESTO: 11,
  OPENBSD: 12,
  OPENVMS: 13,
  NSK: 14,
  AROS: 15,
  FENIXOS: 16,
  CLOUDABI: 17,
  OPENVOS: 18,
  ARM_AEABI: 64,
  ARM_FDPIC: 65,
  ARM: 97,
  STANDALONE: 255,
} as const;

/** sh_type: the standard's, GNU's, LLVM's and Android's; processor numbers differ by machine and are not named. gABI chapter 4, "Sections". */
export const SHT = {
  NULL: 0,
  PROGBITS: 1,
  SYMTAB: 2,
  STRTAB: 3,
  RELA: 4,
  HASH: 5,
  DYNAMIC: 6,
  NOTE: 7,
  NOBITS: 8,
  REL: 9,
  SHLIB: 10,
  DYNSYM: 11,
  INIT_ARRAY: 14,
  FINI_ARRAY: 15,
  PREINIT_ARRAY: 16,
  GROUP: 17,
  SYMTAB_SHNDX: 18,
  RELR: 19,
  CREL: 0x4000_0014,
  ANDROID_REL: 0x6000_0001,
  ANDROID_RELA: 0x6000_0002,
  LLVM_ODRTAB: 0x6fff_4c00,
  LLVM_LINKER_OPTIONS: 0x6fff_4c01,
  LLVM_ADDRSIG: 0x6fff_4c03,
  LLVM_DEPENDENT_LIBRARIES: 0x6fff_4c04,
  LLVM_SYMPART: 0x6fff_4c05,
  LLVM_CALL_GRAPH_PROFILE: 0x6fff_4c09,
  LLVM_BB_ADDR_MAP: 0x6fff_4c0a,
  ANDROID_RELR: 0x6fff_ff00,
  GNU_ATTRIBUTES: 0x6fff_fff5,
  GNU_HASH: 0x6fff_fff6,
  GNU_LIBLIST: 0x6fff_fff7,
  GNU_VERDEF: 0x6fff_fffd,
  GNU_VERNEED: 0x6fff_fffe,
  GNU_VERSYM: 0x6fff_ffff,
} as const;

/** sh_flags bits. gABI chapter 4, "Sections"; RETAIN and EXCLUDE are GNU's, RELA_LIVEPATCH and RO_AFTER_INIT the kernel's (include/uapi/linux/elf.h). */
export const SHF = {
  WRITE: 0x1n,
  ALLOC: 0x2n,
  EXECINSTR: 0x4n,
  MERGE: 0x10n,
  STRINGS: 0x20n,
  INFO_LINK: 0x40n,
  LINK_ORDER: 0x80n,
  OS_NONCONFORMING: 0x100n,
  GROUP: 0x200n,
  TLS: 0x400n,
  COMPRESSED: 0x800n,
  RELA_LIVEPATCH: 0x0010_0000n,
  RO_AFTER_INIT: 0x0020_0000n,
  GNU_RETAIN: 0x0020_0000n,
  GNU_MBIND: 0x0100_0000n,
  ORDERED: 0x4000_0000n,
  EXCLUDE: 0x8000_0000n,
} as const;

/** Reserved section indices. gABI chapter 4, "Sections". */
export const SHN = {
  UNDEF: 0,
  LORESERVE: 0xff00,
  X86_64_LCOMMON: 0xff02,
  /** A symbol of a livepatch module, resolved by the livepatch core (include/uapi/linux/elf.h). */
  LIVEPATCH: 0xff20,
  ABS: 0xfff1,
  COMMON: 0xfff2,
  XINDEX: 0xffff,
} as const;

/** Symbol bindings. gABI chapter 4, "Symbol Table". */
export const STB = { LOCAL: 0, GLOBAL: 1, WEAK: 2, GNU_UNIQUE: 10 } as const;

/** Symbol types. gABI chapter 4, "Symbol Table". */
export const STT = {
  NOTYPE: 0,
  OBJECT: 1,
  FUNC: 2,
  SECTION: 3,
  FILE: 4,
  COMMON: 5,
  TLS: 6,
  GNU_IFUNC: 10,
} as const;

/** Symbol visibilities: the low two bits of st_other. gABI chapter 4, "Symbol Table". */
export const STV = { DEFAULT: 0, INTERNAL: 1, HIDDEN: 2, PROTECTED: 3 } as const;

/** Flag word of a section group. gABI chapter 4, "Section Groups". */
export const GRP = { COMDAT: 0x1 } as const;

/** Name of the first entry with this value, prefix included, or the prefix and the number in hexadecimal: `SHT_0x6fff4700`. */
export function constantName(table: ConstantTable, prefix: string, value: number | bigint): string {
  for (const [name, known] of Object.entries(table)) {
    if (known === value) return `${prefix}${name}`;
  }
  return `${prefix}${hex(value)}`;
}

/** Visibility of a symbol: the low two bits of its st_other. gABI chapter 4, "Symbol Table". */
export function visibilityOf(other: number): number {
  return other & 3;
}
