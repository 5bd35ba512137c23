import { EM } from "../../elf/constants.ts";
import type { ElfClass } from "../../elf/object.ts";
import type { Arch } from "../arch.ts";
import { readAddend } from "../field.ts";
import { anyAddress, type KernelModel, mappedAt, NO_DUMPS, NO_LIVEPATCH, NO_MODULES } from "../kernel.ts";
import { KEEPS_CODE, KEEPS_ORDER, type LinkModel, NO_JUMP_TABLES, ONE_ENTRY, type TrampolineForm } from "../link.ts";
import { PLAIN_LOAD } from "../load.ts";
import { isLocalLabel } from "../marker.ts";
import { fillerTest } from "../padding.ts";
import { loongarchCode } from "./code.ts";
import { loongarchHowtos } from "./howtos.ts";

/** LoongArch, 32 or 64 bits, always little-endian. A trampoline is pcaddu18i + jirl, which 32 bits lack: there it is one `b`. */
export function loongarch(elfClass: ElfClass): Arch {
  return {
    name: `loongarch${elfClass}`,
    family: "loongarch",
    machine: EM.LOONGARCH,
    class: elfClass,
    data: "lsb",
    howtos: loongarchHowtos(),
    trampoline: elfClass === 64 ? { size: 8, reach: 1n << 37n } : { size: 4, reach: 1n << 27n },
    instructionData: "lsb",
    isPadding: fillerTest("lsb", [[[4, 0x03400000]]]),
    isMarkerSymbol: isLocalLabel,
    insnAddend: () => 0n,
    implicitAddend: (howto, bytes, offset) => readAddend(bytes, offset, howto, "lsb"),
    localEntry: () => 0,
    code: loongarchCode(),
    taggedCode: null,
    link: { ...LINK, wordType: elfClass === 64 ? 2 : 1, trampoline: elfClass === 64 ? FAR : NEAR },
    load: PLAIN_LOAD,
    kernel: kernel(elfClass),
  };
}

/** pcaddu18i t0, `jirl $zero, t0`; `break 1`. LoongArch reference manual. */
const FAR: TrampolineForm = {
  unit: 4,
  code: [0x1e00000c, 0x4c000180],
  fields: [{ offset: 0, howto: "R_LARCH_CALL36" }],
  trap: [0x002a0001],
};
/** `b`. */
const NEAR: TrampolineForm = {
  unit: 4,
  code: [0x50000000],
  fields: [{ offset: 0, howto: "R_LARCH_B26" }],
  trap: [0x002a0001],
};

const LINK: Omit<LinkModel, "wordType" | "trampoline"> = {
  jumpTables: NO_JUMP_TABLES,
  // ELF for the LoongArch Architecture, "Relocations".
  halves: [
    { high: /^R_LARCH_PCALA_HI20$/, low: /^R_LARCH_PCALA_LO12$/, lowBits: "as-read", page: 0x1000n },
    { high: /^R_LARCH_TLS_LE_HI20$/, low: /^R_LARCH_TLS_LE_LO12$/, lowBits: "as-read", thread: "tp" },
    {
      high: /^R_LARCH_TLS_IE_PC_HI20$/,
      low: /^R_LARCH_TLS_IE_PC_LO12$/,
      lowBits: "as-read",
      page: 0x1000n,
      thread: "slot",
    },
  ],
  localEntries: ONE_ENTRY,
  mayHaveDescriptors: false,
  hasTocOffsets: false,
  reorderCode: KEEPS_ORDER,
  undoErrata: KEEPS_CODE,
  jumpsInRegion: false,
  taggedTrampoline: null,
};

/** Linux: arch/loongarch/include/asm/addrspace.h. */
const kernel = (elfClass: ElfClass): KernelModel => ({
  exceptionFields: 3,
  hasBareTypeHash: true,
  pageSize: 0x4000,
  windows: [
    { first: 0x8000_0000_0000_0000n, last: 0x9fff_ffff_ffff_ffffn, mask: (1n << 48n) - 1n },
    { first: 0x8000_0000n, last: 0xbfff_ffffn, mask: 0x1fff_ffffn },
  ],
  initrdLimit: anyAddress(elfClass),
  imageMapping: elfClass === 64 ? mappedAt(0x9000_0000_0000_0000n) : NO_DUMPS,
  modules: NO_MODULES,
  // Object file ABI version 1, no floating point. LoongArch ELF psABI, "e_flags".
  livepatch: elfClass === 64 ? { flags: 0x41 } : NO_LIVEPATCH,
});
