import type { DifferenceKind } from "../contract/names/reasons.ts";
import { signedHex } from "../hex.ts";
import { isCode, isState } from "../spans/section-kind.ts";
import { isEntryPoint, type Span, type SpanRelocation, type TableEntry } from "../spans/span.ts";
import { EXCEPTION_TABLE } from "../spans/special.ts";
import type { CompareContext } from "./compare-context.ts";
import { TargetComparer, type TargetEffects } from "./compare-targets.ts";
import { type Difference, hexBytes, MOST_REASONS, shortTarget, targetTexts } from "./difference.ts";
import { bugDifference, packedDifference } from "./line-bugs.ts";
import { lineTest } from "./line-only.ts";
import type { LineTest } from "./line-places.ts";
import { type Contents, differingRuns, type Run } from "./mask.ts";
import { family } from "./pairing.ts";

/**
 * A reference whose equality hangs on an outcome that is not known yet: that of a read-only object, which may lose its twin, or of
 * a function into whose middle it points, which may be replaced.
 */
export interface Link {
  /** The pre span that refers (for a table entry or fragment: its owner). */
  readonly user: Span;
  /** The pre span referred to. */
  readonly target: Span;
  readonly offset: number;
  readonly within: string | undefined;
  readonly pre: string;
  readonly post: string;
  readonly isMiddle: boolean;
}

/** The outcome of comparing one pair. `differences` empty means equal, as long as no link breaks. */
export interface Comparison {
  readonly differences: readonly Difference[];
  /** Differences that look like line numbers; whether they are is seen when all pairs of the object have been compared. */
  readonly lines: readonly Difference[];
  /** What those in the span's own bytes are called if they are not differences. */
  readonly setAside: readonly Difference[];
  readonly links: readonly Link[];
}

/** Compares paired spans: bytes outside relocated fields, relocations one by one, table entries and fragments that belong to them. */
export function comparePair(pre: Span, post: Span, context: CompareContext): Comparison {
  const comparer = new Comparer(pre, post, context);
  comparer.compareWhole();
  return comparer;
}

class Comparer implements Comparison, TargetEffects {
  readonly differences: Difference[] = [];
  readonly lines: Difference[] = [];
  readonly links: Link[] = [];
  setAside: readonly Difference[] = [];
  readonly #pre: Span;
  readonly #post: Span;
  readonly #context: CompareContext;
  readonly #targets: TargetComparer;
  /** How many differences there are; only the first ones are kept. */
  #count = 0;
  /** How many of them may be parts of line numbers, as long as every stretch of bytes was. */
  #lineParts = 0;
  #lineTest: LineTest | undefined;
  /** Where we are, when not in the span itself. */
  #within: string | undefined;
  #base = 0;
  #visited: Set<Span> | undefined;

  constructor(pre: Span, post: Span, context: CompareContext) {
    this.#pre = pre;
    this.#post = post;
    this.#context = context;
    this.#targets = new TargetComparer(context, this);
  }

  compareWhole(): void {
    const pre = this.#pre;
    const post = this.#post;
    if (family(pre.kind) !== family(post.kind)) this.#differ("kind", 0, pre.kind, post.kind);
    if (pre.size !== post.size) this.#differ("size", 0, String(pre.size), String(post.size));
    this.#compareOwnBytes(pre, post);
    this.#compareRelocations(pre.relocations, post.relocations);
    this.#setAsideLineNumbers();
    this.#ignoreEncodingChanges();
    this.#compareEntries(pre, post);
  }

  #differ(kind: DifferenceKind, offset: number, pre: string, post: string): void {
    this.#count++;
    if (this.differences.length < MOST_REASONS) {
      this.differences.push({ kind, offset: this.#base + offset, pre, post, within: this.#within });
    }
  }

  /** The bytes of the span itself, each stretch that differs also as a part of a line number. */
  #compareOwnBytes(pre: Span, post: Span): void {
    const { arch, sides } = this.#context;
    this.#compareBytes(pre, post, (run) => {
      if (this.#lineParts !== this.#count) return;
      if (this.#count === 0) this.#lineTest = lineTest(pre, post, arch, sides);
      if (this.#lineTest?.accept(run) === true) this.#lineParts++;
    });
  }

  #compareBytes(pre: Contents, post: Contents, each?: (run: Run) => void): void {
    for (const run of differingRuns(pre, post, this.#context.arch)) {
      const { offset, size } = run;
      each?.(run);
      this.#differ("bytes", offset, hexBytes(pre.bytes, offset, size), hexBytes(post.bytes, offset, size));
    }
    // A variable that moved between .data and .bss holds zeros on the side without file contents.
    if (pre.bytes.length !== post.bytes.length && (pre.bytes.length === 0 || post.bytes.length === 0)) {
      const filled = pre.bytes.length === 0 ? post.bytes : pre.bytes;
      const at = filled.findIndex((byte) => byte !== 0);
      if (at !== -1)
        this.#differ(
          "bytes",
          at,
          hexBytes(pre.bytes, at, pre.bytes.length && 1),
          hexBytes(post.bytes, at, post.bytes.length && 1),
        );
    }
  }

  #compareRelocations(pre: readonly SpanRelocation[], post: readonly SpanRelocation[]): void {
    let j = 0;
    for (const a of pre) {
      for (; j < post.length && (post[j] as SpanRelocation).offset < a.offset; j++) {
        this.#differBy("relocation-added", post[j] as SpanRelocation);
      }
      const b = post[j];
      if (b === undefined || b.offset !== a.offset) this.#differBy("relocation-removed", a);
      else {
        this.#compareRelocation(a, b);
        j++;
      }
    }
    for (; j < post.length; j++) {
      this.#differBy("relocation-added", post[j] as SpanRelocation);
    }
  }

  /** A reference that only one side has. Distances were then compared as bytes. */
  #differBy(kind: "relocation-added" | "relocation-removed", relocation: SpanRelocation): void {
    if (relocation.distance !== undefined) return;
    const text = `${relocation.howto.name} ${shortTarget(relocation)}`;
    if (kind === "relocation-added") this.#differ(kind, relocation.offset, "", text);
    else this.#differ(kind, relocation.offset, text, "");
  }

  #compareRelocation(a: SpanRelocation, b: SpanRelocation): void {
    if (a.howto.family !== b.howto.family) {
      const [from, to] = targetTexts(a, b);
      this.#differ("relocation-type", a.offset, `${a.howto.name} ${from}`, `${b.howto.name} ${to}`);
    } else if (!this.#targets.isSame(a, b)) {
      this.#differ("relocation-target", a.offset, ...targetTexts(a, b));
    }
  }

  /** Takes back what was found when it comes only from longer or shorter branches, and compares what they refer to instead. */
  #ignoreEncodingChanges(): void {
    if (this.differences.length === 0) return;
    const correspondence = this.#context.correspondenceOf(this.#pre);
    if (correspondence === undefined) return;
    this.#forget();
    this.links.length = 0;
    for (const [a, b] of correspondence.relocations) {
      const isJump = a.howto.role === "branch" && b.howto.role === "branch";
      const bothBranch = isJump || a.symbol === undefined || b.symbol === undefined;
      if (!bothBranch && a.howto.family !== b.howto.family) {
        this.#differ("relocation-type", a.offset, a.howto.name, b.howto.name);
      } else if (!this.#targets.isSame(a, b)) {
        this.#differ("relocation-target", a.offset, ...targetTexts(a, b));
      }
    }
    const sizes = [String(this.#pre.size), String(this.#post.size)] as const;
    if (this.differences.length === 0) {
      this.lines.push({ kind: "encoding-only", offset: 0, pre: sizes[0], post: sizes[1], within: undefined });
    }
  }

  /** Remembers references that hold only as long as their target keeps its twin, or is not replaced. */
  link(a: SpanRelocation, b: SpanRelocation, target: Span): void {
    if (target === this.#pre) return;
    const isMiddle = isCode(target.kind) && !isEntryPoint(target, a.targetOffset);
    if (isCode(target.kind) ? !isMiddle : isState(target.kind)) return;
    this.links.push({
      user: this.#pre,
      target,
      offset: this.#base + a.offset,
      within: this.#within,
      pre: shortTarget(a),
      post: shortTarget(b),
      isMiddle,
    });
  }

  /** Fragments are part of the function that uses them; their differences are its own. */
  compareFragments(a: SpanRelocation, b: SpanRelocation, p: Span, q: Span): boolean {
    if (p.kind !== q.kind || a.targetOffset !== b.targetOffset) return false;
    this.#visited ??= new Set();
    if (this.#visited.has(p)) return true;
    this.#visited.add(p);
    const outer = this.#within;
    const outerBase = this.#base;
    this.#within = p.section.name;
    this.#base = 0;
    if (p.size !== q.size) this.#differ("fragment-size", 0, String(p.size), String(q.size));
    this.#compareBytes(p, q);
    this.#compareRelocations(p.relocations, q.relocations);
    this.#compareEntries(p, q);
    this.#within = outer;
    this.#base = outerBase;
    return true;
  }

  #compareEntries(pre: Span, post: Span): void {
    const a = pre.entries;
    const b = post.entries;
    const outer = this.#within;
    const outerBase = this.#base;
    let i = 0;
    let j = 0;
    while (i < a.length || j < b.length) {
      const x = a[i];
      const y = b[j];
      const order = compareTables(x, y);
      this.#within = (order <= 0 ? x : y)?.section.name;
      this.#base = 0;
      if (order === 0) this.#compareEntry(x as TableEntry, y as TableEntry, pre.entry, post.entry);
      else if (order < 0 && x !== undefined) this.#differ("entry-removed", x.ownerOffset, entryText(x), "");
      else if (y !== undefined) this.#differ("entry-added", y.ownerOffset, "", entryText(y));
      if (order <= 0) i++;
      if (order >= 0) j++;
    }
    this.#within = outer;
    this.#base = outerBase;
  }

  #compareEntry(a: TableEntry, b: TableEntry, preEntry: number, postEntry: number): void {
    const moved =
      this.#within === undefined ? undefined : this.#context.correspondenceOf(this.#pre)?.offsets.get(a.ownerOffset);
    if (moved === undefined ? a.ownerOffset - preEntry !== b.ownerOffset - postEntry : moved !== b.ownerOffset) {
      this.#differ("entry-moved", a.ownerOffset, entryText(a), entryText(b));
      return;
    }
    this.#base = a.ownerOffset;
    if (a.meaning !== undefined && b.meaning !== undefined) {
      this.#compareMeanings(a.meaning, b.meaning);
      return;
    }
    // The last entry of a table may lack its padding.
    const isShort =
      a.size !== b.size &&
      a.bytes.subarray(b.size).every((byte) => byte === 0) &&
      b.bytes.subarray(a.size).every((byte) => byte === 0);
    if (a.size !== b.size && !isShort) this.#differ("entry-size", 0, String(a.size), String(b.size));
    const isBug = a.table.policy === "bug-line";
    // Offsets of call sites move with the instructions.
    if (a.table === EXCEPTION_TABLE && this.#context.correspondenceOf(this.#pre) !== undefined) {
      this.#compareEntryRelocations(a, b);
      return;
    }
    for (const { offset, size } of differingRuns(a, b, this.#context.arch)) {
      const difference = [0, hexBytes(a.bytes, offset, size), hexBytes(b.bytes, offset, size)] as const;
      if (isBug) this.lines.push(bugDifference(a, b, offset, size, this.#context.arch));
      else this.#differ("bytes", ...difference);
    }
    this.#compareEntryRelocations(a, b);
  }

  /** What two entries of a linked image say, wherever they lie. */
  #compareMeanings(a: Contents, b: Contents): void {
    if (a.bytes.length !== b.bytes.length)
      this.#differ("entry-size", 0, String(a.bytes.length), String(b.bytes.length));
    if (this.#context.correspondenceOf(this.#pre) === undefined) {
      for (const { offset, size } of differingRuns(a, b, this.#context.arch))
        this.#differ("bytes", 0, hexBytes(a.bytes, offset, size), hexBytes(b.bytes, offset, size));
    }
    if (a.relocations.length !== b.relocations.length)
      this.#differ("entry-size", 0, String(a.relocations.length), String(b.relocations.length));
    for (const [i, x] of a.relocations.entries()) {
      const y = b.relocations[i];
      if (y !== undefined && !this.#targets.isSame(x, y)) this.#differ("relocation-target", 0, ...targetTexts(x, y));
    }
  }

  #compareEntryRelocations(a: TableEntry, b: TableEntry): void {
    if (a.relocations.length !== b.relocations.length) this.#differ("entry-size", 0, entryText(a), entryText(b));
    const line = packedDifference(a, b);
    if (line !== undefined) this.lines.push(line);
    for (const [i, x] of a.relocations.entries()) {
      const y = b.relocations[i];
      if (x.offset === a.ownerField || y === undefined) continue;
      // What an entry says of its owner is told at the owner's place.
      this.#base = a.ownerOffset - x.offset;
      this.#compareRelocation(x, y);
    }
    this.#base = a.ownerOffset;
  }

  /** All differences so far may be line numbers: whether they are is for the whole object to say. */
  #setAsideLineNumbers(): void {
    if (this.#count === 0 || this.#lineParts !== this.#count) return;
    const lines = this.#lineTest?.finish();
    if (lines === undefined) return;
    for (const line of lines) this.lines.push(line);
    this.setAside = [...this.differences];
    this.#forget();
  }

  #forget(): void {
    this.differences.length = 0;
    this.#count = 0;
    this.#lineParts = 0;
  }
}

/** Entries of one owner stand by table name, then by place; equal rank means that they are to be compared. */
function compareTables(a: TableEntry | undefined, b: TableEntry | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1;
  return a.section.name < b.section.name ? -1 : a.section.name > b.section.name ? 1 : 0;
}

function entryText(entry: TableEntry): string {
  return `${entry.section.name}${signedHex(entry.offset)}`;
}
