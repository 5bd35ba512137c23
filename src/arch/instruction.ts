/** Whether the bits of an instruction under a mask are the given ones. */
export function is(instruction: number, mask: number, bits: number): boolean {
  return (instruction & mask) >>> 0 === bits >>> 0;
}

/** The lowest bits of a number, taken as a signed number. */
export function signExtend(value: number, width: number): number {
  return (value << (32 - width)) >> (32 - width);
}

/** A run of registers in order. */
export function registers(first: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

/** One form of a branch: which instructions, where the distance lies, and its unit. */
export interface BranchForm {
  readonly mask: number;
  readonly bits: number;
  /** The relocation type that fills the distance. */
  readonly type: number;
  /** Runs of the distance's bits, lowest first: position and width. */
  readonly runs: readonly (readonly [low: number, width: number])[];
  /** Bits the distance is shifted left. */
  readonly shift: number;
}

/** One row of a table of branches. */
export function form(mask: number, bits: number, type: number, shift: number, ...runs: BranchForm["runs"]): BranchForm {
  return { mask, bits, type, shift, runs };
}

/** The distance in bytes that a branch holds. */
export function distance(word: number, { runs, shift }: BranchForm): number {
  let value = 0;
  let at = 0;
  for (const [low, width] of runs) {
    value += ((word >>> low) & (2 ** width - 1)) * 2 ** at;
    at += width;
  }
  if (value >= 2 ** (at - 1)) value -= 2 ** at;
  return value * 2 ** shift;
}

/** Immediate of an A32 instruction: eight bits turned right by twice four bits. Arm ARM, A5.2.4. */
export function turned(word: number): number {
  const turn = ((word >>> 8) & 15) * 2;
  const byte = word & 0xff;
  return turn === 0 ? byte : ((byte >>> turn) | (byte << (32 - turn))) >>> 0;
}
