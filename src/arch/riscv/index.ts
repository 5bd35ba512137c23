import { EM } from "../../elf/constants.ts";
import type { ElfClass, ElfData } from "../../elf/object.ts";
import type { Arch } from "../arch.ts";
import { readAddend } from "../field.ts";
import { anyAddress, type KernelModel, mappedBy, NO_DUMPS, NO_LIVEPATCH, NO_MODULES, NO_WINDOWS } from "../kernel.ts";
import { KEEPS_CODE, KEEPS_ORDER, type LinkModel, ONE_ENTRY } from "../link.ts";
import { markerTest } from "../marker.ts";
import { fillerTest } from "../padding.ts";
import { riscvCode } from "./code.ts";
import { riscvHowtos } from "./howtos.ts";
import { riscvLoad } from "./load.ts";

/** RISC-V, 32 or 64 bits; instructions are always little-endian. A trampoline is auipc + jalr. */
export function riscv(elfClass: ElfClass, data: ElfData): Arch {
  return {
    name: `riscv${elfClass}`,
    family: "riscv",
    machine: EM.RISCV,
    class: elfClass,
    data,
    howtos: riscvHowtos(),
    trampoline: { size: 8, reach: 1n << 31n },
    instructionData: "lsb",
    isPadding: fillerTest("lsb", [[[4, 0x00000013]], [[2, 0x0001]]]),
    isMarkerSymbol: markerTest(MAPPING),
    insnAddend: () => 0n,
    implicitAddend: (howto, bytes, offset) => readAddend(bytes, offset, howto, howto.insn ? "lsb" : data),
    localEntry: () => 0,
    code: riscvCode(),
    taggedCode: null,
    link: { ...LINK, wordType: elfClass === 64 ? 2 : 1 },
    load: riscvLoad(elfClass),
    kernel: kernel(elfClass),
  };
}

/** RISC-V psABI, "Mapping Symbol": $x may carry an ISA string. */
const MAPPING = /^\$(d(\.|$)|x(rv(32|64)\w*)?(\.|$))/;

const LINK: Omit<LinkModel, "wordType"> = {
  jumpTables: [
    { size: 4, type: 57, isRelative: true },
    { size: 8, type: 2, isRelative: false },
  ],
  // RISC-V psABI, chapter 8. Pc-relative halves name each other by place; see match/compare/halves.ts.
  halves: [{ high: /^R_RISCV_HI20$/, low: /^R_RISCV_LO12_[IS]$/, lowBits: "as-read" }],
  localEntries: ONE_ENTRY,
  mayHaveDescriptors: false,
  hasTocOffsets: false,
  reorderCode: KEEPS_ORDER,
  undoErrata: KEEPS_CODE,
  jumpsInRegion: false,
  // auipc t1, `jalr x0, t1`; ebreak. RISC-V ISA manual.
  trampoline: {
    unit: 4,
    code: [0x00000317, 0x00030067],
    fields: [{ offset: 0, howto: "R_RISCV_CALL" }],
    trap: [0x00100073],
  },
  taggedTrampoline: null,
};

/** Linux: arch/riscv/kernel/vmcore_info.c. */
const kernel = (elfClass: ElfClass): KernelModel => ({
  exceptionFields: 3,
  hasBareTypeHash: true,
  pageSize: 4096,
  windows: NO_WINDOWS,
  initrdLimit: anyAddress(elfClass),
  imageMapping: elfClass === 64 ? mappedBy("va_kernel_pa_offset") : NO_DUMPS,
  modules: NO_MODULES,
  livepatch: NO_LIVEPATCH,
});
