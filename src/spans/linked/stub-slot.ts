import type { Arch, Family } from "../../arch/arch.ts";
import { signExtend, wordAt } from "../../arch/linked.ts";

/** The first bytes of a stub, and what its code counts from. */
export interface StubCode {
  readonly bytes: Uint8Array;
  readonly address: number;
  readonly little: boolean;
  /** What r2 holds on Power. */
  readonly toc: number | undefined;
}

/** A stub whose form is recognised by its own instructions. */
interface StubForm {
  /** Address of the slot whose contents the stub jumps to; undefined for any other code. */
  readonly slot: (stub: StubCode) => number | undefined;
  /** Whether such stubs stand among functions, without a section or a symbol of their own. */
  readonly isAmongFunctions: boolean;
}

/** `add r,pc,#imm`, `add r,r,#imm`, `ldr pc,[r,#imm]!` with r12; in front of it perhaps `bx pc; nop` for Thumb. GNU ld and lld: PLT entries of Arm. */
function armSlot({ bytes, address, little }: StubCode): number | undefined {
  const start = (wordAt(bytes, 0, little) & 0xffff) === 0x4778 ? 4 : 0;
  let value: number | undefined;
  for (let at = start; at + 4 <= bytes.length && at < start + 24; at += 4) {
    const word = wordAt(bytes, at, little);
    const rotation = ((word >>> 8) & 15) * 2;
    const immediate = ((word & 0xff) >>> rotation) | ((word & 0xff) << ((32 - rotation) % 32));
    if ((word & 0xfffff000) >>> 0 === 0xe28fc000) value = address + at + 8 + (immediate >>> 0);
    else if ((word & 0xfffff000) >>> 0 === 0xe28cc000 && value !== undefined) value += immediate >>> 0;
    else if ((word & 0xffdff000) >>> 0 === 0xe59cf000 && value !== undefined) return value + (word & 0xfff);
    // Far entries: ldr r12,[pc,#8]; add r12,r12,pc; ldr pc,[r12].
    else if ((word & 0xfffff000) >>> 0 === 0xe59fc000) value = wordAt(bytes, at + 8 + (word & 0xfff), little) | 0;
    else if (word === 0xe08cc00f && value !== undefined) value += address + at + 8;
    else return undefined;
  }
  return undefined;
}

/** `lui $t7,…`, `lw` or `ld $t9,…($t7)`. GNU ld, PLT entries of MIPS executables. */
function mipsSlot({ bytes, little }: StubCode): number | undefined {
  const [lui, load] = [wordAt(bytes, 0, little), wordAt(bytes, 4, little)];
  const isLoad = (load & 0xffff0000) >>> 0 === 0x8df90000 || (load & 0xffff0000) >>> 0 === 0xddf90000;
  if ((lui & 0xffff0000) >>> 0 !== 0x3c0f0000 || !isLoad) return undefined;
  return ((lui & 0xffff) * 65536 + signExtend(load & 0xffff, 16)) >>> 0;
}

/** `std r2,24(r1)`, `mtctr r12`, `bctr`. Power ISA; 64-bit ELF V2 ABI for Power, 3.6.1. */
const POWER = { saveToc: 0xf8410018, moveToCount: 0x7d8903a6, branch: 0x4e800420 } as const;

/** The TOC pointer saved or not, `addis r12,r2,…` or not, `ld r12,…`, then `mtctr r12; bctr`. */
function powerSlot({ bytes, little, toc }: StubCode): number | undefined {
  const word = (index: number): number => wordAt(bytes, 4 * index, little);
  let index = word(0) === POWER.saveToc ? 1 : 0;
  let base = 2;
  let value = toc;
  for (const to of [12, 11]) {
    if (value !== undefined && (word(index) & 0xffff0000) >>> 0 === (0x3c020000 | (to << 21)) >>> 0) {
      value += signExtend(word(index++) & 0xffff, 16) * 65536;
      base = to;
      break;
    }
  }
  const load = word(index++);
  if (value === undefined || (load & 0xffff0003) >>> 0 !== (0xe9800000 | (base << 16)) >>> 0) return undefined;
  if (word(index) !== POWER.moveToCount || word(index + 1) !== POWER.branch) return undefined;
  return value + signExtend(load & 0xfffc, 16);
}

const FORMS: Readonly<Record<Family, StubForm | undefined>> = {
  arm: { slot: armSlot, isAmongFunctions: false },
  mips: { slot: mipsSlot, isAmongFunctions: false },
  power: { slot: powerSlot, isAmongFunctions: true },
  // What their instructions refer to is read by `LinkedCode`.
  x86: undefined,
  aarch64: undefined,
  riscv: undefined,
  loongarch: undefined,
  s390: undefined,
  unknown: undefined,
};

/** Address of the slot that a stub of the linker jumps by, as far as its form is recognised; `isNamed`: its section or symbol says that it is a stub. */
export function stubSlot({ family }: Arch, stub: StubCode, isNamed: boolean): number | undefined {
  const form = FORMS[family];
  return form !== undefined && (isNamed || form.isAmongFunctions) ? form.slot(stub) : undefined;
}
