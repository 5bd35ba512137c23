import type { DifferenceKind } from "../../contract/names/reasons.ts";
import { type Difference, hexBytes, MOST_REASONS } from "../../diff/difference.ts";
import { relocationText } from "../../disasm/first.ts";
import type { Instruction } from "../../disasm/instruction.ts";
import type { Span, SpanRelocation } from "../../spans/span.ts";
import type { ChangedRow } from "./changed-rows.ts";

/** Kinds of differences that a comparison place by place finds in the code itself. */
const IN_PLACE: ReadonlySet<string> = new Set([
  "bytes",
  "relocation-added",
  "relocation-removed",
  "relocation-type",
  "relocation-target",
]);

/**
 * The reasons of a changed function, instruction by instruction: behind the first one that was inserted nothing stands where it
 * stood, and what only moved is no reason: neither an instruction nor an entry of a table. Offsets count in pre; an inserted instruction has that of the one behind it. Where
 * alignment finds nothing, the differences stay as they were found.
 */
export function alignedReasons(
  reasons: readonly Difference[],
  rows: readonly ChangedRow[],
  pre: Span,
): readonly Difference[] {
  if (rows.length === 0) return reasons;
  const isOther = ({ kind, within }: Difference): boolean =>
    kind !== "entry-moved" && (within !== undefined || !IN_PLACE.has(kind));
  const others = reasons.filter(isOther);
  const [sizes, rest] = [others.filter(({ kind }) => kind === "size"), others.filter(({ kind }) => kind !== "size")];
  const aligned: Difference[] = [];
  for (const { pre: before, post: after, preOffset } of rows) {
    if (aligned.length >= MOST_REASONS) break;
    rowReasons(aligned, Math.min(preOffset, pre.size), before, after);
  }
  return [...sizes, ...aligned.slice(0, MOST_REASONS), ...rest].slice(0, MOST_REASONS);
}

function rowReasons(
  reasons: Difference[],
  offset: number,
  before: Instruction | undefined,
  after: Instruction | undefined,
): void {
  const add = (kind: DifferenceKind, at: number, pre: string, post: string): void => {
    reasons.push({ kind, offset: at, pre, post, within: undefined });
  };
  const fieldAt = (one: SpanRelocation, owner: Instruction): number => offset + one.offset - owner.offset;
  const [from, was, is] = differingBytes(before?.bytes ?? NONE, after?.bytes ?? NONE);
  if (was !== is) add("bytes", offset + from, was, is);
  const [old, fresh] = [before?.relocations ?? [], after?.relocations ?? []];
  for (let i = 0; i < Math.max(old.length, fresh.length); i++) {
    const [a, b] = [old[i], fresh[i]];
    const [pre, post] = [a && relocationText(a, b), b && relocationText(b, a)];
    if (a !== undefined && b !== undefined && before !== undefined) {
      if (a.howto.family !== b.howto.family) add("relocation-type", fieldAt(a, before), pre ?? "", post ?? "");
      else if (pre !== post) add("relocation-target", fieldAt(a, before), pre ?? "", post ?? "");
    } else if (a !== undefined && before !== undefined && pre !== "")
      add("relocation-removed", fieldAt(a, before), pre ?? "", "");
    else if (b !== undefined && after !== undefined && post !== "")
      add("relocation-added", fieldAt(b, after), "", post ?? "");
  }
}

const NONE = new Uint8Array(0);

/** Where two instructions begin to differ, and their bytes in hexadecimal: of equally long ones only those up to the last that differs. */
function differingBytes(pre: Uint8Array, post: Uint8Array): readonly [from: number, pre: string, post: string] {
  let [from, to] = [0, pre.length];
  if (pre.length === post.length) {
    while (from < to && pre[from] === post[from]) from++;
    while (to > from && pre[to - 1] === post[to - 1]) to--;
  }
  const after = pre.length === post.length ? to : post.length;
  return [from, hexBytes(pre, from, to - from), hexBytes(post, from, after - from)];
}
