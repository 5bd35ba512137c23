import type { ElfClass } from "../../elf/object.ts";
import {
  type LoadModel,
  type LoadRows,
  NO_DESCRIPTORS,
  NO_HIGH,
  NOTHING_AFTER,
  ONE_MODE,
  type ThreadModel,
} from "../load.ts";

const THREADS: ThreadModel = { isBelow: true, header: 0, pointerBias: 0n, moduleBias: 0n };

/** System V ABI, AMD64 supplement, "Relocation Types". */
const ROWS_64: LoadRows = [
  [/GOTTPOFF$/, "thread-pointer-slot", "place"],
  [/GOTPCREL(64|X)?$/, "slot", "place"],
  [/^R_X86_64_GOT(PLT)?(32|64)$/, "slot", "got"],
  [/^R_X86_64_(GOT|PLT)OFF64$/, "symbol", "got"],
  [/^R_X86_64_GOTPC(32|64)$/, "got", "place"],
  [/_TPOFF(32|64)$/, "thread-pointer", "zero"],
  [/_DTPOFF(32|64)$/, "thread-module", "zero"],
  [/_TLSGD$/, "thread-pair", "place"],
  [/_TLSLD$/, "thread-module-pair", "place"],
];

/** System V ABI, Intel386 supplement; ELF Handling for Thread-Local Storage, 4.1. R_386_TLS_LE_32 and IE_32 have the other sign: they are refused. */
const ROWS_32: LoadRows = [
  [/^R_386_GOT32X?$/, "slot", "got"],
  [/_GOTOFF$/, "symbol", "got"],
  [/_GOTPC$/, "got", "place"],
  [/_TLS_LE$/, "thread-pointer", "zero"],
  [/_TLS_IE$/, "thread-pointer-slot", "zero"],
  [/_TLS_GOTIE$/, "thread-pointer-slot", "got"],
  [/_TLS_LDO_32$/, "thread-module", "zero"],
  [/_TLS_GD$/, "thread-pair", "got"],
  [/_TLS_LDM$/, "thread-module-pair", "got"],
];

export const x8664Load = (elfClass: ElfClass): LoadModel => ({
  rows: ROWS_64,
  lowOfHigh: NO_HIGH,
  threads: THREADS,
  dynamic: {
    isRela: true,
    relative: 8,
    slot: elfClass === 64 ? 1 : 10,
    threadPointer: 18,
    threadModule: 16,
    threadOffset: 17,
  },
  growsSymbols: true,
  stubsNeedPointer: false,
  ownGot: false,
  tocBias: 0n,
  // jmp *slot(%rip)
  stub: { unit: 1, code: [0xff, 0x25, 0, 0, 0, 0], fields: [{ offset: 2, howto: "R_X86_64_PC32", bias: -4n }] },
  descriptor: NO_DESCRIPTORS,
  changeMode: ONE_MODE,
  afterStub: NOTHING_AFTER,
});

export const i386Load: LoadModel = {
  rows: ROWS_32,
  lowOfHigh: NO_HIGH,
  threads: THREADS,
  dynamic: { isRela: false, relative: 8, slot: 1, threadPointer: 14, threadModule: 35, threadOffset: 36 },
  growsSymbols: true,
  stubsNeedPointer: false,
  ownGot: false,
  tocBias: 0n,
  // call 1f; 1: pop %eax; mov slot-1b(%eax),%eax; jmp *%eax
  stub: {
    unit: 1,
    code: [0xe8, 0, 0, 0, 0, 0x58, 0x8b, 0x80, 0, 0, 0, 0, 0xff, 0xe0],
    fields: [{ offset: 8, howto: "R_386_PC32", bias: 3n }],
  },
  descriptor: NO_DESCRIPTORS,
  changeMode: ONE_MODE,
  afterStub: NOTHING_AFTER,
};
