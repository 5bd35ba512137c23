import { offsetOf } from "../arch/records.ts";
import type { ObjectDiff } from "../diff/diff.ts";
import type { Section } from "../elf/object.ts";
import { append } from "../lists.ts";
import { isCode } from "../spans/section-kind.ts";
import { OWNERS, type Owner, type Shares, type SideAccount, type Unexplained } from "./classes.ts";
import { meaningOf } from "./meaning.ts";
import { type RenamedSection, renamedSections } from "./names.ts";
import { ownSections, type Share, sectionTwins } from "./sections.ts";
import { ownSettled } from "./settled.ts";
import { ownSpans, type SpanOwners } from "./spans.ts";
import type { Told } from "./told.ts";
import { type View, viewOf } from "./view.ts";

/** Who answers for what in a pair of objects, and what nothing answers for. */
export interface Account {
  readonly pre: SideAccount;
  readonly post: SideAccount;
  readonly unexplained: readonly Unexplained[];
  /** Sections with another name and the same contents. */
  readonly renamed: readonly RenamedSection[];
}

/**
 * Gives every allocated byte and every relocation record of both sides to one owner. It takes which spans are held to be the
 * same and what the description tells, and judges by the files' own contents: a wrong pair, a difference set aside, a section
 * that was never looked at come out as `unexplained`.
 */
export function accountFor(diff: ObjectDiff, told: Told): Account {
  const pre = viewOf("pre", diff.pre.table, diff.pre.uses);
  const post = viewOf("post", diff.post.table, diff.post.uses);
  const twins = sectionTwins(pre, post);
  const meaning = meaningOf(diff, pre, post, twins);
  const spans = ownSpans(diff, pre, post, told, meaning);
  const sections = ownSections(diff, pre, post, told, meaning, spans, twins);
  const unexplained: Unexplained[] = spans.doubts.map(({ span, side, section, offset, pre: before, post: after }) => ({
    side,
    section,
    offset,
    name: span.symbol === undefined ? undefined : span.name,
    detail: `${before || "nothing"} becomes ${after || "nothing"}`,
  }));
  append(unexplained, sections.differences);
  const renamed = renamedSections(diff, pre, post, told, spans, twins, meaning.fragments);
  for (const { pre: section, post: other, isArray } of renamed) {
    const detail = `the section is called ${other.name} now, and a linker makes symbols of such a name`;
    if (isArray) unexplained.push({ side: "pre", section: section.name, offset: 0, name: undefined, detail });
  }
  const sums = { pre: new Sums(), post: new Sums() };
  append(
    unexplained,
    ownSettled({ pre, post, ...meaning, isNoise: () => false }, twins, (side, owner, bytes, records) =>
      sums[side].add(owner, bytes, records),
    ),
  );
  const sides = [pre, post].map((view) =>
    tally(view, spans[view.side], sections[view.side], unexplained, sums[view.side]),
  );
  return { pre: sides[0] as SideAccount, post: sides[1] as SideAccount, unexplained, renamed };
}

/** The account of an object that only one side has, or that is the same on both: all of it has one owner. */
export function accountAs(owner: Owner, diff: ObjectDiff, side: "pre" | "post"): SideAccount {
  const view = viewOf(side, diff[side].table, diff[side].uses);
  const sums = new Sums();
  for (const section of view.allocated) sums.add(owner, section.size, view.recordsOf(section).count);
  return { ...sums.shares(), ...sizeOf(view) };
}

/** What there is to account for, from the section headers and the tables of records alone. */
function sizeOf(view: View): Pick<SideAccount, "allocated" | "records"> {
  return {
    allocated: view.allocated.reduce((sum, { size }) => sum + size, 0),
    records: view.allocated.reduce((sum, section) => sum + view.recordsOf(section).count, 0),
  };
}

/** Adds up one side; what no span and no part of a section covers is filler, or has no owner. */
function tally(
  view: View,
  owners: SpanOwners["pre"],
  shares: ReadonlyMap<number, readonly Share[]>,
  unexplained: Unexplained[],
  sums: Sums,
): SideAccount {
  for (const section of view.allocated) {
    if (view.isSettled(section.index)) continue;
    const records = view.recordsOf(section);
    let at = 0;
    let record = 0;
    const give = (to: number, owner: Owner): void => {
      if (to <= at) return;
      const first = record;
      if (to >= section.size) record = records.count;
      else while (record < records.count && offsetOf(records, record) < to) record++;
      sums.add(owner, to - at, record - first);
      at = to;
    };
    const cover = (from: number, to: number, owner: Owner): void => {
      if (from > at) give(from, fill(from));
      give(to, owner);
    };
    const fill = (to: number): Owner => {
      const owner = fillerOwner(view, section, at, to);
      if (owner === "unexplained") {
        const detail = `${to - at} bytes that belong to nothing`;
        unexplained.push({ side: view.side, section: section.name, offset: at, name: undefined, detail });
      }
      return owner;
    };
    for (const span of view.table.spansOf(section.index))
      cover(span.offset, span.offset + span.size, owners[span.id] ?? "unexplained");
    const parts = shares.get(section.index);
    if (parts !== undefined)
      for (const { from, to, owner } of parts.length > 1 ? [...parts].sort((a, b) => a.from - b.from) : parts)
        cover(from, to, owner);
    if (section.size > at) give(section.size, fill(section.size));
    if (records.count > record) sums.add("padding", 0, records.count - record);
  }
  return { ...sums.shares(), ...sizeOf(view) };
}

/** Sums by owner. */
class Sums {
  readonly #bytes = new Map<Owner, number>();
  readonly #records = new Map<Owner, number>();

  add(owner: Owner, bytes: number, records: number): void {
    if (bytes > 0) this.#bytes.set(owner, (this.#bytes.get(owner) ?? 0) + bytes);
    if (records > 0) this.#records.set(owner, (this.#records.get(owner) ?? 0) + records);
  }

  shares(): Pick<SideAccount, "bytes" | "relocations"> {
    const inOrder = (sums: ReadonlyMap<Owner, number>): Shares =>
      Object.fromEntries(OWNERS.flatMap((owner) => (sums.has(owner) ? [[owner, sums.get(owner)]] : [])));
    return { bytes: inOrder(this.#bytes), relocations: inOrder(this.#records) };
  }
}

/** Filler between things: zeros, and in code what does nothing. */
function fillerOwner(view: View, section: Section, from: number, to: number): Owner {
  const { bytes, index } = section;
  if (bytes.length === 0) return "padding";
  const isHoldingCode = isCode(view.table.kinds[index] ?? "metadata");
  const isFiller = (start: number, end: number): boolean =>
    start >= end ||
    (isHoldingCode ? view.arch.isPadding(bytes, start, end) : bytes.subarray(start, end).every((byte) => byte === 0));
  const made = (view.table.linkerMade.get(index) ?? []).filter((range) => range.from < to && range.to > from);
  let at = from;
  // Between stubs of the linker there may be filler only.
  for (const range of made) {
    if (!isFiller(at, range.from)) return "unexplained";
    at = Math.max(at, range.to);
  }
  if (!isFiller(at, to)) return "unexplained";
  return made.length > 0 ? "regenerated" : "padding";
}
