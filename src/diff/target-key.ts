import type { Span, SpanRelocation } from "../spans/span.ts";
import { stringBytes } from "../spans/strings.ts";
import type { Pairing } from "./pairing.ts";

/** What a reference means, in words that are equal on both sides when the meaning is. */
export function targetKey(relocation: SpanRelocation, self: Span, pairing: Pairing, isPost: boolean): string {
  const slot =
    relocation.target?.kind === "toc" && relocation.target !== self ? relocation.target.relocations[0] : undefined;
  if (slot !== undefined && slot.target?.kind !== "toc")
    return `${relocation.howto.family} ${relocation.targetOffset} slot ${targetKey(slot, self, pairing, isPost)}`;
  const { target, symbol, targetAddend, howto } = relocation;
  if (relocation.anchor !== undefined) return `${howto.family} anchor`;
  if (target === undefined) return `${howto.family} ${symbol?.name ?? ""} ${targetAddend}`;
  const shape = `${howto.family} +${relocation.targetOffset}`;
  if (target === self) return `${shape} self`;
  const text = stringBytes(target, relocation.targetOffset);
  if (text !== undefined) return `${howto.family} ${Buffer.from(text).toString("latin1")}`;
  const pre = isPost ? pairing.preOf[target.id] : pairing.postOf[target.id] === undefined ? undefined : target;
  return pre === undefined ? `${shape} free ${target.kind} ${target.size}` : `${shape} #${pre.id}`;
}

/** All that a span refers to, in words that are equal on both sides when the references are. */
export function targetsKey(span: Span, pairing: Pairing, isPost: boolean): string {
  return span.relocations
    .map((relocation) => `${relocation.offset} ${targetKey(relocation, span, pairing, isPost)}`)
    .join("\n");
}
