import { append } from "../lists.ts";
import { align, type Edit } from "./align.ts";
import { differingInstructions } from "./differing.ts";
import type { Instruction } from "./instruction.ts";

/** An instruction before, and the one that stands for it after; either may be missing. */
export interface InstructionRow {
  /** `~` they differ, `-` only before, `+` only after, blank: equal. */
  readonly marker: "~" | "-" | "+" | " ";
  readonly pre: Instruction | undefined;
  readonly post: Instruction | undefined;
}

/** Equal for instructions that do the same with other operands. */
export type OperationOf = (instruction: Instruction) => string;

/** The first word of the text: the mnemonic, where a disassembler knows mnemonics. */
export function mnemonicOf({ text }: Instruction): string {
  return text.split(" ", 1)[0] ?? "";
}

/** Two listings from beginning to end, side by side. */
export function rowsOf(
  pre: readonly Instruction[],
  post: readonly Instruction[],
  operationOf: OperationOf,
): InstructionRow[] {
  const rows: InstructionRow[] = [];
  let [i, j] = [0, 0];
  for (const edit of differingInstructions(pre, post)) {
    for (; i < edit.pre; i++, j++) rows.push({ marker: " ", pre: pre[i], post: post[j] });
    append(rows, editRows(pre.slice(edit.pre, edit.preEnd), post.slice(edit.post, edit.postEnd), operationOf));
    [i, j] = [edit.preEnd, edit.postEnd];
  }
  for (; i < pre.length; i++, j++) rows.push({ marker: " ", pre: pre[i], post: post[j] });
  return rows;
}

/** Sets against each other what does the same with other operands; what is between is set against each other in order. */
function editRows(
  pre: readonly Instruction[],
  post: readonly Instruction[],
  operationOf: OperationOf,
): InstructionRow[] {
  const rows: InstructionRow[] = [];
  const end: Edit = { pre: pre.length, preEnd: pre.length, post: post.length, postEnd: post.length };
  let [i, j] = [0, 0];
  for (const edit of [...align(pre.map(operationOf), post.map(operationOf)), end]) {
    for (; i < edit.pre; i++, j++) rows.push(rowOf(pre[i], post[j]));
    while (i < edit.preEnd || j < edit.postEnd) {
      rows.push(rowOf(i < edit.preEnd ? pre[i++] : undefined, j < edit.postEnd ? post[j++] : undefined));
    }
  }
  return rows;
}

function rowOf(pre: Instruction | undefined, post: Instruction | undefined): InstructionRow {
  if (pre === undefined) return { marker: "+", pre, post };
  if (post === undefined) return { marker: "-", pre, post };
  // Branches to the same offset, where other code is now: nothing to see in them.
  const isSame = pre.inner !== undefined && post.inner !== undefined && pre.text === post.text;
  return { marker: isSame ? " " : "~", pre, post };
}
