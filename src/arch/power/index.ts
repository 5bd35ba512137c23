import { EM } from "../../elf/constants.ts";
import type { ElfData } from "../../elf/object.ts";
import type { Arch } from "../arch.ts";
import { readAddend } from "../field.ts";
import { anyAddress, type KernelModel, mappedAt, NO_LIVEPATCH, NO_MODULES, NO_WINDOWS } from "../kernel.ts";
import { KEEPS_CODE, KEEPS_ORDER, type LinkModel } from "../link.ts";
import { isLocalLabel } from "../marker.ts";
import { fillerTest } from "../padding.ts";
import { powerCode } from "./code.ts";
import { powerHowtos } from "./howtos.ts";
import { powerLoad, SAVERS } from "./load.ts";

/** EF_PPC64_ABI: 1 with descriptors, 2 without, 0 not told. */
const ABI_BITS = 3;
const ABI_WITHOUT_DESCRIPTORS = 2;

/** 64-bit Power, either byte order. A trampoline is one `b`. */
export function ppc64(data: ElfData, flags: number): Arch {
  return {
    name: data === "lsb" ? "ppc64le" : "ppc64",
    family: "power",
    machine: EM.PPC64,
    class: 64,
    data,
    howtos: powerHowtos(),
    trampoline: { size: 4, reach: 1n << 25n },
    instructionData: data,
    // `nop`, and the two `ori` of a register to itself that end a dispatch group.
    isPadding: fillerTest(data, [[[4, 0x60000000]], [[4, 0x60210000]], [[4, 0x60420000]]]),
    isMarkerSymbol: isLocalLabel,
    insnAddend: () => 0n,
    implicitAddend: (howto, bytes, offset) => readAddend(bytes, offset, howto, data),
    localEntry,
    code: powerCode(data),
    taggedCode: null,
    link: { ...LINK, mayHaveDescriptors: (flags & ABI_BITS) !== ABI_WITHOUT_DESCRIPTORS },
    load: powerLoad(data),
    kernel: data === "lsb" ? KERNEL : { ...KERNEL, livepatch: NO_LIVEPATCH },
    isSiblingCall(howto, code, offset, name) {
      if (SAVERS.test(name)) return false;
      // Code without a TOC pointer has none to restore. 64-bit ELF V2 ABI for Power, R_PPC64_REL24_NOTOC.
      if (howto.name.endsWith("NOTOC")) return false;
      if (howto.role !== "branch" || offset + 4 > code.length) return false;
      // I-form `b`: primary opcode 18, LK 0. A call (`bl`) leaves room for the TOC to be restored, a jump does not.
      const [high, low] = data === "lsb" ? [code[offset + 3], code[offset]] : [code[offset], code[offset + 3]];
      return (high as number) >> 2 === 18 && ((low as number) & 1) === 0;
    },
  };
}

/**
 * The three bits of st_other that give the distance of the local entry point as a power of two: 2 to 6 for 4 to 64
 * bytes; 0 and 1 for none. ELF V2 ABI, "Symbol Table", st_other.
 */
function localEntry(other: number): number {
  const code = (other >> 5) & 7;
  return code < 2 || code === 7 ? 0 : 1 << code;
}

const LINK: Omit<LinkModel, "mayHaveDescriptors"> = {
  wordType: 38,
  jumpTables: [{ size: 4, type: 26, isRelative: true }],
  // ELF V2 ABI for Power, 3.5: the halves are added with sign.
  halves: [
    { high: /^R_PPC64_TOC16_HA$/, low: /^R_PPC64_TOC16_LO(_DS)?$/, lowBits: "signed", toc: true },
    { high: /^R_PPC64_REL16_HA$/, low: /^R_PPC64_REL16_LO$/, lowBits: "signed", fromHigh: true },
    { high: /^R_PPC64_ADDR16_HA$/, low: /^R_PPC64_ADDR16_LO(_DS)?$/, lowBits: "signed" },
    // 64-bit ELF V2 ABI for Power, 3.7.
    { high: /^R_PPC64_TPREL16_HA$/, low: /^R_PPC64_TPREL16_LO(_DS)?$/, lowBits: "signed", thread: "tp" },
    { high: /^R_PPC64_DTPREL16_HA$/, low: /^R_PPC64_DTPREL16_LO(_DS)?$/, lowBits: "signed", thread: "dtp" },
    {
      high: /^R_PPC64_GOT_TPREL16_HA$/,
      low: /^R_PPC64_GOT_TPREL16_LO_DS$/,
      lowBits: "signed",
      toc: true,
      thread: "slot",
    },
    { high: /^R_PPC64_GOT_TLSGD16_HA$/, low: /^R_PPC64_GOT_TLSGD16_LO$/, lowBits: "signed", toc: true, thread: "pair" },
    {
      high: /^R_PPC64_GOT_TLSLD16_HA$/,
      low: /^R_PPC64_GOT_TLSLD16_LO$/,
      lowBits: "signed",
      toc: true,
      thread: "module",
    },
  ],
  // 64-bit ELF V2 ABI for Power, 3.4.1.
  localEntries: [4n, 8n, 16n, 32n, 64n],
  hasTocOffsets: true,
  reorderCode: KEEPS_ORDER,
  undoErrata: KEEPS_CODE,
  jumpsInRegion: false,
  // `b`; `trap`. Power ISA.
  trampoline: {
    unit: 4,
    code: [0x48000000],
    fields: [{ offset: 0, howto: "R_PPC64_REL24" }],
    trap: [0x7fe00008],
  },
  taggedTrampoline: null,
};

const KERNEL: KernelModel = {
  exceptionFields: 2,
  hasBareTypeHash: false,
  pageSize: 0x1_0000,
  windows: NO_WINDOWS,
  initrdLimit: anyAddress(64),
  imageMapping: mappedAt(0xc000_0000_0000_0000n),
  modules: NO_MODULES,
  // OpenPOWER ELF V2 ABI, 3.1 and 3.4.1: the TOC pointer is set up by two instructions.
  livepatch: {
    flags: 2,
    localEntry: { marks: new Set(["R_PPC64_REL16_HA .TOC.", "R_PPC64_ENTRY *ABS*"]), other: 3 << 5, size: 8 },
  },
};
