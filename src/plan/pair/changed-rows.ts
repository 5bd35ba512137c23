import type { Arch } from "../../arch/arch.ts";
import type { Difference } from "../../diff/difference.ts";
import type { Pairing } from "../../diff/pairing.ts";
import type { Listings } from "../../disasm/first.ts";
import type { Instruction } from "../../disasm/instruction.ts";
import { type OperandChange, operandComparer } from "../../disasm/operand-change.ts";
import { type InstructionRow, rowsOf } from "../../disasm/rows.ts";
import { FILLER } from "../../disasm/words.ts";
import type { Span } from "../../spans/span.ts";
import type { MovedMembers } from "./moved-members.ts";
import type { PairSources } from "./sources.ts";

/** A row that differs, with what of it differs; undefined where only one side has an instruction. */
export interface ChangedRow extends InstructionRow {
  readonly change: OperandChange | undefined;
  /** Offsets in both sides: of what only the other side has, where it would stand. */
  readonly preOffset: number;
  readonly postOffset: number;
}

/** What is known of a changed function. */
export interface CauseContext {
  readonly pre: Span;
  readonly post: Span;
  readonly pairing: Pairing;
  readonly arch: Arch;
  readonly reasons: readonly Difference[];
  readonly sources: PairSources | undefined;
  readonly members: MovedMembers;
}

/** The rows in which two functions differ; filler between instructions counts on neither side. */
export function changedRows({ pre, pairing, arch }: CauseContext, { before, after }: Listings): ChangedRow[] {
  const { operationOf, compare } = operandComparer(pre, pairing, arch);
  let [preOffset, postOffset] = [0, 0];
  return rowsOf(before, after, operationOf).flatMap((row) => {
    const at = { preOffset: row.pre?.offset ?? preOffset, postOffset: row.post?.offset ?? postOffset };
    if (row.pre !== undefined) preOffset = row.pre.offset + row.pre.size;
    if (row.post !== undefined) postOffset = row.post.offset + row.post.size;
    if (row.marker === " " || [row.pre, row.post].every(isFiller)) return [];
    const change = row.pre && row.post && compare(row.pre, row.post);
    return [{ ...row, change, ...at }];
  });
}

function isFiller(instruction: Instruction | undefined): boolean {
  return instruction === undefined || instruction.normalised === FILLER;
}

/** How much a row says about a change of the source: what a compiler chooses anew by itself says little. */
export function weightOf({ change }: ChangedRow): number {
  switch (change?.kind) {
    case "registers":
    case "frame":
      return 0.05;
    case "branch":
    case "middle":
      return 0.1;
    default:
      return 1;
  }
}

/** The first row that says something of the source; where none does, the first one. */
export function tellingRow(rows: readonly ChangedRow[]): ChangedRow | undefined {
  return rows.find((row) => weightOf(row) === 1) ?? rows[0];
}
