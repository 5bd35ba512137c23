import type { ElfClass } from "../../elf/object.ts";
import { type LoadModel, NO_DESCRIPTORS, NO_HIGH, NO_STUB, NOTHING_AFTER, ONE_MODE } from "../load.ts";

/** System V ABI, MIPS supplement, "Relocation Types". $gp is 0x7ff0 behind the start of the GOT. */
export const mipsLoad = (elfClass: ElfClass): LoadModel => ({
  rows: [
    // Minus the distance of a function from $gp: how far $gp is from it.
    [/^R_MIPS_GPREL16\/R_MIPS_SUB\/R_MIPS_(HI|LO)16$/, "toc", "symbol"],
    [/_TLS_TPREL_(HI|LO)16$/, "thread-pointer", "zero"],
    [/_TLS_DTPREL_(HI|LO)16$/, "thread-module", "zero"],
    [/_TLS_GOTTPREL$/, "thread-pointer-slot", "toc"],
    [/_TLS_GD$/, "thread-pair", "toc"],
    [/_TLS_LDM$/, "thread-module-pair", "toc"],
    [/_GPREL(16|32)$|_LITERAL$/, "symbol", "toc"],
    [/_GOT16$/, "page-or-slot", "toc"],
    [/_GOT_PAGE$/, "page-slot", "toc"],
    [/_GOT_(DISP|HI16|LO16)$|_CALL(16|_HI16|_LO16)$/, "slot", "toc"],
  ],
  lowOfHigh: NO_HIGH,
  threads: { isBelow: false, header: 0, pointerBias: 0x7000n, moduleBias: 0x8000n },
  dynamic: {
    isRela: false,
    relative: 3,
    slot: 3,
    threadPointer: elfClass === 64 ? 48 : 47,
    threadModule: elfClass === 64 ? 40 : 38,
    threadOffset: elfClass === 64 ? 41 : 39,
  },
  growsSymbols: false,
  stubsNeedPointer: true,
  ownGot: true,
  tocBias: 0x7ff0n,
  // lui $t9, %hi(slot); lw $t9, %lo(slot)($t9); jr $t9; nop: code that jumps to it is not position-independent.
  stub:
    elfClass === 32
      ? {
          unit: 4,
          code: [0x3c190000, 0x8f390000, 0x03200008, 0],
          fields: [
            { offset: 0, howto: "R_MIPS_HI16", bias: 0n, isAbsolute: true },
            { offset: 4, howto: "R_MIPS_LO16", bias: 0n, isAbsolute: true },
          ],
        }
      : NO_STUB,
  descriptor: NO_DESCRIPTORS,
  changeMode: ONE_MODE,
  afterStub: NOTHING_AFTER,
});
