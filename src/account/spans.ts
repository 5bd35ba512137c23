import type { ObjectDiff } from "../diff/diff.ts";
import type { Difference } from "../diff/difference.ts";
import type { Section } from "../elf/object.ts";
import { functionBase, variableBase } from "../spans/names.ts";
import { isCode, isComparedByContents } from "../spans/section-kind.ts";
import type { Span, TableEntry } from "../spans/span.ts";
import { EXCEPTION_TABLE } from "../spans/special.ts";
import { isStringSpan } from "../spans/strings.ts";
import type { Owner } from "./classes.ts";
import { compareStretches, type Gap, type Judge, recordsToLookAt, type Stretch, stretch } from "./compare.ts";
import { type Identity, identityOf } from "./identity.ts";
import { type LineWitness, lineWitness } from "./lines.ts";
import { type Meaning, slotKey } from "./meaning.ts";
import type { Told } from "./told.ts";
import type { View } from "./view.ts";

/** A span that differs untold, or that one side lacks. */
interface SpanDoubt {
  readonly span: Span;
  readonly side: "pre" | "post";
  /** In the section that the gap lies in: the span's, or that of one of its table entries. */
  readonly section: string;
  readonly offset: number;
  readonly pre: string;
  readonly post: string;
}

/** Who answers for each span, by its id. */
export interface SpanOwners {
  readonly pre: readonly (Owner | undefined)[];
  readonly post: readonly (Owner | undefined)[];
  readonly doubts: readonly SpanDoubt[];
}

const NEVER = (): boolean => false;
const NO_LINES: readonly Difference[] = [];

/** Asks of every span who answers for it: the description, a twin with the same contents, or noise that bears looking at. */
export function ownSpans(diff: ObjectDiff, pre: View, post: View, told: Told, meaning: Meaning): SpanOwners {
  return new SpanSweep(diff, pre, post, told, meaning).run();
}

class SpanSweep {
  readonly #diff: ObjectDiff;
  readonly #pre: View;
  readonly #post: View;
  readonly #told: Told;
  readonly #meaning: Meaning;
  readonly #identity: Identity;
  readonly #lines: LineWitness;
  readonly #ofPre: (Owner | undefined)[];
  readonly #ofPost: (Owner | undefined)[];
  readonly #doubts: SpanDoubt[] = [];
  readonly #judge: Judge;
  readonly #entryJudge: Judge;
  /** The entries that are compared, and what of them may be noise. */
  #entries!: [TableEntry, TableEntry];
  #acceptsInEntry: Judge["isNoise"] = () => false;
  /** Tables of pre with those of post that their entries were compared with, and the records in them that are not plainly equal. */
  readonly #tables = new Map<Section, { readonly twin: Section; readonly toLookAt: ReadonlySet<number> }>();
  /** Whether the pair that is compared differs in what noise tells; and what may be such noise. */
  #isNoise = false;
  #accepts: Judge["isNoise"] = () => false;
  readonly #dead = new Map<View["side"], ReadonlySet<string>>();

  constructor(diff: ObjectDiff, pre: View, post: View, told: Told, meaning: Meaning) {
    this.#diff = diff;
    this.#pre = pre;
    this.#post = post;
    this.#told = told;
    this.#meaning = meaning;
    this.#identity = identityOf(diff, pre, post);
    this.#lines = lineWitness(pre.arch);
    this.#ofPre = new Array(pre.table.spans.length);
    this.#ofPost = new Array(post.table.spans.length);
    const isNoise: Judge["isNoise"] = (offset, size) => {
      this.#isNoise = true;
      return this.#accepts(offset, size);
    };
    this.#judge = { pre, post, ...meaning, isNoise };
    this.#entryJudge = {
      ...this.#judge,
      isSame: (x, y) => meaning.isSame(x, y) || isWithoutCode(...this.#entries, pre, post),
      isNoise: (offset, size) => this.#acceptsInEntry(offset, size),
    };
  }

  run(): SpanOwners {
    const { postOf, preOf } = this.#diff.pairing;
    for (const span of this.#pre.table.spans) {
      const twin = postOf[span.id];
      if (twin === undefined || isShared(span)) continue;
      const owner = this.#ofPair(span, twin);
      this.#ofPre[span.id] = owner;
      this.#ofPost[twin.id] = owner;
    }
    for (const [span, offset] of this.#lines.refuted()) {
      const twin = postOf[span.id] as Span;
      this.#doubt(span, "pre", { offset, pre: "a line number", post: "one that contradicts the others" });
      this.#ofPre[span.id] = "unexplained";
      this.#ofPost[twin.id] = "unexplained";
    }
    for (const span of this.#pre.table.spans)
      if (postOf[span.id] === undefined && !isShared(span)) this.#ofPre[span.id] = this.#alone(span, "pre");
    for (const span of this.#post.table.spans)
      if (preOf[span.id] === undefined && !isShared(span)) this.#ofPost[span.id] = this.#alone(span, "post");
    // From here on everything is owned but what is known by its contents.
    this.#shared();
    return { pre: this.#ofPre, post: this.#ofPost, doubts: this.#doubts };
  }

  #doubt(span: Span, side: "pre" | "post", gap: Gap, within?: TableEntry): void {
    const section = within?.section ?? span.section;
    const offset = (within?.offset ?? span.offset) + gap.offset;
    this.#doubts.push({ span, side, section: section.name, offset, pre: gap.pre, post: gap.post });
  }

  /** What only one side has, and goes by its name. */
  #alone(span: Span, side: "pre" | "post"): Owner {
    if (this.#told.isTold(span, side)) return "reported";
    if (span.size === 0) return "equal";
    const words = `${span.size} bytes`;
    this.#doubt(span, side, { offset: 0, pre: side === "pre" ? words : "", post: side === "post" ? words : "" });
    return "unexplained";
  }

  #ofPair(p: Span, q: Span): Owner {
    const outcome = this.#diff.result.outcomes[p.id];
    // Most spans are equal: whether the description tells of one is asked only where it may.
    const isTold = outcome !== "unchanged" && this.#told.isTold(p, "pre");
    const doubt = this.#identity(p, q, isTold);
    // That symbols have other sizes is told beside the contents, which are compared all the same.
    const isOpen = doubt !== undefined && !(this.#told.isResized(p, "pre") && !this.#identity(p, q, true));
    if (isOpen) {
      this.#doubt(p, "pre", { offset: 0, ...doubt });
      return "unexplained";
    }
    if (isTold) return "reported";
    if (p.name !== q.name && !this.#isSameThing(p, q)) {
      this.#doubt(p, "pre", { offset: 0, pre: p.name, post: q.name });
      return "unexplained";
    }
    const lines = this.#diff.result.lines[p.id] ?? NO_LINES;
    const isReencoded = lines.length > 0 && lines.some(({ kind }) => kind === "encoding-only");
    this.#isNoise = false;
    const gap = isReencoded ? this.#reencoded(p, q) : this.#compareWhole(p, q, lines);
    if (gap !== undefined) {
      if (this.#told.isTold(p, "pre")) return "reported";
      this.#doubt(p, "pre", gap);
      return "unexplained";
    }
    if (!this.#hasSameEntries(p, q, lines, isReencoded)) return "unexplained";
    return this.#isNoise || isReencoded ? "noise" : "equal";
  }

  #compareWhole(p: Span, q: Span, lines: readonly Difference[]): Gap | undefined {
    this.#accepts = lines.length === 0 ? NEVER : (offset, size) => this.#lines.accept(p, q, offset, size, lines);
    return compareStretches(whole(p), whole(q), this.#judge);
  }

  /** Whether the description tells that one thing has two names, or the names are only the compiler's. */
  #isSameThing(p: Span, q: Span): boolean {
    if (p.symbol === undefined || q.symbol === undefined) return true;
    if (this.#told.isRenamed(p) || isRenumbered(p, q)) return true;
    return (
      p.symbols.some(({ symbol }) => symbol.name === q.name) || q.symbols.some(({ symbol }) => symbol.name === p.name)
    );
  }

  /** Instructions moved: what remains to be seen is that the records still come in the same order and mean the same. */
  #reencoded(p: Span, q: Span): Gap | undefined {
    const records = (span: Span) =>
      span.relocations.filter(({ symbol, howto }) => symbol !== undefined && howto.size > 0);
    const [a, b] = [records(p), records(q)];
    if (a.length !== b.length) return { offset: 0, pre: `${a.length} records`, post: `${b.length} records` };
    const wrong = a.findIndex((one, i) => {
      const other = b[i];
      return other === undefined || one.howto.family !== other.howto.family || !this.#meaning.isSameRead(one, other);
    });
    const gap = a[wrong];
    return gap && { offset: gap.offset, pre: gap.symbol?.name ?? "", post: b[wrong]?.symbol?.name ?? "" };
  }

  #hasSameEntries(p: Span, q: Span, lines: readonly Difference[], isReencoded: boolean): boolean {
    if (p.entries.length === 0 && q.entries.length === 0) return true;
    for (let i = 0; i < Math.max(p.entries.length, q.entries.length); i++) {
      const a = p.entries[i];
      const b = q.entries[i];
      if (a === undefined || b === undefined || a.section.name !== b.section.name) {
        const one = a ?? (b as TableEntry);
        if (this.#told.isTold(p, "pre")) return true;
        const words = { pre: a?.section.name ?? "", post: b?.section.name ?? "" };
        this.#doubt(a === undefined ? q : p, a === undefined ? "post" : "pre", { offset: 0, ...words }, one);
        return false;
      }
      // Offsets of call sites move with the instructions.
      if (isReencoded && a.table === EXCEPTION_TABLE) continue;
      if (this.#isAlike(a, b)) continue;
      const gap = this.#compareEntry(a, b, lines);
      if (gap === undefined) continue;
      if (this.#told.isTold(p, "pre")) return true;
      this.#doubt(p, "pre", gap, a);
      return false;
    }
    return true;
  }

  /** Whether two entries lie at the same place of two tables that are equal there, so that nothing has to be looked at. */
  #isAlike(a: TableEntry, b: TableEntry): boolean {
    if (a.offset !== b.offset || a.size !== b.size) return false;
    let known = this.#tables.get(a.section);
    if (known === undefined) {
      known = { twin: b.section, toLookAt: new Set(recordsToLookAt(a.section, b.section, this.#judge) ?? [-1]) };
      this.#tables.set(a.section, known);
    }
    const { twin, toLookAt } = known;
    if (twin !== b.section || toLookAt.has(-1)) return false;
    if (toLookAt.size === 0) return true;
    for (let at = a.offset; at < a.offset + a.size; at++) if (toLookAt.has(at)) return false;
    return true;
  }

  #compareEntry(a: TableEntry, b: TableEntry, lines: readonly Difference[]): Gap | undefined {
    this.#entries = [a, b];
    this.#acceptsInEntry = (offset, size) => {
      // The line number is two bytes; other bits are flags, which are told as such.
      if (a.table.policy !== "bug-line" || offset + size > a.bytes.length) return false;
      return lines.some(({ kind }) => kind === "bug-flags" || (kind === "bug-line" && size <= 2));
    };
    const size = Math.min(a.size, b.size);
    const isPadded = a.size !== b.size && isZeroFrom(a, size) && isZeroFrom(b, size);
    return compareStretches(
      asStretch(a, isPadded ? size : a.size),
      asStretch(b, isPadded ? size : b.size),
      this.#entryJudge,
    );
  }

  /** Strings, constants, slots and pieces of code: the same where their contents are, wherever they lie. */
  #shared(): void {
    const keys = { pre: new Set<string>(), post: new Set<string>() };
    const { pairing } = this.#diff;
    const nameOf = (side: "pre" | "post") => (span: Span) => {
      const twin = side === "pre" ? span : pairing.preOf[span.id];
      return twin === undefined || (side === "pre" && pairing.postOf[span.id] === undefined)
        ? `${side} ${contentsOf(span)}`
        : `#${twin.id}`;
    };
    const keyOf = (span: Span, view: View): string =>
      span.kind === "toc" ? slotKey(view, span, nameOf(view.side)) : contentsOf(span);
    const settled = new Set<Span>();
    for (const span of this.#pre.table.spans) {
      const twin = pairing.postOf[span.id];
      const isPlain = span.kind === "string" || span.kind === "constant" || span.kind === "export-string";
      if (twin === undefined || !isPlain || Buffer.compare(span.bytes, twin.bytes) !== 0) continue;
      settled.add(span).add(twin);
      this.#ofPre[span.id] = "equal";
      this.#ofPost[twin.id] = "equal";
    }
    // The contents of one side are looked up only for what has no equal twin on the other.
    const fill = (view: View): ReadonlySet<string> => {
      const set = keys[view.side];
      if (set.size === 0)
        for (const span of view.table.spans) if (isShared(span) && span.kind !== "fragment") set.add(keyOf(span, view));
      return set;
    };
    const reached = new Set(this.#meaning.fragments.values());
    for (const view of [this.#pre, this.#post]) {
      const { side } = view;
      const owners = side === "pre" ? this.#ofPre : this.#ofPost;
      const other = side === "pre" ? this.#post : this.#pre;
      for (const span of view.table.spans) {
        if (!isShared(span)) continue;
        const twin = side === "pre" ? pairing.postOf[span.id] : undefined;
        const doubt =
          twin !== undefined && span.symbols.length > 0
            ? this.#identity(span, twin, this.#told.isTold(span, side) || this.#told.isResized(span, side))
            : undefined;
        if (doubt !== undefined) {
          this.#doubt(span, side, { offset: 0, ...doubt });
          owners[span.id] = "unexplained";
          continue;
        }
        const isReached = side === "pre" ? this.#meaning.fragments.has(span) : reached.has(span);
        if (span.kind === "fragment" ? isReached : settled.has(span) || fill(other).has(keyOf(span, view)))
          owners[span.id] = "equal";
        else owners[span.id] = this.#sharedAlone(span, view);
      }
    }
  }

  /** Contents of the other side's code that nothing with a name leads to: what cannot be entered may refer to anything. */
  #unreached({ side }: View): ReadonlySet<string> {
    const other = side === "pre" ? this.#post : this.#pre;
    const known = this.#dead.get(other.side);
    if (known !== undefined) return known;
    const spans = other.table.spans.filter(({ kind, owner }) => kind === "fragment" && owner === undefined);
    const contents = new Set(spans.map(contentsOf));
    this.#dead.set(other.side, contents);
    return contents;
  }

  #sharedAlone(span: Span, view: View): Owner {
    if (this.#told.isTold(span, view.side)) return "reported";
    const owners = view.side === "pre" ? this.#ofPre : this.#ofPost;
    const users = [...view.uses(span).map(({ from }) => from), ...(span.owner === undefined ? [] : [span.owner])];
    const isAnswered = (user: Span): boolean => {
      const outer = user.kind === "fragment" ? (user.owner ?? user) : user;
      const owner = owners[outer.id];
      return owner === "reported" || (outer === user && user.kind === "toc");
    };
    // What reads it is reported, and this goes with it.
    if (users.length > 0 ? users.every(isAnswered) : isFiller(span)) return users.length > 0 ? "reported" : "padding";
    if (span.kind === "fragment" && users.every(({ kind }) => kind === "fragment")) {
      if (this.#unreached(view).has(contentsOf(span))) return "equal";
      if (this.#told.nameless !== undefined) return this.#told.nameless;
    }
    const words = `${span.size} bytes`;
    this.#doubt(span, view.side, {
      offset: 0,
      pre: view.side === "pre" ? words : "",
      post: view.side === "post" ? words : "",
    });
    return "unexplained";
  }
}

/** Whether only the compiler's numbers tell two names apart. */
function isRenumbered(p: Span, q: Span): boolean {
  const base = isCode(p.kind) ? functionBase : variableBase;
  return base(p.name) === base(q.name);
}

/** Whether a span is known by what it holds, not by a name of its own. */
function isShared(span: Span): boolean {
  return isComparedByContents(span.kind) || (span.symbol === undefined && isStringSpan(span));
}

/** Contents for an index; zeros behind a text are the next one's alignment. */
function contentsOf(span: Span): string {
  const bytes = Buffer.from(span.bytes.buffer, span.bytes.byteOffset, span.bytes.byteLength).toString("latin1");
  return isStringSpan(span) || span.kind === "export-string"
    ? `text ${bytes.replace(/\0+$/, "")}`
    : `${span.kind} ${bytes}`;
}

function isFiller(span: Span): boolean {
  return !isCode(span.kind) && span.bytes.every((byte) => byte === 0);
}

function whole(span: Span): Stretch {
  return stretch(span.section, span.offset, span.offset + span.size, span.relocations);
}

function asStretch(entry: TableEntry, size: number): Stretch {
  return stretch(entry.section, entry.offset, entry.offset + size, entry.relocations);
}

/** The last entry of a table may lack its padding. */
function isZeroFrom({ bytes }: TableEntry, at: number): boolean {
  return bytes.subarray(at).every((byte) => byte === 0);
}

/** Replacement code of no length: its address is that of whatever comes next. */
function isWithoutCode(a: TableEntry, b: TableEntry, pre: View, post: View): boolean {
  const isEmpty = ({ bytes, section }: TableEntry, view: View): boolean => {
    const at = view.table.layouts.get(section.index)?.replacementLength;
    return at !== undefined && bytes[at] === 0;
  };
  return isEmpty(a, pre) && isEmpty(b, post);
}
