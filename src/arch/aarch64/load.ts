import type { ElfClass } from "../../elf/object.ts";
import { type LoadModel, NO_DESCRIPTORS, NO_HIGH, NO_STUB, NOTHING_AFTER, ONE_MODE } from "../load.ts";

/** AAELF64, "Relocation" and "Thread-Local Storage". ADRP counts pages: the place's is taken away. */
export const aarch64Load = (elfClass: ElfClass): LoadModel => ({
  rows: [
    [/_TLSLE_/, "thread-pointer", "zero"],
    [/_TLSIE_ADR_GOTTPREL_PAGE21$/, "thread-pointer-slot", "page"],
    [/_TLSIE_LD_GOTTPREL_PREL19$/, "thread-pointer-slot", "place"],
    [/_TLSIE_LD(32|64)_GOTTPREL_LO12_NC$/, "thread-pointer-slot", "zero"],
    [/_TLSGD_ADR_PAGE21$/, "thread-pair", "page"],
    [/_TLSGD_ADR_PREL21$/, "thread-pair", "place"],
    [/_TLSGD_ADD_LO12_NC$/, "thread-pair", "zero"],
    [/_TLSDESC_ADR_PAGE21$/, "thread-descriptor", "page"],
    [/_TLSDESC_(ADR_PREL21|LD_PREL19)$/, "thread-descriptor", "place"],
    [/_TLSDESC_(LD(32|64)|ADD)_LO12(_NC)?$/, "thread-descriptor", "zero"],
    [/_TLSLD_ADR_PAGE21$/, "thread-module-pair", "page"],
    [/_TLSLD_ADR_PREL21$/, "thread-module-pair", "place"],
    [/_TLSLD_ADD_LO12_NC$/, "thread-module-pair", "zero"],
    [/_TLSLD_.*DTPREL/, "thread-module", "zero"],
    [/_ADR_GOT_PAGE$/, "slot", "page"],
    [/_GOT_LD_PREL19$|_GOTPCREL32$/, "slot", "place"],
    [/_LD(32|64)_GOT_LO12_NC$/, "slot", "zero"],
    [/_LD(32|64)_GOTPAGE_LO1[45]$/, "slot", "got-page"],
    [/_LD64_GOTOFF_LO15$|_MOVW_GOTOFF_/, "slot", "got"],
    [/_GOTREL(32|64)$/, "symbol", "got"],
    [/_ADR_PREL_PG_HI21(_NC)?$/, "symbol", "page"],
  ],
  lowOfHigh: NO_HIGH,
  threads: { isBelow: false, header: 16, pointerBias: 0n, moduleBias: 0n },
  dynamic: { isRela: true, relative: 1027, slot: 1025, threadPointer: 1030, threadModule: 1028, threadOffset: 1029 },
  growsSymbols: true,
  stubsNeedPointer: false,
  ownGot: true,
  tocBias: 0n,
  // bti c; adrp x16, slot; ldr x17, [x16, #:lo12:slot]; br x17
  stub:
    elfClass === 64
      ? {
          unit: 4,
          code: [0xd503245f, 0x90000010, 0xf9400211, 0xd61f0220],
          fields: [
            { offset: 4, howto: "R_AARCH64_ADR_PREL_PG_HI21", bias: 0n },
            { offset: 8, howto: "R_AARCH64_LDST64_ABS_LO12_NC", bias: 0n },
          ],
        }
      : NO_STUB,
  // bti c; ldr x0, [x0, #8]; ret
  descriptor: elfClass === 64 ? { type: 1031, unit: 4, code: [0xd503245f, 0xf9400400, 0xd65f03c0] } : NO_DESCRIPTORS,
  changeMode: ONE_MODE,
  afterStub: NOTHING_AFTER,
});
