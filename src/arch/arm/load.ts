import { type LoadModel, NO_DESCRIPTORS, NO_HIGH, NOTHING_AFTER } from "../load.ts";

/** AAELF32, "Relocation" and "Thread-Local Storage"; R_ARM_TARGET2 as Linux has it. */
export const armLoad: LoadModel = {
  rows: [
    [/_TLS_LE(32|12)$/, "thread-pointer", "zero"],
    [/_TLS_IE32$/, "thread-pointer-slot", "place"],
    [/_TLS_GD32$/, "thread-pair", "place"],
    [/_TLS_LDM32$/, "thread-module-pair", "place"],
    [/_TLS_LDO(32|12)$/, "thread-module", "zero"],
    [/_GOT_PREL$|_TARGET2$/, "slot", "place"],
    [/_GOT_BREL(12)?$/, "slot", "got"],
    [/_GOT_ABS$/, "slot", "zero"],
    [/_GOTOFF(32|12)$/, "symbol", "got"],
    [/_BASE_PREL$/, "got", "place"],
    [/_BASE_ABS$/, "got", "zero"],
  ],
  lowOfHigh: NO_HIGH,
  threads: { isBelow: false, header: 8, pointerBias: 0n, moduleBias: 0n },
  dynamic: { isRela: false, relative: 23, slot: 2, threadPointer: 19, threadModule: 17, threadOffset: 18 },
  growsSymbols: true,
  stubsNeedPointer: false,
  ownGot: false,
  tocBias: 0n,
  // ldr ip, [pc, #4]; add ip, pc, ip; ldr pc, [ip]; the slot's distance from the pc of the second one.
  stub: {
    unit: 4,
    code: [0xe59fc004, 0xe08fc00c, 0xe59cf000, 0],
    fields: [{ offset: 12, howto: "R_ARM_REL32", bias: 0n }],
  },
  descriptor: NO_DESCRIPTORS,
  changeMode,
  afterStub: NOTHING_AFTER,
};

/** BL and BLX of both instruction sets; jumps have no form that changes it. Arm ARM, "BL, BLX (immediate)". Instructions are little-endian. */
function changeMode(
  code: Uint8Array,
  offset: number,
  unit: number | undefined,
  toTagged: boolean,
  value: bigint,
): bigint | undefined {
  const top = code[offset + 3] as number;
  if (unit === 2) {
    // Second halfword: bits 15 and 14 set for a call, bit 12 for BL. BLX counts from a multiple of four.
    if ((top & 0xc0) !== 0xc0) return toTagged ? value : undefined;
    code[offset + 3] = toTagged ? top | 0x10 : top & ~0x10;
    return toTagged ? value : (value + 2n) & ~3n;
  }
  const isBlx = (top & 0xfe) === 0xfa;
  if (!toTagged) {
    if (isBlx) code[offset + 3] = 0xeb;
    return value;
  }
  // A condition other than "always", or a jump, has no form that changes the instruction set.
  if (!isBlx && top !== 0xeb) return undefined;
  code[offset + 3] = (value & 2n) === 0n ? 0xfa : 0xfb;
  return value;
}
