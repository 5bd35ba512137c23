import type { ElfClass } from "../../elf/object.ts";
import { type LoadModel, NO_DESCRIPTORS, NOTHING_AFTER, ONE_MODE } from "../load.ts";

/** RISC-V ELF psABI, "Relocations" and "Thread Local Storage". */
export const riscvLoad = (elfClass: ElfClass): LoadModel => ({
  rows: [
    [/_TLS_GOT_HI20$/, "thread-pointer-slot", "place"],
    [/_GOT_HI20$/, "slot", "place"],
    [/_TLS_GD_HI20$/, "thread-pair", "place"],
    [/_TPREL_(HI20|LO12_[IS])$/, "thread-pointer", "zero"],
  ],
  lowOfHigh: /_PCREL_LO12_[IS]$/,
  threads: { isBelow: false, header: 0, pointerBias: 0n, moduleBias: 0x800n },
  dynamic:
    elfClass === 64
      ? { isRela: true, relative: 3, slot: 2, threadPointer: 11, threadModule: 7, threadOffset: 9 }
      : { isRela: true, relative: 3, slot: 1, threadPointer: 10, threadModule: 6, threadOffset: 8 },
  growsSymbols: true,
  stubsNeedPointer: false,
  ownGot: false,
  tocBias: 0n,
  // auipc t3, %pcrel_hi(slot); ld or lw t3, %pcrel_lo(slot)(t3); jr t3
  stub: {
    unit: 4,
    code: [0x00000e17, elfClass === 64 ? 0x000e3e03 : 0x000e2e03, 0x000e0067],
    fields: [
      { offset: 0, howto: "R_RISCV_PCREL_HI20", bias: 0n },
      { offset: 4, howto: "R_RISCV_PCREL_LO12_I", bias: 4n, fromPlace: true },
    ],
  },
  descriptor: NO_DESCRIPTORS,
  changeMode: ONE_MODE,
  afterStub: NOTHING_AFTER,
});
