import { type ByteOrder, readInteger } from "../bytes.ts";

/** The parts of one instruction, by which it is told what of it changed. */
export interface Operands {
  /** Equal for one operation with operands of one form, whatever their values are. */
  readonly operation: string;
  /** Equal where the same registers are named. */
  readonly registers: string;
  /** A number that is an operand itself. */
  readonly immediate: bigint | undefined;
  /** Bytes from a register to the place in memory that is accessed. */
  readonly displacement: number | undefined;
  /** Whether the number adjusts the stack pointer, or counts from it. */
  readonly onStack: boolean;
}

/** The parts of the instruction at an offset; undefined for one whose parts are not told apart. */
export type OperandReader = (code: Uint8Array, at: number, size: number) => Operands | undefined;

/** Parts are not told apart: every difference is one of instructions. */
export const NO_OPERANDS = null;

/** A field of an instruction word: lowest bit and width. */
type Field = readonly [low: number, width: number];

/** One row of an architecture's table: words that fit, and which bits of them are what. */
export interface OperandRow {
  /** Bits that tell the form, and their value. */
  readonly mask: number;
  readonly value: number;
  readonly registers: readonly Field[];
  /** Parts of the immediate operand, the low one first. */
  readonly immediate?: readonly Field[];
  /** Parts of the displacement, the low one first; `scale` bytes each. */
  readonly displacement?: readonly Field[];
  readonly scale?: (word: number) => number;
  /** The immediate operand, where its bits are not simply a number. */
  readonly decode?: (word: number) => bigint;
  readonly isUnsigned?: true;
  /** The field that names the register from which a number counts. */
  readonly base?: Field;
}

/** A row without its words: `row(mask, value, [rd, rs], { immediate })`. */
export function operandRow(
  mask: number,
  value: number,
  registers: readonly Field[],
  rest: Omit<OperandRow, "mask" | "value" | "registers"> = {},
): OperandRow {
  return { mask: mask >>> 0, value: value >>> 0, registers, ...rest };
}

/** Reads words of four bytes, or halfwords, by a table; `stack` is the number of the stack pointer. The first row that fits counts. */
export function wordOperands(
  order: ByteOrder,
  rows: readonly OperandRow[],
  stack: number,
  unit: 2 | 4 = 4,
): OperandReader {
  return (code, at, size) => {
    if (size !== unit || at + unit > code.length) return undefined;
    const word = readInteger(code, at, unit, order) >>> 0;
    const index = rows.findIndex(({ mask, value }) => (word & mask) >>> 0 === value);
    const row = rows[index];
    if (row === undefined) return undefined;
    const { registers, immediate = [], displacement = [], scale, decode, isUnsigned, base } = row;
    let rest = word;
    for (const field of [...registers, ...immediate, ...displacement]) rest &= ~maskOf(field);
    const number = numberOf(word, immediate.length > 0 ? immediate : displacement, isUnsigned === true);
    return {
      operation: `${index} ${rest >>> 0}`,
      registers: registers.map((field) => bitsOf(word, field)).join(),
      immediate: immediate.length > 0 ? (decode?.(word) ?? BigInt(number)) : undefined,
      displacement: displacement.length > 0 ? number * (scale?.(word) ?? 1) : undefined,
      onStack: base !== undefined && bitsOf(word, base) === stack,
    };
  };
}

function maskOf([low, width]: Field): number {
  return (width === 32 ? -1 : 2 ** width - 1) << low;
}

function bitsOf(word: number, [low, width]: Field): number {
  return (word >>> low) & (2 ** width - 1);
}

function numberOf(word: number, fields: readonly Field[], isUnsigned: boolean): number {
  let value = 0;
  let width = 0;
  for (const field of fields) {
    value += bitsOf(word, field) * 2 ** width;
    width += field[1];
  }
  return isUnsigned || width === 0 || value < 2 ** (width - 1) ? value : value - 2 ** width;
}
