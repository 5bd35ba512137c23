/*
 * Why a function changed, in the words of who reads the source. Instructions are aligned first, so what only moved is no
 * cause; then each pair of them is asked what of it differs; then debug information says which inlined function they belong to.
 */

import type { ChangeCause } from "../../contract/cause.ts";
import { instructionText } from "../../disasm/first.ts";
import type { Instruction } from "../../disasm/instruction.ts";
import type { InstructionRow } from "../../disasm/rows.ts";
import { parentFunction, sourceFunction } from "../../spans/names.ts";
import type { Span } from "../../spans/span.ts";
import type { CauseContext, ChangedRow } from "./changed-rows.ts";
import { inlinedChanges } from "./inlined.ts";

/** Rows shown of those that came, went or were replaced. */
const SHOWN_ROWS = 4;
/** Operands of one kind that are told one by one. */
const SHOWN_OPERANDS = 4;

/** The causes of a change, the one that tells most first; never empty for a function that has differences. */
export function causesOf(context: CauseContext, rows: readonly ChangedRow[]): ChangeCause[] {
  const own = codeCauses(rows, context);
  const inlined = inlinedChanges(context, rows);
  return [...inlined, ...own, ...otherCauses(context, rows.length > 0)];
}

function codeCauses(rows: readonly ChangedRow[], context: CauseContext): ChangeCause[] {
  if (rows.length === 0) return [];
  const counts = { inserted: 0, removed: 0, replaced: 0 };
  const callees = new Set<string>();
  const operands = new Map<string, ChangeCause>();
  const others = { frame: false, registers: false, middle: false };
  const shown: ChangedRow[] = [];
  const tell = (cause: ChangeCause): void => {
    operands.set([cause.kind, cause.name, cause.pre, cause.post].join("\0"), cause);
  };
  for (const row of rows) {
    const { change } = row;
    switch (change?.kind) {
      case "frame":
      case "registers":
      case "middle":
        others[change.kind] = true;
        continue;
      case "constant":
      case "displacement": {
        const name = context.members.nameOf(change);
        if (name !== undefined || change.kind === "constant")
          tell({
            kind: name === undefined ? "constant" : "data-layout",
            ...(name === undefined ? {} : { name }),
            pre: change.pre,
            post: change.post,
          });
        if (name !== undefined || change.kind === "constant") continue;
        break;
      }
      case "string":
        tell({ kind: "string", pre: change.pre, post: change.post });
        continue;
      case "reference": {
        const callee = sourceFunction(change.postName);
        const isClone = change.preName !== change.postName && callee === sourceFunction(change.preName);
        if (isClone && callee !== "") callees.add(callee);
        else tell({ kind: "reference", pre: change.pre, post: change.post });
        continue;
      }
      default:
    }
    if (change !== undefined) counts.replaced++;
    else if (row.pre === undefined) counts.inserted++;
    else counts.removed++;
    if (shown.length < SHOWN_ROWS && change?.kind !== "branch") shown.push(row);
  }
  const hasOwn = counts.inserted + counts.removed + counts.replaced > 0;
  const told = [...operands.values()];
  const few = ["data-layout", "constant", "string", "reference"].flatMap((kind) =>
    told.filter((cause) => cause.kind === kind).slice(0, SHOWN_OPERANDS),
  );
  const parent = parentFunction(context.pre.name);
  return [
    ...[...callees].map((name): ChangeCause => ({ kind: "callee-signature", name })),
    ...(hasOwn ? [{ kind: "instructions", ...counts, first: shown.map((row) => wordsOf(row, context)) } as const] : []),
    ...few,
    ...(others.middle && !hasOwn && few.length === 0
      ? [{ kind: "part-of-parent", ...(parent === undefined ? {} : { name: parent }) } as const]
      : []),
    ...(others.frame && !hasOwn ? [{ kind: "frame-size" } as const] : []),
    ...(others.registers && !others.frame && !hasOwn && few.length === 0
      ? [{ kind: "register-allocation-only" } as const]
      : []),
  ];
}

type Words = NonNullable<ChangeCause["first"]>[number];

function wordsOf({ pre, post }: InstructionRow, { pre: before, post: after, arch }: CauseContext): Words {
  const words = (one: Instruction, span: Span, other: Instruction | undefined): Words["pre"] => ({
    offset: one.offset - span.entry,
    text: instructionText(one, span, arch, other),
  });
  return {
    ...(pre === undefined ? {} : { pre: words(pre, before, post) }),
    ...(post === undefined ? {} : { post: words(post, after, pre) }),
  };
}

/** Causes outside the function's own code: tables, its parts, places of what it refers to. */
function otherCauses({ reasons, pre }: CauseContext, hasOwn: boolean): ChangeCause[] {
  const tables = new Set<string>();
  const rest = new Map<string, ChangeCause>();
  for (const { kind, within, pre: was, post: is } of reasons) {
    if (kind === "target-replaced") rest.set(`${kind} ${was} ${is}`, { kind, pre: was, post: is });
    else if (kind === "part-changed" || kind === "middle-reference")
      rest.set("part-of-parent", partCause(was.replace(/\+(0x)?[0-9a-f]+$/, ""), pre.name));
    // Entries move with the instructions that they point to.
    else if (within !== undefined && !(hasOwn && kind === "entry-moved")) tables.add(within);
  }
  return [
    ...[...tables].map((name): ChangeCause => ({ kind: "table-entry", name })),
    ...[...rest.values()].slice(0, SHOWN_OPERANDS),
  ];
}

/** The function that a part was cut from; of that function itself, which refers into its own part, no name. */
function partCause(told: string, own: string): ChangeCause {
  const name = told === own || told === "" ? parentFunction(own) : told;
  return { kind: "part-of-parent", ...(name === undefined ? {} : { name }) };
}
