import { constantName, EM } from "../elf/constants.ts";
import type { ElfClass, ElfData } from "../elf/object.ts";
import type { Arch } from "./arch.ts";
import { type CodeModel, NO_ANCHORS, TOLD_BY_TYPE } from "./code.ts";
import { anyAddress, NO_DUMPS, NO_LIVEPATCH, NO_MODULES, NO_WINDOWS } from "./kernel.ts";
import { KEEPS_CODE, KEEPS_ORDER, NO_HALVES, NO_JUMP_TABLES, ONE_ENTRY } from "./link.ts";
import { branchReferences } from "./linked.ts";
import { PLAIN_LOAD } from "./load.ts";
import { isLocalLabel } from "./marker.ts";
import { NO_OPERANDS } from "./operands.ts";
import { fillerTest } from "./padding.ts";

/** Pages of machines without a folder here that Linux ran on, in bytes. */
const PAGE_SIZES: ReadonlyMap<number, number> = new Map([
  [EM.SPARCV9, 0x2000],
  [EM.ALPHA, 0x2000],
  [EM.IA_64, 0x4000],
]);

/** A machine that has no folder: nothing is known of its relocations and instructions, which a finding says. */
export function unknownArch(machine: number, elfClass: ElfClass, data: ElfData): Arch {
  const name = constantName(EM, "", machine);
  return {
    name: name.startsWith("0x") ? `machine-${machine}` : name.toLowerCase(),
    family: "unknown",
    machine,
    class: elfClass,
    data,
    howtos: new Map(),
    trampoline: { size: 0, reach: 0n },
    instructionData: data,
    isPadding: fillerTest(data, []),
    isMarkerSymbol: isLocalLabel,
    insnAddend: () => 0n,
    implicitAddend: () => 0n,
    localEntry: () => 0,
    code: CODE,
    taggedCode: null,
    link: {
      wordType: null,
      jumpTables: NO_JUMP_TABLES,
      halves: NO_HALVES,
      localEntries: ONE_ENTRY,
      mayHaveDescriptors: false,
      hasTocOffsets: false,
      reorderCode: KEEPS_ORDER,
      undoErrata: KEEPS_CODE,
      jumpsInRegion: false,
      trampoline: null,
      taggedTrampoline: null,
    },
    load: PLAIN_LOAD,
    kernel: {
      exceptionFields: 3,
      hasBareTypeHash: false,
      pageSize: PAGE_SIZES.get(machine) ?? 4096,
      windows: NO_WINDOWS,
      initrdLimit: anyAddress(elfClass),
      imageMapping: NO_DUMPS,
      modules: NO_MODULES,
      livepatch: NO_LIVEPATCH,
    },
  };
}

const CODE: CodeModel = {
  instructions: { kind: "unknown" },
  alignment: 4,
  unitSize: () => 4,
  branches: () => [],
  branchKind: TOLD_BY_TYPE,
  linked: branchReferences,
  argumentRegisters: [],
  destination: () => undefined,
  loadedConstant: () => undefined,
  step: () => ({ length: 4, writes: [], isEnd: true }),
  endsFlow: () => false,
  hasDelaySlot: false,
  operands: NO_OPERANDS,
  anchors: NO_ANCHORS,
};
