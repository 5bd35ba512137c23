import type { Arch } from "../arch/arch.ts";
import { STB } from "../elf/constants.ts";
import { isCode, isState } from "../spans/section-kind.ts";
import type { Span, SpanRelocation } from "../spans/span.ts";
import type { Use } from "../spans/uses.ts";
import type { Difference, LineEvidence } from "./difference.ts";
import { type LineTest, namesPlace, passedTo, placeName, storedAt } from "./line-places.ts";
import type { Run } from "./mask.ts";
import type { Side, Sides } from "./pairing.ts";

/** Tables of messages: dynamic debug, printk index. Linux: include/linux/dynamic_debug.h, include/linux/printk.h. */
const MESSAGES = /^(__dyndbg|__verbose|\.printk_index)$/;

/** What sanitizers' reports are told by. GCC: sanitizer.def; compiler-rt. */
const REPORTS = /^__(ubsan|asan|hwasan|kasan|msan|kmsan|tsan|kcsan)_\w+$/;

/** Functions of Rust's libraries that end in a panic and are told where, in the old and in the present mangling. */
const PANICS =
  /^_(ZN|R).*(4core9panicking|3std9panicking|4core6option\d+(unwrap|expect)_failed|4core6result\d+unwrap_failed|(4core|5alloc|3std).*(_fail|_failed|_failed_\w+|panic\w*|handle_error|len_mismatch\w*)(17h[0-9a-f]{16}E)?$)/;

/** A field of data that holds a line, perhaps with a column behind it. */
interface LineField {
  readonly by: LineEvidence["by"];
  readonly place: string;
  readonly offset: number;
  readonly size: number;
  /** Bits of the line when it shares its word: counted from bit 0 where data is little-endian, from the top elsewhere. */
  readonly bits: number;
}

/** The test for data whose form says where its lines are; undefined for any other data. */
export function dataLines(pre: Span, post: Span, arch: Arch, sides: Sides): LineTest | undefined {
  const find = lineFields(pre, arch, sides.pre);
  // New code that reads it would get the old line.
  const isOneStill = find !== undefined && lineFields(post, arch, sides.post) !== undefined;
  return isOneStill ? new DataLines(pre, post, arch, find) : undefined;
}

type FieldAt = (offset: number) => LineField | undefined;

class DataLines implements LineTest {
  readonly #pre: Span;
  readonly #post: Span;
  readonly #arch: Arch;
  readonly #find: FieldAt;
  readonly #found = new Map<number, Difference>();

  constructor(pre: Span, post: Span, arch: Arch, find: FieldAt) {
    this.#pre = pre;
    this.#post = post;
    this.#arch = arch;
    this.#find = find;
  }

  accept({ offset, size }: Run): boolean {
    const field = this.#find(offset);
    if (field === undefined || offset + size > field.offset + field.size) return false;
    if (this.#found.has(field.offset)) return true;
    const from = this.#read(this.#pre.bytes, field);
    const to = this.#read(this.#post.bytes, field);
    if (from.rest !== to.rest) return false;
    const withColumn = from.column !== to.column;
    const { by, place } = field;
    const stored = storedAt(this.#pre, field.offset, this.#post, field.offset, field.size);
    this.#found.set(field.offset, {
      kind: "line-number",
      offset: field.offset,
      pre: withColumn ? `${from.line}:${from.column}` : String(from.line),
      post: withColumn ? `${to.line}:${to.column}` : String(to.line),
      within: undefined,
      line: { by, place, pre: from.line, post: to.line, field: stored },
    });
    return true;
  }

  #read(bytes: Uint8Array, { offset, size, bits }: LineField): { line: number; column: number; rest: number } {
    const little = this.#arch.data === "lsb";
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const word = view.getUint32(offset, little);
    const other = 2 ** (32 - bits);
    const line = little ? word % 2 ** bits : Math.floor(word / other);
    const rest = little ? Math.floor(word / 2 ** bits) : word % other;
    return { line, rest, column: size === 8 ? view.getUint32(offset + 4, little) : 0 };
  }

  finish(): Difference[] {
    return [...this.#found.values()];
  }
}

/** Finds the line field around an offset, by what the data is. */
function lineFields(span: Span, arch: Arch, side: Side): FieldAt | undefined {
  const pointer = arch.class / 8;
  if (isMessage(span, side)) return (offset) => messageField(span, offset & ~3, pointer);
  if (span.kind !== "rodata" && !isState(span.kind)) return undefined;
  const location = panicLocation(span, arch, pointer);
  if (location !== undefined) return isPanicOnly(span, side, arch) ? (offset) => around(location, offset) : undefined;
  if (span.symbol !== undefined || !span.relocations.some(namesPlace)) return undefined;
  return isReported(side.uses(span), side, arch, true) ? (offset) => reportField(span, offset, pointer) : undefined;
}

function around(field: LineField, offset: number): LineField | undefined {
  return offset >= field.offset && offset < field.offset + field.size ? field : undefined;
}

/** Whether only the kernel's tables of messages refer to it. */
function isMessage(span: Span, side: Side): boolean {
  if (MESSAGES.test(span.section.name)) return true;
  if (span.kind !== "rodata" || span.symbol === undefined || span.symbol.bind !== STB.LOCAL) return false;
  const uses = side.uses(span);
  return uses.length > 0 && uses.every(({ from }) => from.kind === "registry" && MESSAGES.test(from.section.name));
}

function relocationAt(span: Span, offset: number): SpanRelocation | undefined {
  return span.relocations.find((relocation) => relocation.offset === offset);
}

/** The name of a file that a pointer leads to; not that of a function. */
function fileAt(span: Span, offset: number): string | undefined {
  const relocation = relocationAt(span, offset);
  const name = relocation && placeName(relocation);
  return name?.endsWith("()") ? undefined : name;
}

/**
 * The line of a message: behind module, function, file and format, 18 bits that share their word with flags (struct _ddebug);
 * or behind format, function and file, a word of its own (struct pi_entry).
 */
function messageField(span: Span, offset: number, pointer: number): LineField | undefined {
  if (offset + 4 > span.bytes.length) return undefined;
  const described = fileAt(span, offset - 2 * pointer);
  if (described !== undefined && relocationAt(span, offset - pointer) !== undefined)
    return { by: "message", place: described, offset, size: 4, bits: 18 };
  const place = fileAt(span, offset - pointer);
  return place === undefined ? undefined : { by: "message", place, offset, size: 4, bits: 32 };
}

/** Line and column behind the name of a file: GCC's `struct source_location` and `asan_source_location`. */
function reportField(span: Span, offset: number, pointer: number): LineField | undefined {
  for (const start of [offset & ~3, (offset & ~3) - 4]) {
    const place = fileAt(span, start - pointer);
    if (place !== undefined && start + 8 <= span.bytes.length)
      return { by: "sanitizer", place, offset: start, size: 8, bits: 32 };
  }
  return undefined;
}

/** Whether all that refers to data hands it to a sanitizer, at most by an array of such data. */
function isReported(uses: readonly Use[], side: Side, arch: Arch, mayNest: boolean): boolean {
  return (
    uses.length > 0 &&
    uses.every(({ from, relocation }) => {
      if (isCode(from.kind)) return REPORTS.test(passedTo(from, relocation, arch) ?? "");
      if (!mayNest || !isState(from.kind)) return false;
      // clang has the places of variables among the constants, and one array without a name that refers to all of them.
      return (
        /^__unnamed_\d+$/.test(from.name) ||
        (from.symbol === undefined && isReported(side.uses(from), side, arch, false))
      );
    })
  );
}

/** A place in Rust source: pointer to the file's name, its length (the terminator counts in newer versions), line, column. Rust: core::panic::Location. */
function panicLocation(span: Span, arch: Arch, pointer: number): LineField | undefined {
  if (span.size !== 2 * pointer + 8 || span.bytes.length !== span.size || span.relocations.length !== 1)
    return undefined;
  const [file] = span.relocations;
  if (file?.offset !== 0 || file.target === undefined || span.symbol?.bind === STB.GLOBAL) return undefined;
  const view = new DataView(span.bytes.buffer, span.bytes.byteOffset, span.bytes.byteLength);
  const little = arch.data === "lsb";
  const length = pointer === 8 ? Number(view.getBigUint64(8, little)) : view.getUint32(4, little);
  const { bytes } = file.target;
  const end = file.targetOffset + length;
  if (file.targetOffset < 0 || length === 0 || end > bytes.length) return undefined;
  const place = Buffer.from(bytes.subarray(file.targetOffset, end)).toString("latin1").replace(/\0$/, "");
  if (!/^[^\p{Cc}]+\.rs$/u.test(place)) return undefined;
  return { by: "panic-location", place, offset: 2 * pointer, size: 8, bits: 32 };
}

/** Whether nothing but panics get its address. */
function isPanicOnly(span: Span, side: Side, arch: Arch): boolean {
  const uses = side.uses(span);
  return (
    uses.length > 0 &&
    uses.every(({ from, relocation }) => isCode(from.kind) && PANICS.test(passedTo(from, relocation, arch) ?? ""))
  );
}
