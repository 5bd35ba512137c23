import type { ObjectDiff } from "../diff/diff.ts";
import type { Section } from "../elf/object.ts";
import { addTo } from "../grouping.ts";
import type { Export, Span } from "../spans/span.ts";
import { derivedOwner, type Owner, type Unexplained } from "./classes.ts";
import { compareStretches, type Gap, type Judge, type Stretch, stretch } from "./compare.ts";
import { type Frame, framesOf } from "./frames.ts";
import type { Meaning } from "./meaning.ts";
import type { SpanOwners } from "./spans.ts";
import type { Told } from "./told.ts";
import type { SectionTwins } from "./twins.ts";
import type { View } from "./view.ts";

/** A part of a section without spans, and who answers for it. */
export interface Share {
  readonly from: number;
  readonly to: number;
  readonly owner: Owner;
}

/** Parts by section index, in offset order; what they leave out is for the section's neighbours to explain. */
export interface SectionOwners {
  readonly pre: ReadonlyMap<number, readonly Share[]>;
  readonly post: ReadonlyMap<number, readonly Share[]>;
  readonly differences: readonly Unexplained[];
}

/** Sections of post by those of pre: of equal names the first to the first. */
export function sectionTwins(pre: View, post: View): SectionTwins {
  const twins = new Map<number, number>();
  // Most sections come in the same order on both sides.
  let same = 0;
  for (; same < pre.allocated.length && pre.allocated[same]?.name === post.allocated[same]?.name; same++)
    twins.set((pre.allocated[same] as Section).index, (post.allocated[same] as Section).index);
  const waiting = new Map<string, number[]>();
  for (const { name, index } of post.allocated.slice(same)) {
    addTo(waiting, name, index);
  }
  for (const list of waiting.values()) list.reverse();
  for (const { name, index } of pre.allocated.slice(same)) {
    const twin = waiting.get(name)?.pop();
    if (twin !== undefined) twins.set(index, twin);
  }
  return twins;
}

/** Asks of every allocated section without spans who answers for it: tables by their entries, frames by their functions, the rest as a whole. */
export function ownSections(
  { pairing }: ObjectDiff,
  pre: View,
  post: View,
  told: Told,
  meaning: Meaning,
  spans: SpanOwners,
  twins: SectionTwins,
): SectionOwners {
  const shares = { pre: new Map<number, Share[]>(), post: new Map<number, Share[]>() };
  const differences: Unexplained[] = [];
  const judge: Judge = { pre, post, ...meaning, isNoise: () => false };
  const exported: Partial<Record<"pre" | "post", ReadonlyMap<string, Export>>> = {};
  const exporting: Partial<Record<"pre" | "post", Map<Section, Export[]>>> = {};
  const ofPost = new Set(twins.values());
  for (const section of pre.allocated) {
    if (isForSpans(pre, section) || pre.isSettled(section.index)) continue;
    const twin = twins.get(section.index);
    const other = twin === undefined ? undefined : post.object.sections[twin];
    ownPair(section, other !== undefined && isForSpans(post, other) ? undefined : other);
  }
  for (const section of post.allocated)
    if (
      !isForSpans(post, section) &&
      !post.isSettled(section.index) &&
      (!ofPost.has(section.index) || !isDone(section))
    )
      ownPair(undefined, section);
  return { ...shares, differences };

  function isForSpans(view: View, section: Section): boolean {
    return view.table.spansOf(section.index).length > 0;
  }

  function isDone(section: Section): boolean {
    return shares.post.has(section.index);
  }

  function give(side: "pre" | "post", section: Section | undefined, from: number, to: number, owner: Owner): void {
    if (section === undefined) return;
    addTo(shares[side], section.index, { from, to, owner });
  }

  function refuse(side: "pre" | "post", section: Section, offset: number, gap: Gap, name?: string): void {
    differences.push({ side, section: section.name, offset: offset + gap.offset, name, detail: words(gap) });
  }

  function ownPair(a: Section | undefined, b: Section | undefined): void {
    const section = (a ?? b) as Section;
    const view = a === undefined ? post : pre;
    const kind = view.table.kinds[section.index];
    const derived = derivedOwner(section.name, view.object);
    const isTable = (a && hasEntries(pre, a)) || (b && hasEntries(post, b));
    if (derived !== undefined) giveWhole(a, b, derived);
    else if ((kind === "hook" || kind === "directive") && a === undefined) giveWhole(a, b, "reported");
    else if (kind === "export") ownExports(a, b);
    else if (/^___?kcrctab/.test(section.name)) ownChecksums(a, b);
    else if (kind === "unwind" && ownFrames(a, b)) return;
    else if (isTable) ownEntries(a, b);
    else ownWhole(a, b);
  }

  function giveWhole(a: Section | undefined, b: Section | undefined, owner: Owner): void {
    give("pre", a, 0, a?.size ?? 0, owner);
    give("post", b, 0, b?.size ?? 0, owner);
  }

  function ownWhole(a: Section | undefined, b: Section | undefined): void {
    if (a === undefined || b === undefined) {
      const [side, section] = a === undefined ? (["post", b as Section] as const) : (["pre", a] as const);
      const isKnown = section.size === 0 || told.sections.has(section.name);
      if (!isKnown) refuse(side, section, 0, oneSided(side, section.size));
      giveWhole(a, b, isKnown ? "reported" : "unexplained");
      return;
    }
    const gap = compareStretches(stretch(a, 0, a.size), stretch(b, 0, b.size), judge);
    const isTold = gap !== undefined && told.sections.has(a.name);
    const owner =
      gap === undefined ? "equal" : isTold ? "reported" : a.name === ".modinfo" ? "metadata" : "unexplained";
    if (gap !== undefined && owner === "unexplained") refuse("pre", a, 0, gap);
    giveWhole(a, b, owner);
  }

  /** Entries go with their owners, which were compared with them; what belongs to no code is compared in its order. */
  function ownEntries(a: Section | undefined, b: Section | undefined): void {
    const left = a === undefined ? [] : giveEntries(pre, a, spans.pre);
    const right = b === undefined ? [] : giveEntries(post, b, spans.post);
    ownInOrder(a, b, left, right, "table");
  }

  function giveEntries(view: View, section: Section, owners: SpanOwners["pre"]): Stretch[] {
    const rest: Stretch[] = [];
    if (spans.doubts.length === 0 && view.ownedBytes(section.index) === section.size) {
      give(view.side, section, 0, section.size, "table");
      return rest;
    }
    let at = 0;
    for (const { entry, owner } of view.entriesOf(section.index)) {
      if (entry.offset > at) rest.push(stretch(section, at, entry.offset));
      const isOpen = owners[owner.id] === "unexplained";
      give(view.side, section, entry.offset, entry.offset + entry.size, isOpen ? "unexplained" : "table");
      at = entry.offset + entry.size;
    }
    if (at < section.size) rest.push(stretch(section, at, section.size));
    return rest;
  }

  function ownInOrder(
    a: Section | undefined,
    b: Section | undefined,
    left: readonly Stretch[],
    right: readonly Stretch[],
    owner: Owner,
  ): void {
    for (let i = 0; i < Math.max(left.length, right.length); i++) {
      const [x, y] = [left[i], right[i]];
      const gap =
        x === undefined || y === undefined
          ? oneSided(x === undefined ? "post" : "pre", lengthOf((x ?? y) as Stretch))
          : compareStretches(x, y, judge);
      const isFine = gap === undefined || [x, y].every((one) => one === undefined || isZero(one));
      if (!isFine) refuse(x === undefined ? "post" : "pre", (x ?? y)?.section as Section, (x ?? y)?.from ?? 0, gap);
      if (x !== undefined) give("pre", a, x.from, x.to, isFine ? owner : "unexplained");
      if (y !== undefined) give("post", b, y.from, y.to, isFine ? owner : "unexplained");
    }
  }

  function ownExports(a: Section | undefined, b: Section | undefined): void {
    const before = a === undefined ? [] : exportsIn(pre, a);
    const after = b === undefined ? [] : exportsIn(post, b);
    for (const [side, list, others] of [
      ["pre", before, post],
      ["post", after, pre],
    ] as const) {
      for (const one of list) {
        const twin = exportsOf(others).get(one.name);
        const isTold = told.exports.has(one.name);
        const gap = isTold ? undefined : exportGap(one, twin, side);
        if (gap !== undefined && side === "pre") refuse(side, one.section, one.offset, gap, one.name);
        if (gap !== undefined && twin === undefined && side === "post")
          refuse(side, one.section, one.offset, gap, one.name);
        give(side, one.section, one.offset, one.offset + one.size, gap === undefined ? "export" : "unexplained");
      }
    }
    if (a !== undefined && before.length === 0) ownWhole(a, b);
    else if (b !== undefined && after.length === 0) ownWhole(undefined, b);
  }

  function exportsIn(view: View, section: Section): readonly Export[] {
    let known = exporting[view.side];
    if (known === undefined) {
      known = new Map<Section, Export[]>();
      for (const one of view.table.exports) {
        addTo(known, one.section, one);
      }
      exporting[view.side] = known;
    }
    return known.get(section) ?? [];
  }

  function exportsOf(view: View): ReadonlyMap<string, Export> {
    const known = exported[view.side] ?? new Map(view.table.exports.map((one) => [one.name, one]));
    exported[view.side] = known;
    return known;
  }

  function exportGap(one: Export, twin: Export | undefined, side: "pre" | "post"): Gap | undefined {
    if (twin === undefined) return oneSided(side, one.size);
    const [x, y] = side === "pre" ? [one, twin] : [twin, one];
    const of = (it: Export): Stretch => stretch(it.section, it.offset, it.offset + it.size, it.relocations);
    return compareStretches(of(x), of(y), judge);
  }

  /** Version checksums: a word for each `__crc_NAME`. Linux: include/linux/export.h. */
  function ownChecksums(a: Section | undefined, b: Section | undefined): void {
    const before = a === undefined ? [] : checksumsOf(pre, a);
    const after = b === undefined ? [] : checksumsOf(post, b);
    if ((a !== undefined && before.length === 0) || (b !== undefined && after.length === 0)) {
      ownWhole(a, b);
      return;
    }
    const byName = (list: typeof before) => new Map(list.map((one) => [one.name, one.words]));
    for (const [side, list, others] of [
      ["pre", before, byName(after)],
      ["post", after, byName(before)],
    ] as const) {
      for (const { name, words: one } of list) {
        const twin = others.get(name);
        const gap =
          twin === undefined
            ? oneSided(side, lengthOf(one))
            : side === "pre"
              ? compareStretches(one, twin, judge)
              : compareStretches(twin, one, judge);
        const isFine = gap === undefined || told.exports.has(name);
        if (!isFine && (side === "pre" || twin === undefined)) refuse(side, one.section, one.from, gap, name);
        give(side, one.section, one.from, one.to, isFine ? "export" : "unexplained");
      }
    }
  }

  /** Frames go with their functions. False when the section is of no known form. */
  function ownFrames(a: Section | undefined, b: Section | undefined): boolean {
    const left = a === undefined ? [] : framesOf(pre, a);
    const right = b === undefined ? [] : framesOf(post, b);
    if (left === undefined || right === undefined || (left.length === 0 && right.length === 0)) return false;
    const waiting = new Map<Span, Frame[]>();
    for (const frame of right) {
      if (frame.owner === undefined) continue;
      addTo(waiting, frame.owner, frame);
    }
    const matched = new Map<Frame, Owner>();
    const shared = { pre: sharedParts(a, left), post: sharedParts(b, right) };
    const common = { pre: commonParts(a, left), post: commonParts(b, right) };
    for (const frame of left) {
      const { owner, from, to } = frame;
      if (owner === undefined) {
        give("pre", a, from, to, ownerOfShared(a as Section, frame, shared.post));
        continue;
      }
      const twin = pairing.postOf[owner.id] ?? meaning.fragments.get(owner);
      const other = twin === undefined ? undefined : waiting.get(twin)?.shift();
      const state = spans.pre[owner.id];
      const gap =
        state === "reported" || state === "noise" || state === "unexplained"
          ? undefined
          : other === undefined
            ? oneSided("pre", to - from)
            : frameGap(a as Section, frame, b as Section, other, common);
      if (gap !== undefined) refuse("pre", a as Section, frame.body, gap, owner.name);
      const who: Owner = gap === undefined ? (state ?? "unexplained") : "unexplained";
      give("pre", a, from, to, who);
      if (other !== undefined) matched.set(other, who);
    }
    for (const frame of right) {
      const { owner, from, to } = frame;
      if (owner === undefined) give("post", b, from, to, ownerOfShared(b as Section, frame, shared.pre));
      else {
        const state = matched.get(frame) ?? spans.post[owner.id];
        const isLone = !matched.has(frame) && state !== "reported" && state !== "unexplained";
        if (isLone) refuse("post", b as Section, frame.body, oneSided("post", to - from), owner.name);
        give("post", b, from, to, isLone ? "unexplained" : (state ?? "unexplained"));
      }
    }
    const rest = (section: Section | undefined, frames: readonly Frame[]): Stretch[] => {
      const end = frames.at(-1)?.to ?? 0;
      return section === undefined || end >= section.size ? [] : [stretch(section, end, section.size)];
    };
    ownInOrder(a, b, rest(a, left), rest(b, right), "padding");
    return true;
  }

  /** What frames share: equal on the other side, else used by new frames only, for each unchanged frame was compared with it. */
  function ownerOfShared(section: Section, frame: Frame, others: ReadonlySet<string>): Owner {
    if (frame.to - frame.from <= 4) return "padding";
    return others.has(contents(section, frame)) ? "equal" : "regenerated";
  }

  function frameGap(
    a: Section,
    x: Frame,
    b: Section,
    y: Frame,
    common: Record<"pre" | "post", ReadonlyMap<number, Uint8Array>>,
  ): Gap | undefined {
    const bodies = compareStretches(trimmed(a, x.body, x.to), trimmed(b, y.body, y.to), judge);
    if (bodies !== undefined || x.shared === undefined || y.shared === undefined) return bodies;
    const [from, to] = [common.pre.get(x.shared), common.post.get(y.shared)];
    if (from !== undefined && to !== undefined && Buffer.compare(from, to) === 0) {
      // Personality routines are named by records.
      const gap = compareStretches(
        stretch(a, x.shared, x.shared + from.length),
        stretch(b, y.shared, y.shared + to.length),
        judge,
      );
      return gap && { ...gap, offset: x.shared - x.body + gap.offset };
    }
    const hex = (bytes: Uint8Array | undefined): string => (bytes ? Buffer.from(bytes).toString("hex") : "");
    return { offset: x.shared - x.body, pre: hex(from), post: hex(to) };
  }
}

function oneSided(side: "pre" | "post", size: number): Gap {
  return { offset: 0, pre: side === "pre" ? `${size} bytes` : "", post: side === "post" ? `${size} bytes` : "" };
}

/** Whether entries of a section belong to code, read or settled. */
function hasEntries(view: View, { index }: Section): boolean {
  return view.ownedBytes(index) > 0 || view.table.settledEntries.has(index);
}

function words({ pre, post }: Gap): string {
  return `${pre || "nothing"} becomes ${post || "nothing"}`;
}

function lengthOf({ from, to }: Stretch): number {
  return to - from;
}

function isZero({ section, from, to }: Stretch): boolean {
  return section.bytes.subarray(from, to).every((byte) => byte === 0);
}

function sharedParts(section: Section | undefined, frames: readonly Frame[]): ReadonlySet<string> {
  return new Set(
    section === undefined
      ? []
      : frames.filter(({ owner }) => owner === undefined).map((frame) => contents(section, frame)),
  );
}

function contents({ bytes }: Section, { from, to }: Frame): string {
  return Buffer.from(bytes.subarray(from, to)).toString("latin1");
}

/** The records that frames share, by their places. */
function commonParts(section: Section | undefined, frames: readonly Frame[]): ReadonlyMap<number, Uint8Array> {
  const common = frames.filter(({ owner, shared }) => owner === undefined && shared === undefined);
  return new Map(common.map(({ from, to }) => [from, (section as Section).bytes.subarray(from, to)]));
}

/** Frames end in filler (DW_CFA_nop), as much as alignment needs. */
function trimmed(section: Section, from: number, to: number): Stretch {
  let end = to;
  while (end > from && section.bytes[end - 1] === 0) end--;
  return stretch(section, from, end);
}

/** The words of a table of checksums, by the names of their symbols. */
function checksumsOf(view: View, section: Section): { readonly name: string; readonly words: Stretch }[] {
  const symbols = [...view.checksumsOf(section.index)].sort((a, b) => Number(a.value - b.value));
  if (symbols[0] === undefined || symbols[0].value !== 0n) return [];
  return symbols.map(({ name, value }, i) => ({
    name: name.slice("__crc_".length),
    words: stretch(section, Number(value), Number(symbols[i + 1]?.value ?? BigInt(section.size))),
  }));
}
