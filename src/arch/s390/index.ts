import { EM } from "../../elf/constants.ts";
import type { ElfClass } from "../../elf/object.ts";
import type { Arch, Howto } from "../arch.ts";
import { readAddend } from "../field.ts";
import {
  anyAddress,
  type KernelModel,
  LONGEST_IMAGE,
  NO_DUMPS,
  NO_LIVEPATCH,
  NO_MODULES,
  NO_WINDOWS,
} from "../kernel.ts";
import { KEEPS_CODE, KEEPS_ORDER, type LinkModel, NO_HALVES, ONE_ENTRY } from "../link.ts";
import { isLocalLabel } from "../marker.ts";
import { fillerTest } from "../padding.ts";
import { s390Code } from "./code.ts";
import { s390Howtos } from "./howtos.ts";
import { s390Load } from "./load.ts";

/** z/Architecture, and its 31-bit ancestor. A trampoline is `jg` (brcl 15). */
export const s390 = (elfClass: ElfClass): Arch => ({
  name: elfClass === 64 ? "s390x" : "s390",
  family: "s390",
  machine: EM.S390,
  class: elfClass,
  data: "msb",
  howtos: s390Howtos(),
  trampoline: { size: 6, reach: 1n << 32n },
  instructionData: "msb",
  isPadding: fillerTest("msb", [[[2, 0x0707]], [[2, 0x0700]], [[4, 0x47000000]], [[6, 0xc00400000000]]]),
  isMarkerSymbol: isLocalLabel,
  insnAddend: distanceFromOpcode,
  implicitAddend: (howto, bytes, offset) => readAddend(bytes, offset, howto, "msb"),
  localEntry: () => 0,
  code: s390Code(),
  taggedCode: null,
  link: { ...LINK, wordType: elfClass === 64 ? 22 : 4 },
  load: s390Load(elfClass),
  kernel: kernel(elfClass),
});

/**
 * Relative offsets count from the instruction's first byte, the relocation from the field: 2 for most formats. Only the
 * branch prediction preload (bprp) has its 12 bits at byte 1 and its 24 bits at byte 3.
 */
function distanceFromOpcode(howto: Howto): bigint {
  if (!howto.pcrel || !howto.insn) return 0n;
  if (howto.mask === 0xfffn) return 1n;
  return howto.mask === 0xffffffn ? 3n : 2n;
}

const LINK: Omit<LinkModel, "wordType"> = {
  jumpTables: [
    { size: 8, type: 23, isRelative: true },
    { size: 4, type: 5, isRelative: true },
    { size: 8, type: 22, isRelative: false },
  ],
  halves: NO_HALVES,
  localEntries: ONE_ENTRY,
  mayHaveDescriptors: false,
  hasTocOffsets: false,
  reorderCode: KEEPS_ORDER,
  undoErrata: KEEPS_CODE,
  jumpsInRegion: false,
  // `brcl 15`; `mc 0,0`. Principles of Operation.
  trampoline: {
    unit: 2,
    code: [0xc0f4, 0, 0],
    fields: [{ offset: 2, howto: "R_390_PC32DBL" }],
    trap: [0xaf00, 0x0000],
  },
  taggedTrampoline: null,
};

/** Linux: arch/s390/kernel/vmcore_info.c; before 6.10 virtual addresses are the physical ones. */
const kernel = (elfClass: ElfClass): KernelModel => ({
  exceptionFields: 3,
  hasBareTypeHash: false,
  pageSize: 4096,
  windows: NO_WINDOWS,
  initrdLimit: anyAddress(elfClass),
  imageMapping: elfClass === 64 ? imageMapping : NO_DUMPS,
  modules: NO_MODULES,
  livepatch: elfClass === 64 ? { flags: 0 } : NO_LIVEPATCH,
});

const imageMapping: KernelModel["imageMapping"] = ({ hex, kernelOffset, start }) => {
  const physical = hex("KERNELOFFPHYS");
  return {
    start: start ?? 0n,
    size: LONGEST_IMAGE,
    distance: physical === undefined ? 0n : (kernelOffset ?? 0n) - physical,
  };
};
