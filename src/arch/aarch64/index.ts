import { EM } from "../../elf/constants.ts";
import type { ElfClass, ElfData } from "../../elf/object.ts";
import type { Arch } from "../arch.ts";
import { readAddend } from "../field.ts";
import { type KernelModel, mappedBy, NO_MODULES, NO_WINDOWS } from "../kernel.ts";
import { KEEPS_ORDER, type LinkModel, NO_JUMP_TABLES, ONE_ENTRY } from "../link.ts";
import { markerTest } from "../marker.ts";
import { fillerTest } from "../padding.ts";
import { aarch64Code } from "./code.ts";
import { withoutErrata } from "./errata.ts";
import { aarch64Howtos } from "./howtos.ts";
import { aarch64Load } from "./load.ts";

/** AArch64 of either data order; instructions are always little-endian. A trampoline is one B. */
export function aarch64(elfClass: ElfClass, data: ElfData): Arch {
  return {
    name: data === "lsb" ? "aarch64" : "aarch64_be",
    family: "aarch64",
    machine: EM.AARCH64,
    class: elfClass,
    data,
    howtos: aarch64Howtos(),
    trampoline: { size: 4, reach: 1n << 27n },
    instructionData: "lsb",
    isPadding: fillerTest("lsb", [[[4, 0xd503201f]]]),
    isMarkerSymbol: markerTest(MAPPING),
    insnAddend: () => 0n,
    implicitAddend: (howto, bytes, offset) => readAddend(bytes, offset, howto, howto.insn ? "lsb" : data),
    localEntry: () => 0,
    code: aarch64Code(elfClass),
    taggedCode: null,
    link: elfClass === 64 ? LP64 : ILP32,
    load: aarch64Load(elfClass),
    kernel: KERNEL,
  };
}

/** AAELF64, "Mapping symbols". */
const MAPPING = /^\$[dx](\.|$)/;

/** AAELF64, 5.7.6: ADRP, and the instruction with the low twelve bits; in ILP32 under other names. */
/** Upper and lower halves about thread-locals. AAELF64, "Thread-local storage descriptors" and "Local Exec". */
const threadHalves = (prefix: string): LinkModel["halves"] => [
  {
    high: new RegExp(`^${prefix}TLSLE_ADD_TPREL_HI12$`),
    low: new RegExp(`^${prefix}TLSLE_(ADD|LDST\\d+)_TPREL_LO12_NC$`),
    lowBits: "as-read",
    thread: "tp",
  },
  {
    high: new RegExp(`^${prefix}TLSLE_MOVW_TPREL_G1$`),
    low: new RegExp(`^${prefix}TLSLE_MOVW_TPREL_G0_NC$`),
    lowBits: "unsigned",
    thread: "tp",
  },
  {
    high: new RegExp(`^${prefix}TLSLD_ADD_DTPREL_HI12$`),
    low: new RegExp(`^${prefix}TLSLD_(ADD|LDST\\d+)_DTPREL_LO12_NC$`),
    lowBits: "as-read",
    thread: "dtp",
  },
  {
    high: new RegExp(`^${prefix}TLSIE_ADR_GOTTPREL_PAGE21$`),
    low: new RegExp(`^${prefix}TLSIE_LD(64|32)_GOTTPREL_LO12_NC$`),
    lowBits: "as-read",
    page: 0x1000n,
    thread: "slot",
  },
  {
    high: new RegExp(`^${prefix}TLSDESC_ADR_PAGE21$`),
    low: new RegExp(`^${prefix}TLSDESC_(LD64_LO12|LD32_LO12_NC|ADD_LO12)$`),
    lowBits: "as-read",
    page: 0x1000n,
    thread: "pair",
  },
  {
    high: new RegExp(`^${prefix}TLSGD_ADR_PAGE21$`),
    low: new RegExp(`^${prefix}TLSGD_ADD_LO12_NC$`),
    lowBits: "as-read",
    page: 0x1000n,
    thread: "pair",
  },
  {
    high: new RegExp(`^${prefix}TLSLD_ADR_PAGE21$`),
    low: new RegExp(`^${prefix}TLSLD_ADD_LO12_NC$`),
    lowBits: "as-read",
    page: 0x1000n,
    thread: "module",
  },
];

const halves = (prefix: string, slot: string): LinkModel["halves"] => [
  {
    high: new RegExp(`^${prefix}ADR_PREL_PG_HI21(_NC)?$`),
    low: new RegExp(`^${prefix}(ADD_ABS|LDST\\d+_ABS)_LO12_NC$`),
    lowBits: "as-read",
    page: 0x1000n,
  },
  {
    high: new RegExp(`^${prefix}ADR_GOT_PAGE$`),
    low: new RegExp(`^${prefix}${slot}$`),
    lowBits: "as-read",
    page: 0x1000n,
    slot: true,
  },
  ...threadHalves(prefix),
];

/** A trampoline is `b`; a trap `brk #0x800`. Arm ARM for A-profile. */
const link = (prefix: string, slot: string, wordType: number): LinkModel => ({
  wordType,
  jumpTables: NO_JUMP_TABLES,
  halves: halves(prefix, slot),
  localEntries: ONE_ENTRY,
  mayHaveDescriptors: false,
  hasTocOffsets: false,
  reorderCode: KEEPS_ORDER,
  undoErrata: withoutErrata,
  jumpsInRegion: false,
  trampoline: {
    unit: 4,
    code: [0x14000000],
    fields: [{ offset: 0, howto: `${prefix}JUMP26` }],
    trap: [0xd4210000],
  },
  taggedTrampoline: null,
});

const LP64 = link("R_AARCH64_", "LD64_GOT_LO12_NC", 257);
const ILP32 = link("R_AARCH64_P32_", "LD32_GOT_LO12_NC", 1);

const GIB = 1n << 30n;

/** Linux: Documentation/arch/arm64/booting.rst, arch/arm64/kernel/vmcore_info.c. */
const KERNEL: KernelModel = {
  exceptionFields: 3,
  hasBareTypeHash: true,
  pageSize: 4096,
  windows: NO_WINDOWS,
  initrdLimit: (kernel) => ({
    last: kernel - (kernel % GIB) + 32n * GIB - 1n,
    why: "one window of 32 GiB, aligned to 1 GiB, must hold kernel and initrd",
  }),
  imageMapping: mappedBy("kimage_voffset"),
  modules: NO_MODULES,
  livepatch: { flags: 0 },
};
