import { EM } from "../../elf/constants.ts";
import type { ElfClass, ElfData } from "../../elf/object.ts";
import type { Arch } from "../arch.ts";
import { readAddend } from "../field.ts";
import { type KernelModel, NO_DUMPS, NO_LIVEPATCH, NO_MODULES } from "../kernel.ts";
import {
  type JumpTableForm,
  KEEPS_CODE,
  KEEPS_ORDER,
  type LinkModel,
  ONE_ENTRY,
  type TrampolineForm,
} from "../link.ts";
import { isLocalLabel } from "../marker.ts";
import { fillerTest } from "../padding.ts";
import { mipsCode } from "./code.ts";
import { composeHowto, lowParts, mipsHowtos } from "./howtos.ts";
import { mipsLoad } from "./load.ts";

/** The n32 calling convention, with the registers of n64. 64-bit ELF Object File Specification (SGI), e_flags. */
const EF_MIPS_ABI2 = 0x20;
/** Position-independent code. Same place. */
const EF_MIPS_PIC = 2;

/**
 * MIPS, 32 or 64 bits, either byte order. A trampoline is lui, addiu, jr and its delay slot: one `j` only reaches its
 * own region of 256 MiB, in which modules do not lie. In position-independent code it counts from its own place.
 */
export function mips(elfClass: ElfClass, data: ElfData, flags: number): Arch {
  const trampoline = (flags & EF_MIPS_PIC) === 0 ? ABSOLUTE : RELATIVE[elfClass];
  return {
    name: `mips${elfClass === 64 ? "64" : ""}${data === "lsb" ? "el" : ""}`,
    family: "mips",
    machine: EM.MIPS,
    class: elfClass,
    data,
    howtos: mipsHowtos(),
    trampoline: { size: trampoline.unit * trampoline.code.length, reach: 1n << 31n },
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
    link: { ...LINK, wordType: elfClass === 64 ? 18 : 2, trampoline },
    load: mipsLoad(elfClass),
    kernel: KERNEL,
  };
}

/** `break 512`. MIPS Architecture volume II. */
const TRAP = [0x0200000d];

/** lui, addiu, `jalr $0, $t9` (which R6 still has, unlike jr), nop. */
const ABSOLUTE: TrampolineForm = {
  unit: 4,
  code: [0x3c190000, 0x27390000, 0x03200009, 0],
  fields: [
    { offset: 0, howto: "R_MIPS_HI16", isAbsolute: true },
    { offset: 4, howto: "R_MIPS_LO16", isAbsolute: true },
  ],
  trap: TRAP,
};

/** `move $at, $ra`; bal over lui in its delay slot, so that $ra holds the place of addu; addu, addiu, `jalr $0, $t9`, `move $ra, $at`. */
const relative = (addu: number, addiu: number): TrampolineForm => ({
  unit: 4,
  code: [0x03e00825, 0x04110001, 0x3c190000, addu, addiu, 0x03200009, 0x0020f825],
  fields: [
    { offset: 8, howto: "R_MIPS_HI16", bias: -12n },
    { offset: 16, howto: "R_MIPS_LO16", bias: -12n },
  ],
  trap: TRAP,
});
/** With daddu and daddiu where registers have 64 bits. */
const RELATIVE = { 32: relative(0x033fc821, 0x27390000), 64: relative(0x033fc82d, 0x67390000) } as const;

/** R_MIPS_GPREL32 in position-independent code, R_MIPS_32. */
const JUMP_TABLES: readonly JumpTableForm[] = [
  { size: 4, type: 12, isRelative: true, isFromGlobalPointer: true },
  { size: 4, type: 2, isRelative: false },
];

const LINK: Omit<LinkModel, "wordType" | "trampoline"> = {
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
