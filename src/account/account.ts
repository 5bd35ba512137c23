import type { ObjectDiff } from "../diff/diff.ts";
import type { Section } from "../elf/object.ts";
import { append } from "../lists.ts";
import { isCode } from "../spans/section-kind.ts";
import type { Owner, Shares, SideAccount, Unexplained } from "./classes.ts";
import { meaningOf } from "./meaning.ts";
import { type RenamedSection, renamedSections } from "./names.ts";
import { firstRecord } from "./records.ts";
import { ownSections, type Share, sectionTwins } from "./sections.ts";
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
  const sides = [pre, post].map((view) => tally(view, spans[view.side], sections[view.side], unexplained));
  return { pre: sides[0] as SideAccount, post: sides[1] as SideAccount, unexplained, renamed };
}

/** The account of an object that only one side has, or that is the same on both: all of it has one owner. */
export function accountAs(owner: Owner, diff: ObjectDiff, side: "pre" | "post"): SideAccount {
  const view = viewOf(side, diff[side].table, diff[side].uses);
  const bytes: Shares = {};
  const relocations: Shares = {};
  for (const section of view.allocated) {
    add(bytes, owner, section.size);
    add(relocations, owner, view.recordsOf(section).count);
  }
  return { bytes, relocations, ...sizeOf(view) };
}

/** What there is to account for, from the section headers and the tables of records alone. */
function sizeOf(view: View): Pick<SideAccount, "allocated" | "records"> {
  return {
    allocated: view.allocated.reduce((sum, { size }) => sum + size, 0),
    records: view.allocated.reduce((sum, section) => sum + view.recordsOf(section).count, 0),
  };
}

function add(shares: Shares, owner: Owner, amount: number): void {
  if (amount > 0) shares[owner] = (shares[owner] ?? 0) + amount;
}

/** Adds up one side; what no span and no part of a section covers is filler, or has no owner. */
function tally(
  view: View,
  owners: SpanOwners["pre"],
  shares: ReadonlyMap<number, readonly Share[]>,
  unexplained: Unexplained[],
): SideAccount {
  const bytes: Shares = {};
  const relocations: Shares = {};
  for (const section of view.allocated) {
    const records = view.recordsOf(section);
    const give = (from: number, to: number, owner: Owner): void => {
      add(bytes, owner, to - from);
      if (records.count === 0) return;
      const end = to >= section.size ? records.count : firstRecord(records, to);
      add(relocations, owner, end - firstRecord(records, from));
    };
    let at = 0;
    const made = view.table.linkerMade.get(section.index) ?? [];
    const fill = (to: number): void => {
      for (const { from, to: end } of made) {
        if (from < at || end > to) continue;
        fillGap(from);
        give(from, end, "regenerated");
        at = end;
      }
      fillGap(to);
    };
    const fillGap = (to: number): void => {
      if (to <= at) return;
      const owner = fillerOwner(view, section, at, to);
      if (owner === "unexplained") {
        const detail = `${to - at} bytes that belong to nothing`;
        unexplained.push({ side: view.side, section: section.name, offset: at, name: undefined, detail });
      }
      give(at, to, owner);
      at = to;
    };
    const cover = (from: number, to: number, owner: Owner): void => {
      fill(from);
      if (to > at) give(Math.max(from, at), to, owner);
      at = Math.max(at, to);
    };
    for (const span of view.table.spansOf(section.index))
      cover(span.offset, span.offset + span.size, owners[span.id] ?? "unexplained");
    for (const { from, to, owner } of [...(shares.get(section.index) ?? [])].sort((a, b) => a.from - b.from))
      cover(from, to, owner);
    fill(section.size);
    if (section.size === 0) add(relocations, "padding", records.count);
  }
  return { bytes, relocations, ...sizeOf(view) };
}

/** Filler between things: zeros, and in code what does nothing. */
function fillerOwner(view: View, section: Section, from: number, to: number): Owner {
  const { bytes, index } = section;
  if (bytes.length === 0) return "padding";
  const isFiller = isCode(view.table.kinds[index] ?? "metadata")
    ? view.arch.isPadding(bytes, from, to)
    : bytes.subarray(from, to).every((byte) => byte === 0);
  return isFiller ? "padding" : "unexplained";
}
