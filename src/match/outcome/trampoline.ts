import type { Arch, Howto } from "../../arch/arch.ts";
import { fieldOrder, writeField } from "../../arch/field.ts";

/** One relocation of a trampoline; its value is the new address less the old one, or the new one itself. */
interface Field {
  readonly offset: number;
  readonly howto: string;
  /** Added to the distance: what the architecture counts from. */
  readonly bias?: bigint;
  readonly isAbsolute?: true;
}

/** What is written over the start of an old function: instructions, and the fields that the new address goes into. */
interface Form {
  /** Instructions in units of this size, in the architecture's order. */
  readonly unit: 1 | 2 | 4;
  readonly code: readonly number[];
  readonly fields: readonly Field[];
  /** An instruction of the same unit, or two, that the kernel takes for a bug. */
  readonly trap: readonly number[];
  /** Where it is less than the architecture's. */
  readonly reach?: bigint;
}

/** `jmp rel32`; ud2. Intel SDM volume 2. */
const x86 = (howto: string): Form => ({
  unit: 1,
  code: [0xe9, 0, 0, 0, 0],
  fields: [{ offset: 1, howto, bias: -5n }],
  trap: [0x0f, 0x0b],
});
/** `b`; `trap`. Power ISA. */
const POWER: Form = {
  unit: 4,
  code: [0x48000000],
  fields: [{ offset: 0, howto: "R_PPC64_REL24" }],
  trap: [0x7fe00008],
};
/** lui, addiu, `jalr $0, $t9` (which R6 still has, unlike jr), nop; `break 512`. MIPS Architecture volume II. */
const MIPS: Form = {
  unit: 4,
  code: [0x3c190000, 0x27390000, 0x03200009, 0],
  fields: [
    { offset: 0, howto: "R_MIPS_HI16", isAbsolute: true },
    { offset: 4, howto: "R_MIPS_LO16", isAbsolute: true },
  ],
  trap: [0x0200000d],
};
/** `b`; `brk #0x800`. Arm ARM for A-profile. */
const AARCH64: Form = {
  unit: 4,
  code: [0x14000000],
  fields: [{ offset: 0, howto: "R_AARCH64_JUMP26" }],
  trap: [0xd4210000],
};
/** `b`, which counts from 8 bytes ahead; the undefined instruction of BUG(). Linux: arch/arm/include/asm/bug.h. */
const ARM: Form = {
  unit: 4,
  code: [0xea000000],
  fields: [{ offset: 0, howto: "R_ARM_JUMP24", bias: -8n }],
  trap: [0xe7f001f2],
};
/** `b.w`, from 4 bytes ahead. */
const THUMB: Form = {
  unit: 2,
  code: [0xf000, 0x9000],
  fields: [{ offset: 0, howto: "R_ARM_THM_JUMP24", bias: -4n }],
  trap: [0xde02],
  reach: 1n << 24n,
};
/** auipc t1, `jalr x0, t1`; ebreak. RISC-V ISA manual. */
const RISCV: Form = {
  unit: 4,
  code: [0x00000317, 0x00030067],
  fields: [{ offset: 0, howto: "R_RISCV_CALL" }],
  trap: [0x00100073],
};
/** pcaddu18i t0, `jirl $zero, t0`; `break 1`. LoongArch reference manual. */
const LOONGARCH: Form = {
  unit: 4,
  code: [0x1e00000c, 0x4c000180],
  fields: [{ offset: 0, howto: "R_LARCH_CALL36" }],
  trap: [0x002a0001],
};
/** `brcl 15`; `mc 0,0`. Principles of Operation. */
const S390: Form = {
  unit: 2,
  code: [0xc0f4, 0, 0],
  fields: [{ offset: 2, howto: "R_390_PC32DBL" }],
  trap: [0xaf00, 0x0000],
};

const FORMS: Readonly<Record<string, Form>> = {
  x86_64: x86("R_X86_64_PC32"),
  x32: x86("R_X86_64_PC32"),
  i386: x86("R_386_PC32"),
  aarch64: AARCH64,
  aarch64_be: AARCH64,
  arm: ARM,
  armeb: ARM,
  ppc64: POWER,
  ppc64le: POWER,
  s390x: S390,
  riscv32: RISCV,
  riscv64: RISCV,
  loongarch64: LOONGARCH,
  mips: MIPS,
  mipsel: MIPS,
  mips64: MIPS,
  mips64el: MIPS,
};

/** A field that waits for the new address. */
interface OpenField {
  readonly offset: number;
  readonly size: number;
  readonly howto: string;
}

/** The bytes of a trampoline; those without an address yet, and the fields it goes into; or why there are none. */
export type TrampolineBytes =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "open"; readonly bytes: Uint8Array; readonly fields: readonly OpenField[] }
  | { readonly kind: "far"; readonly reach: bigint }
  | { readonly kind: "none" };

/** What the trampoline's place and aim are. */
export interface Jump {
  readonly from: bigint;
  /** Undefined while it is not known. */
  readonly to: bigint | undefined;
  /** Bytes that are written. */
  readonly size: number;
  /** Whether the old function is Thumb code. */
  readonly isThumb: boolean;
}

/** The jump from an old function to its new code. */
export function trampoline(arch: Arch, { from, to, size, isThumb }: Jump): TrampolineBytes {
  const form = formOf(arch, isThumb);
  if (form === undefined || size !== form.unit * form.code.length) return { kind: "none" };
  const bytes = unitsOf(arch, form, form.code, size);
  const fields = form.fields.map((field) => ({ ...field, meaning: howtoNamed(arch, field.howto) }));
  if (to === undefined) {
    const open = fields.map(({ offset, howto, meaning }) => ({ offset, size: meaning.size, howto }));
    return { kind: "open", bytes, fields: open };
  }
  const distance = BigInt.asIntN(arch.class, to - from);
  const reach = form.reach ?? arch.trampoline.reach;
  for (const { offset, meaning, bias = 0n, isAbsolute } of fields) {
    const value = isAbsolute ? BigInt.asIntN(arch.class, to) : distance + bias;
    const isFar = isAbsolute ? BigInt.asIntN(32, value) !== value : value >= reach || value < -reach;
    if (isFar || value % (1n << BigInt(isAbsolute ? 0 : meaning.rightshift)) !== 0n) return { kind: "far", reach };
    writeField(bytes, offset, meaning, fieldOrder(arch, meaning), value);
  }
  return { kind: "bytes", bytes };
}

/** What is written over a function that is gone: traps, wherever it is. */
export function trapBytes(arch: Arch, size: number, isThumb: boolean): Uint8Array | undefined {
  const form = formOf(arch, isThumb);
  if (form === undefined) return undefined;
  return unitsOf(arch, form, form.trap, size);
}

function formOf(arch: Arch, isThumb: boolean): Form | undefined {
  return isThumb && FORMS[arch.name] === ARM ? THUMB : FORMS[arch.name];
}

/** The units one behind the other, again and again as long as there is room. */
function unitsOf(arch: Arch, { unit }: Form, units: readonly number[], size: number): Uint8Array {
  const bytes = Buffer.alloc(size);
  for (let at = 0, index = 0; at + unit <= size; at += unit, index++) {
    const value = units[index % units.length] as number;
    if (arch.instructionData === "lsb") bytes.writeUIntLE(value, at, unit);
    else bytes.writeUIntBE(value, at, unit);
  }
  return Uint8Array.from(bytes);
}

const named = new WeakMap<Arch, ReadonlyMap<string, Howto>>();

function howtoNamed(arch: Arch, name: string): Howto {
  let names = named.get(arch);
  if (names === undefined) {
    names = new Map([...arch.howtos.values()].map((howto) => [howto.name, howto]));
    named.set(arch, names);
  }
  return names.get(name) as Howto;
}
