import { EM } from "../../elf/constants.ts";
import type { ElfData } from "../../elf/object.ts";
import type { Arch, BuildAttributes, Howto } from "../arch.ts";
import { readAddend } from "../field.ts";
import { type KernelModel, NO_DUMPS, NO_LIVEPATCH, NO_MODULES, NO_WINDOWS } from "../kernel.ts";
import { KEEPS_CODE, KEEPS_ORDER, type LinkModel, NO_JUMP_TABLES, ONE_ENTRY } from "../link.ts";
import { markerTest } from "../marker.ts";
import { fillerTest } from "../padding.ts";
import { asBe8, EF_ARM_BE8 } from "./be8.ts";
import { armCode } from "./code.ts";
import { armHowtos } from "./howtos.ts";
import { armLoad } from "./load.ts";
import { thumbCode } from "./thumb.ts";

/** 32-bit Arm, either byte order. A trampoline is one B in Arm state. */
export function arm32(data: ElfData, flags: number): Arch {
  const instructionData = flags & EF_ARM_BE8 ? "lsb" : data;
  return {
    name: data === "lsb" ? "arm" : "armeb",
    family: "arm",
    machine: EM.ARM,
    class: 32,
    data,
    howtos: armHowtos(),
    trampoline: { size: 4, reach: 1n << 25n },
    instructionData,
    functionTagBit: true,
    isPadding: fillerTest(instructionData, [
      [[4, 0xe320f000]],
      [[4, 0xe1a00000]],
      [[2, 0xbf00]],
      [
        [2, 0xf3af],
        [2, 0x8000],
      ],
      [[2, 0x46c0]],
    ]),
    isMarkerSymbol: markerTest(MAPPING),
    insnAddend: pcBias,
    implicitAddend(howto, bytes, offset) {
      const addend = readAddend(bytes, offset, howto, howto.insn ? instructionData : data);
      // The field of a MOVT counts bytes, like that of its MOVW: the upper half exists only after the sum. AAELF32,
      // "Addends".
      return howto.rightshift === 16 ? addend >> 16n : addend;
    },
    localEntry: () => 0,
    code: armCode(instructionData),
    taggedCode: thumbCode(instructionData),
    // Only the linker makes BE8 of a big-endian object.
    link: { ...LINK, reorderCode: instructionData === data ? KEEPS_ORDER : asBe8 },
    load: armLoad,
    attributes: ATTRIBUTES,
    kernel: KERNEL,
  };
}

/**
 * The program counter reads 8 bytes ahead in Arm state, 4 in Thumb; the second instruction of a MOVW pair does not read
 * it.
 */
function pcBias(howto: Howto): bigint {
  if (!howto.pcrel || !howto.insn || howto.role === "low" || howto.role === "page") return 0n;
  return howto.size === 2 || howto.unit === 2 ? -4n : -8n;
}

/**
 * Tag_CPU_raw_name and Tag_CPU_name; Tag_ABI_optimization_goals and Tag_ABI_FP_optimization_goals, which say what the
 * compiler was to aim at. Addenda to the ABI for the Arm Architecture, "Build Attributes".
 */
const ATTRIBUTES: BuildAttributes = {
  vendor: "aeabi",
  strings: new Set([4, 5]),
  goals: new Set(["aeabi 30", "aeabi 31"]),
};

/** AAELF32, "Mapping symbols". */
const MAPPING = /^\$[adt](\.|$)/;

const LINK: Omit<LinkModel, "reorderCode"> = {
  wordType: 2,
  jumpTables: NO_JUMP_TABLES,
  // AAELF32 4.6.1.6.
  halves: [{ high: /^R_ARM_(THM_)?MOVT_ABS$/, low: /^R_ARM_(THM_)?MOVW_ABS_NC$/, lowBits: "unsigned" }],
  localEntries: ONE_ENTRY,
  mayHaveDescriptors: false,
  hasTocOffsets: false,
  undoErrata: KEEPS_CODE,
  jumpsInRegion: false,
  // `b`, which counts from 8 bytes ahead; the undefined instruction of BUG(). Linux: arch/arm/include/asm/bug.h.
  trampoline: {
    unit: 4,
    code: [0xea000000],
    fields: [{ offset: 0, howto: "R_ARM_JUMP24", bias: -8n }],
    trap: [0xe7f001f2],
  },
  // `b.w`, from 4 bytes ahead.
  taggedTrampoline: {
    unit: 2,
    code: [0xf000, 0x9000],
    fields: [{ offset: 0, howto: "R_ARM_THM_JUMP24", bias: -4n }],
    trap: [0xde02],
    reach: 1n << 24n,
  },
};

/** Linux: Documentation/arch/arm/booting.rst. */
const KERNEL: KernelModel = {
  exceptionFields: 2,
  hasBareTypeHash: true,
  pageSize: 4096,
  windows: NO_WINDOWS,
  initrdLimit: (kernel) => ({
    last: kernel - (kernel % (128n << 20n)) + (768n << 20n) - 1n,
    why: "low memory, which the kernel always maps, ends 768 MiB above its start",
  }),
  imageMapping: NO_DUMPS,
  modules: NO_MODULES,
  livepatch: NO_LIVEPATCH,
};
