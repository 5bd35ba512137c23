import { EM } from "../../elf/constants.ts";
import type { ElfClass, ElfData } from "../../elf/object.ts";
import type { Arch } from "../arch.ts";
import { readAddend } from "../field.ts";
import { type KernelModel, NO_DUMPS, NO_LIVEPATCH, NO_MODULES } from "../kernel.ts";
import { type JumpTableForm, KEEPS_CODE, KEEPS_ORDER, type LinkModel, ONE_ENTRY } from "../link.ts";
import { isLocalLabel } from "../marker.ts";
import { fillerTest } from "../padding.ts";
import { mipsCode } from "./code.ts";
import { composeHowto, lowParts, mipsHowtos } from "./howtos.ts";
import { mipsLoad } from "./load.ts";

/** The n32 calling convention, with the registers of n64. 64-bit ELF Object File Specification (SGI), e_flags. */
const EF_MIPS_ABI2 = 0x20;

/**
 * MIPS, 32 or 64 bits, either byte order. A trampoline is lui, addiu, jr and its delay slot: one `j` only reaches its
 * own region of 256 MiB, in which modules do not lie.
 */
export function mips(elfClass: ElfClass, data: ElfData, flags: number): Arch {
  return {
    name: `mips${elfClass === 64 ? "64" : ""}${data === "lsb" ? "el" : ""}`,
    family: "mips",
    machine: EM.MIPS,
    class: elfClass,
    data,
    howtos: mipsHowtos(),
    trampoline: { size: 16, reach: 1n << 31n },
    instructionData: data,
    lowParts: lowParts(),
    ...(elfClass === 64 && { composeHowto }),
    isPadding: fillerTest(data, [[[2, 0x0c00]], [[2, 0x6500]]]),
    isMarkerSymbol: isLocalLabel,
    insnAddend: () => 0n,
    implicitAddend: (howto, bytes, offset) => readAddend(bytes, offset, howto, data),
    localEntry: () => 0,
    code: mipsCode(elfClass === 64 || (flags & EF_MIPS_ABI2) !== 0 ? 8 : 4, data),
    taggedCode: null,
    link: { ...LINK, wordType: elfClass === 64 ? 18 : 2 },
    load: mipsLoad(elfClass),
    kernel: KERNEL,
  };
}

/** R_MIPS_GPREL32 in position-independent code, R_MIPS_32. */
const JUMP_TABLES: readonly JumpTableForm[] = [
  { size: 4, type: 12, isRelative: true, isFromGlobalPointer: true },
  { size: 4, type: 2, isRelative: false },
];

const LINK: Omit<LinkModel, "wordType"> = {
  jumpTables: JUMP_TABLES,
  // MIPS ABI supplement, chapter 4.
  halves: [
    { high: /^R_MIPS_(HI16|GOT16)$/, low: /^R_MIPS_LO16$/, lowBits: "as-read" },
    { high: /^R_MIPS_GOT_PAGE$/, low: /^R_MIPS_GOT_OFST$/, lowBits: "as-read" },
    // ELF Handling for Thread-Local Storage for MIPS.
    { high: /^R_MIPS_TLS_TPREL_HI16$/, low: /^R_MIPS_TLS_TPREL_LO16$/, lowBits: "signed", thread: "tp" },
    { high: /^R_MIPS_TLS_DTPREL_HI16$/, low: /^R_MIPS_TLS_DTPREL_LO16$/, lowBits: "signed", thread: "dtp" },
  ],
  localEntries: ONE_ENTRY,
  // MIPS Architecture volume II, J.
  mayHaveDescriptors: false,
  hasTocOffsets: false,
  reorderCode: KEEPS_ORDER,
  undoErrata: KEEPS_CODE,
  jumpsInRegion: true,
  // lui, addiu, `jalr $0, $t9` (which R6 still has, unlike jr), nop; `break 512`. MIPS Architecture volume II.
  trampoline: {
    unit: 4,
    code: [0x3c190000, 0x27390000, 0x03200009, 0],
    fields: [
      { offset: 0, howto: "R_MIPS_HI16", isAbsolute: true },
      { offset: 4, howto: "R_MIPS_LO16", isAbsolute: true },
    ],
    trap: [0x0200000d],
  },
  taggedTrampoline: null,
};

/** Linux: arch/mips/include/asm/addrspace.h. */
const KERNEL: KernelModel = {
  exceptionFields: 2,
  hasBareTypeHash: false,
  pageSize: 4096,
  windows: [
    { first: 0x8000_0000n, last: 0xbfff_ffffn, mask: 0x1fff_ffffn },
    { first: 0xffff_ffff_8000_0000n, last: 0xffff_ffff_bfff_ffffn, mask: 0x1fff_ffffn },
  ],
  initrdLimit: () => ({ last: 0x1fff_ffffn, why: "what KSEG0 maps" }),
  imageMapping: NO_DUMPS,
  modules: NO_MODULES,
  livepatch: NO_LIVEPATCH,
};
