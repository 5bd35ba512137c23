import { type LoadModel, NO_DESCRIPTORS, NO_HIGH, NO_STUB, ONE_MODE } from "../load.ts";

/** 64-bit ELF V2 ABI for Power, 3.5 and 3.7. */
export const powerLoad: LoadModel = {
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
  ownGot: false,
  tocBias: 0x8000n,
  stub: NO_STUB,
  descriptor: NO_DESCRIPTORS,
  changeMode: ONE_MODE,
  // `nop` becomes `ld 2,24(1)`.
  afterStub: { nop: 0x60000000, restore: 0xe8410018 },
};
