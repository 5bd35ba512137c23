import { readHalf } from "../../bytes.ts";
import type { ElfData } from "../../elf/object.ts";
import { scanned } from "../anchors/scan.ts";
import { type CodeModel, type Effect, type ResolvedReference, TOLD_BY_TYPE } from "../code.ts";
import { is, registers } from "../instruction.ts";
import { NO_OPERANDS } from "../operands.ts";
import { thumbScanner } from "./anchors.ts";
import { ANCHOR_BASES } from "./code.ts";
import { armReferences } from "./linked.ts";

/** Code in Thumb state: instructions of one or two halfwords. Arm ARM, A6. */
export function thumbCode(order: ElfData): CodeModel {
  const little = order === "lsb";
  return {
    instructions: { kind: "halfwords" },
    alignment: 2,
    unitSize: (code, at) => (isWide(readHalf(code, at, little)) ? 4 : 2),
    branches: (code, from, to) => thumbBranches(code, from, to, little),
    branchKind: TOLD_BY_TYPE,
    linked: armReferences,
    argumentRegisters: registers(0, 4),
    destination: (code, field) => loadAt(code, field, little)?.register,
    loadedConstant(code, offset) {
      const load = loadAt(code, offset, little);
      if (load?.value === undefined || load.value === 0) return undefined;
      return { offset: load.at, size: load.size, value: load.value, rest: load.rest };
    },
    step: (code, at, _get, relocated) => step(code, at, relocated, little),
    endsFlow: (code, from, to) => endsFlow(code, from, to, little),
    hasDelaySlot: false,
    operands: NO_OPERANDS,
    anchors: scanned(ANCHOR_BASES, [13, 15], thumbScanner(little)),
  };
}

/** A halfword from e800 up has a second one. A6.1. */
function isWide(first: number): boolean {
  return first >= 0xe800;
}

interface Load {
  readonly at: number;
  readonly size: 2 | 4;
  readonly register: number;
  /** Undefined where the instruction loads something else than a small number. */
  readonly value: number | undefined;
  readonly rest: number;
}

/** The load of a constant or an address that has a byte: at its place or a halfword before. */
function loadAt(code: Uint8Array, offset: number, little: boolean): Load | undefined {
  const place = offset & ~1;
  for (const at of [place, place - 2]) {
    if (at < 0 || at + 2 > code.length) continue;
    const first = readHalf(code, at, little);
    const second = at + 4 <= code.length ? readHalf(code, at + 2, little) : 0;
    const load = isWide(first) ? wideLoad(at, first, second) : at === place ? narrowLoad(at, first) : undefined;
    if (load !== undefined) return load;
  }
  return undefined;
}

/** MOVS (T1), LDR (literal, T1). A8.8.102, A8.8.64. */
function narrowLoad(at: number, first: number): Load | undefined {
  const register = (first >>> 8) & 7;
  if ((first & 0xf800) === 0x2000) return { at, size: 2, register, value: first & 0xff, rest: first & 0xff00 };
  return (first & 0xf800) === 0x4800 ? { at, size: 2, register, value: undefined, rest: first & 0xff00 } : undefined;
}

/** MOVW (T3), MOV (T2) of eight plain bits, MOVT, LDR (literal, T2). A8.8.102, A8.8.106, A8.8.64. */
function wideLoad(at: number, first: number, second: number): Load | undefined {
  const register = (second >>> 8) & 15;
  const low = ((first & 0x400) << 1) | ((second >>> 4) & 0x700) | (second & 0xff);
  if (is(first, 0xfbf0, 0xf240) && second < 0x8000) {
    return { at, size: 4, register, value: ((first & 15) << 12) | low, rest: register };
  }
  if (is(first, 0xfbef, 0xf04f) && second < 0x8000) {
    return { at, size: 4, register, value: low < 0x100 ? low : undefined, rest: 0x100 | (first & 0x10) | register };
  }
  if (is(first, 0xfbf0, 0xf2c0)) return { at, size: 4, register, value: undefined, rest: 0 };
  return is(first, 0xff7f, 0xf85f) ? { at, size: 4, register: second >>> 12, value: undefined, rest: 0 } : undefined;
}

/** B (T2, T4), BX, POP and LDM with pc, UDF. The end of the code tells where its last instruction starts only if all are walked. */
function endsFlow(code: Uint8Array, from: number, to: number, little: boolean): boolean {
  let last = -1;
  let at = from;
  while (at + 2 <= to) {
    last = at;
    at += isWide(readHalf(code, at, little)) ? 4 : 2;
  }
  if (at !== to || last < 0) return false;
  const first = readHalf(code, last, little);
  if (!isWide(first)) {
    const isJump = is(first, 0xf800, 0xe000) || is(first, 0xff80, 0x4700) || is(first, 0xff00, 0xbd00);
    return isJump || is(first, 0xff00, 0xde00);
  }
  const second = readHalf(code, last + 2, little);
  return (is(first, 0xf800, 0xf000) && is(second, 0xd000, 0x9000)) || (is(first, 0xffd0, 0xe890) && second >= 0x8000);
}

/** What one instruction does to the registers: loads are followed, and whatever else may write a register makes it unknown. */
function step(code: Uint8Array, at: number, relocated: ReadonlySet<number>, little: boolean): Effect {
  const first = at + 2 <= code.length ? readHalf(code, at, little) : 0;
  const length = isWide(first) ? 4 : 2;
  const second = length === 4 && at + 4 <= code.length ? readHalf(code, at + 2, little) : 0;
  const load = length === 4 ? wideLoad(at, first, second) : narrowLoad(at, first);
  if (load !== undefined) {
    const value = relocated.has(at) ? "address" : is(first, 0xfbf0, 0xf2c0) && length === 4 ? undefined : load.value;
    return { length, writes: [[load.register, value]] };
  }
  // B (T2, T4), BX, POP with pc.
  const isEnd =
    length === 2
      ? (first & 0xf800) === 0xe000 || (first & 0xff80) === 0x4700 || (first & 0xff00) === 0xbd00
      : (first & 0xf800) === 0xf000 && (second & 0xd000) === 0x9000;
  if (isEnd) return { length, writes: [], isEnd };
  if (length === 4) {
    const isBranch = (first & 0xf800) === 0xf000 && (second & 0x8000) !== 0;
    return { length, writes: isBranch ? [] : [second >>> 12, (second >>> 8) & 15].map((r) => [r, undefined]) };
  }
  // ADDS and SUBS of eight bits name their register where MOVS does, MOV and ADD of high registers in two runs.
  if ((first & 0xf000) === 0x3000) return { length, writes: [[(first >>> 8) & 7, undefined]] };
  if ((first & 0xfc00) === 0x4400) return { length, writes: [[(first & 7) | ((first >>> 4) & 8), undefined]] };
  if ((first & 0xf000) === 0xd000 || (first & 0xf800) === 0x2800) return { length, writes: [] };
  return {
    length,
    writes: [
      [first & 7, undefined],
      [(first >>> 8) & 7, undefined],
    ],
  };
}

/** Thumb: B and BL (T1 to T4), CBZ and CBNZ. Arm ARM, A6.3 and A8.8.18, A8.8.25, A8.8.29; the program counter is four bytes ahead. */
function thumbBranches(code: Uint8Array, from: number, to: number, little: boolean): ResolvedReference[] {
  const found: ResolvedReference[] = [];
  const half = (at: number): number => readHalf(code, at, little);
  for (let at = from; at + 2 <= to; ) {
    const first = half(at);
    const wide = isWide(first);
    if (wide && at + 4 > to) break;
    const reference = wide ? wideThumb(first, half(at + 2)) : narrowThumb(first);
    if (reference !== undefined) found.push({ offset: at, type: reference.type, target: at + 4 + reference.distance });
    at += wide ? 4 : 2;
  }
  return found;
}

interface ThumbBranch {
  readonly type: number;
  readonly distance: number;
}

function extend(value: number, width: number): number {
  return value >= 2 ** (width - 1) ? value - 2 ** width : value;
}

function narrowThumb(first: number): ThumbBranch | undefined {
  if ((first & 0xf800) === 0xe000) return { type: 102, distance: extend(first & 0x7ff, 11) * 2 };
  if ((first & 0xf000) === 0xd000 && (first & 0x0e00) !== 0x0e00)
    return { type: 103, distance: extend(first & 0xff, 8) * 2 };
  if ((first & 0xf500) === 0xb100) return { type: 52, distance: (((first >> 3) & 31) | ((first >> 4) & 32)) * 2 };
  return undefined;
}

function wideThumb(first: number, second: number): ThumbBranch | undefined {
  if ((first & 0xf800) !== 0xf000 || (second & 0x8000) === 0) return undefined;
  const sign = (first >> 10) & 1;
  const j1 = (second >> 13) & 1;
  const j2 = (second >> 11) & 1;
  if ((second & 0x1000) === 0) {
    if ((second & 0x4000) !== 0 || (first & 0x0380) === 0x0380) return undefined;
    const value = (sign << 19) | (j2 << 18) | (j1 << 17) | ((first & 0x3f) << 11) | (second & 0x7ff);
    return { type: 51, distance: extend(value, 20) * 2 };
  }
  const value =
    (sign << 23) | ((1 ^ j1 ^ sign) << 22) | ((1 ^ j2 ^ sign) << 21) | ((first & 0x3ff) << 11) | (second & 0x7ff);
  return { type: (second & 0x4000) !== 0 ? 10 : 30, distance: extend(value, 24) * 2 };
}
