import type { ObjectDiff } from "../diff/diff.ts";
import { SHF } from "../elf/constants.ts";
import { spanAt } from "../spans/references.ts";
import type { Span, SpanTable } from "../spans/span.ts";

/**
 * Something that the loader, the linker or a tool reads of a file, beside the contents of its sections, and that differs.
 * `changed`: what runs, or is started or linked from now on, acts otherwise; `noted`: no running code depends on it.
 */
export interface Fact {
  readonly weight: "changed" | "noted";
  /** What the fact is about: a header, a table's entry, a section, a symbol. */
  readonly subject: string;
  /** From what to what, and where it is not plain, what follows from it. */
  readonly detail: string;
}

/** `A becomes B`, with `nothing` for what a side does not have. */
export function becomes(pre: string | undefined, post: string | undefined): string {
  return `${pre || "nothing"} becomes ${post || "nothing"}`;
}

/** A place in a linked image as both sides can name it. */
interface Spot {
  readonly span: Span | undefined;
  readonly distance: number;
  readonly words: string;
}

/** The place of an address of a linked image. */
function spotAt({ object, spansOf }: SpanTable, address: bigint): Spot {
  const section = object.sections.find(
    ({ addr, size, flags }) =>
      (flags & SHF.ALLOC) !== 0n && (flags & SHF.TLS) === 0n && address >= addr && address < addr + BigInt(size),
  );
  if (section === undefined) return { span: undefined, distance: Number(address), words: `0x${address.toString(16)}` };
  const offset = Number(address - section.addr);
  const span = spanAt(spansOf(section.index), offset);
  if (span !== undefined && offset < span.offset + Math.max(span.size, 1)) {
    const distance = offset - span.offset - span.entry;
    const named = span.symbol === undefined ? `${section.name}+0x${offset.toString(16)}` : span.name;
    return { span, distance, words: distance === 0 || span.symbol === undefined ? named : `${span.name}+${distance}` };
  }
  return { span: undefined, distance: offset, words: `${section.name}+0x${offset.toString(16)}` };
}

/**
 * Compares what two addresses stand for; undefined: the same thing, by the pairs that were found, or one that only this side
 * has and one that only the other has, by one name: these are told as deleted and new.
 */
export function placeChange({ pre, post, pairing }: ObjectDiff, from: bigint, to: bigint): string | undefined {
  const [old, now] = [spotAt(pre.table, from), spotAt(post.table, to)];
  const isSame =
    old.span === undefined || now.span === undefined
      ? old.span === now.span && old.words === now.words
      : (pairing.postOf[old.span.id] ??
          (pairing.preOf[now.span.id] === undefined && old.span.name === now.span.name)) &&
        (pairing.postOf[old.span.id] ?? now.span) === now.span &&
        old.distance === now.distance;
  return isSame ? undefined : becomes(old.words, now.words === old.words ? `another ${now.words}` : now.words);
}
