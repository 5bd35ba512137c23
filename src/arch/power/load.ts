import { type LoadModel, NO_DESCRIPTORS, NO_HIGH, ONE_MODE } from "../load.ts";

/** Functions that save and restore registers for others and use no TOC pointer: the linker brings them. 64-bit ELF V2 ABI for Power, 2.3.3. */
export const SAVERS = /^_(save|rest)(gpr0|gpr1|fpr|vr)_\d+$/;

/** 64-bit ELF V2 ABI for Power, 3.5 and 3.7. Fields of 16 bits lie in the half of the instruction that has its low bits. */
export const powerLoad = (data: "lsb" | "msb"): LoadModel => ({
  rows: [
    [/_GOT_TPREL_PCREL34$/, "thread-pointer-slot", "place"],
    [/_GOT_TPREL16/, "thread-pointer-slot", "toc"],
    [/_GOT_TLSGD16/, "thread-pair", "toc"],
    [/_GOT_TLSLD16/, "thread-module-pair", "toc"],
    [/_DTPREL(16|34|64)/, "thread-module", "zero"],
    [/_TPREL(16|34|64)/, "thread-pointer", "zero"],
    [/_GOT_PCREL34$|_PLT_PCREL34(_NOTOC)?$/, "slot", "place"],
    [/_(GOT|PLT)16/, "slot", "toc"],
    [/_TOC16/, "symbol", "toc"],
    [/_PPC64_TOC$/, "toc", "zero"],
  ],
  lowOfHigh: NO_HIGH,
  threads: { isBelow: false, header: 0, pointerBias: 0x7000n, moduleBias: 0x8000n },
  dynamic: { isRela: true, relative: 22, slot: 38, threadPointer: 73, threadModule: 68, threadOffset: 78 },
  growsSymbols: true,
  stubsNeedPointer: false,
  linkerNames: SAVERS,
  ownGot: false,
  tocBias: 0x8000n,
  // std 2,24(1); addis 12,2,slot@toc@ha; ld 12,slot@toc@l(12); mtctr 12; bctr
  stub: {
    unit: 4,
    code: [0xf8410018, 0x3d820000, 0xe98c0000, 0x7d8903a6, 0x4e800420],
    fields: [
      { offset: data === "lsb" ? 4 : 6, howto: "R_PPC64_TOC16_HA", bias: 0n, fromToc: true },
      { offset: data === "lsb" ? 8 : 10, howto: "R_PPC64_TOC16_LO_DS", bias: 0n, fromToc: true },
    ],
  },
  descriptor: NO_DESCRIPTORS,
  changeMode: ONE_MODE,
  // `nop` becomes `ld 2,24(1)`.
  afterStub: { nop: 0x60000000, restore: 0xe8410018, calls: /^R_PPC64_REL24$/ },
});
