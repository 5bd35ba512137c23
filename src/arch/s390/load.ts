import type { ElfClass } from "../../elf/object.ts";
import { type LoadModel, NO_DESCRIPTORS, NO_HIGH, NOTHING_AFTER, ONE_MODE } from "../load.ts";

/** z/Architecture ELF ABI supplement, "Relocation Types" and "Thread-Local Storage". */
export const s390Load = (elfClass: ElfClass): LoadModel => ({
  rows: [
    [/_TLS_LE(32|64)$/, "thread-pointer", "zero"],
    [/_TLS_IEENT$/, "thread-pointer-slot", "place"],
    [/_TLS_IE(32|64)$/, "thread-pointer-slot", "zero"],
    [/_TLS_GOTIE(12|20|32|64)$/, "thread-pointer-slot", "got"],
    [/_TLS_GD(32|64)$/, "thread-pair", "got"],
    [/_TLS_LDM(32|64)$/, "thread-module-pair", "got"],
    [/_TLS_LDO(32|64)$/, "thread-module", "zero"],
    [/_GOT(PLT)?ENT$/, "slot", "place"],
    [/_GOT(PLT)?(12|16|20|32|64)$/, "slot", "got"],
    [/_(GOT|PLT)OFF(16|32|64)$/, "symbol", "got"],
    [/_GOTPC(DBL)?$/, "got", "place"],
  ],
  lowOfHigh: NO_HIGH,
  threads: { isBelow: true, header: 0, pointerBias: 0n, moduleBias: 0n },
  dynamic: {
    isRela: true,
    relative: 12,
    slot: elfClass === 64 ? 22 : 4,
    threadPointer: 56,
    threadModule: 54,
    threadOffset: 55,
  },
  growsSymbols: true,
  stubsNeedPointer: false,
  ownGot: false,
  tocBias: 0n,
  // larl %r1,slot; lg %r1,0(%r1); br %r1
  stub: {
    unit: 2,
    code: [0xc010, 0, 0, 0xe310, 0x1000, 0x0004, 0x07f1],
    fields: [{ offset: 2, howto: "R_390_PC32DBL", bias: 2n }],
  },
  descriptor: NO_DESCRIPTORS,
  changeMode: ONE_MODE,
  afterStub: NOTHING_AFTER,
});
