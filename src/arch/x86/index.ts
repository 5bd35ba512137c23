import { EM } from "../../elf/constants.ts";
import type { ElfClass } from "../../elf/object.ts";
import type { Arch } from "../arch.ts";
import { readAddend } from "../field.ts";
import { type InitrdLimit, type KernelModel, NO_DUMPS, NO_LIVEPATCH, NO_MODULES, NO_WINDOWS } from "../kernel.ts";
import { KEEPS_CODE, KEEPS_ORDER, type LinkModel, NO_HALVES, ONE_ENTRY, type TrampolineForm } from "../link.ts";
import { isLocalLabel } from "../marker.ts";
import { x86Code } from "./code.ts";
import { i386Howtos } from "./howtos-32.ts";
import { x8664Howtos } from "./howtos-64.ts";
import { i386Load, x8664Load } from "./load.ts";
import { x86PaddingTest } from "./padding.ts";
import { trailingBytes } from "./trailing.ts";

/** Distances from a field to the end of its instruction are few: one shared big integer for each. */
const INSN_ADDENDS = Array.from({ length: 16 }, (_, distance) => -BigInt(distance));

function insnAddendOf(distance: number): bigint {
  return INSN_ADDENDS[distance] ?? -BigInt(distance);
}

/**
 * AMD64, and x32 as its 32-bit class: displacements count from the end of the instruction. A trampoline is `jmp rel32`.
 */
export const x8664 = (elfClass: ElfClass): Arch => ({
  name: elfClass === 64 ? "x86_64" : "x32",
  family: "x86",
  machine: EM.X86_64,
  class: elfClass,
  data: "lsb",
  howtos: x8664Howtos(),
  trampoline: { size: 5, reach: 1n << 31n },
  instructionData: "lsb",
  isPadding: x86PaddingTest(64),
  isMarkerSymbol: isLocalLabel,
  insnAddend(howto, code, offset) {
    // No instruction has a 64-bit displacement: such a field is an immediate, and counts from its own place.
    if (!howto.pcrel || howto.size > 4) return 0n;
    return insnAddendOf(howto.size + trailingBytes(code, offset, howto.size, 64));
  },
  implicitAddend: (howto, bytes, offset) => readAddend(bytes, offset, howto, "lsb"),
  localEntry: () => 0,
  code: x86Code(64, { pc8: 15, pc32: 2 }),
  taggedCode: null,
  link: {
    ...link("R_X86_64_PC32"),
    wordType: elfClass === 64 ? 1 : 10,
    // System V ABI, AMD64 supplement, 3.5.6.
    jumpTables: [{ size: 4, type: 2, isRelative: true }, wholeEntry(elfClass)],
  },
  load: x8664Load(elfClass),
  // There is no x32 kernel: its programs run on the 64-bit one.
  kernel: KERNEL_64,
});

/** Whole addresses; in code that may be loaded anywhere R_386_GOTOFF, distances from the GOT. */
const I386_TABLES: LinkModel["jumpTables"] = [
  { size: 4, type: 1, isRelative: false },
  { size: 4, type: 9, isRelative: true, isFromGot: true },
];

/**
 * IA-32: displacements of jumps count from the end of the instruction. A trampoline is `jmp rel32`, which wraps around.
 */
export const i386 = (): Arch => {
  const howtos = i386Howtos();
  const gotpc = howtos.get(10);
  return {
    name: "i386",
    family: "x86",
    machine: EM["386"],
    class: 32,
    data: "lsb",
    howtos,
    trampoline: { size: 5, reach: 1n << 32n },
    instructionData: "lsb",
    isPadding: x86PaddingTest(32),
    isMarkerSymbol: isLocalLabel,
    insnAddend(howto, code, offset) {
      if (!howto.pcrel) return 0n;
      return howto === gotpc ? distanceFromOpcode(code, offset) : -BigInt(howto.size);
    },
    implicitAddend: (howto, bytes, offset) => readAddend(bytes, offset, howto, "lsb"),
    localEntry: () => 0,
    code: x86Code(32, { pc8: 23, pc32: 2 }),
    taggedCode: null,
    link: { ...link("R_386_PC32"), wordType: 1, jumpTables: I386_TABLES },
    load: i386Load,
    kernel: KERNEL_32,
  };
};

/**
 * `add $_GLOBAL_OFFSET_TABLE_,%reg` counts from its own start: the field follows one byte in the short form for %eax
 * (05), two bytes in the others.
 */
function distanceFromOpcode(code: Uint8Array, offset: number): bigint {
  return code[offset - 1] === 0x05 ? 1n : 2n;
}

function wholeEntry(elfClass: ElfClass): LinkModel["jumpTables"][number] {
  return elfClass === 64 ? { size: 8, type: 1, isRelative: false } : { size: 4, type: 10, isRelative: false };
}

/** `jmp rel32`; ud2. Intel SDM volume 2. */
const trampoline = (howto: string): TrampolineForm => ({
  unit: 1,
  code: [0xe9, 0, 0, 0, 0],
  fields: [{ offset: 1, howto, bias: -5n }],
  trap: [0x0f, 0x0b],
});

function link(howto: string): Omit<LinkModel, "wordType" | "jumpTables"> {
  return {
    halves: NO_HALVES,
    localEntries: ONE_ENTRY,
    mayHaveDescriptors: false,
    hasTocOffsets: false,
    reorderCode: KEEPS_ORDER,
    undoErrata: KEEPS_CODE,
    jumpsInRegion: false,
    trampoline: trampoline(howto),
    taggedTrampoline: null,
  };
}

/** The image's mapping and, behind it, the modules'. Linux: Documentation/arch/x86/x86_64/mm.rst. */
const IMAGE = 0xffff_ffff_8000_0000n;
const MODULES_END = 0xffff_ffff_ff00_0000n;

const initrd = (last: bigint, why: string) => (): InitrdLimit => ({ last, why });

const KERNEL_64: KernelModel = {
  exceptionFields: 3,
  hasBareTypeHash: false,
  pageSize: 4096,
  windows: NO_WINDOWS,
  initrdLimit: initrd(0x7fff_ffffn, "initrd_addr_max of the x86 boot protocol, as 64-bit kernels set it"),
  imageMapping: ({ number, physBase }) => ({
    start: IMAGE,
    size: number("KERNEL_IMAGE_SIZE") ?? 1n << 30n,
    distance: IMAGE - (number("phys_base") ?? physBase),
  }),
  modules: { end: MODULES_END, pageTables: "x86-64" },
  // Linux: arch/x86/kernel/module.c, apply_relocate_add().
  livepatch: {
    flags: 0,
    relocations: new Set(["64", "32", "32S", "PC32", "PLT32", "PC64"].map((name) => `R_X86_64_${name}`)),
  },
};

const KERNEL_32: KernelModel = {
  exceptionFields: 2,
  hasBareTypeHash: false,
  pageSize: 4096,
  windows: NO_WINDOWS,
  initrdLimit: initrd(0x37ff_ffffn, "initrd_addr_max of the x86 boot protocol"),
  imageMapping: NO_DUMPS,
  modules: NO_MODULES,
  livepatch: NO_LIVEPATCH,
};
