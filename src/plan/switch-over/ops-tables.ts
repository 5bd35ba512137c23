import type { Arch } from "../../arch/arch.ts";
import { smallest } from "../../lists.ts";
import { isCode } from "../../spans/section-kind.ts";
import { isEntryPoint, type Span, type SpanRelocation, type SpanTable } from "../../spans/span.ts";

/*
 * Tables of function pointers: how the rest of a kernel reaches a driver. `lo_fops = { .open = lo_open, … }` is data whose
 * relocations point to functions; callers go through it, so another table can lead to other code.
 */

/** What debug information says of a table. */
export interface TableNames {
  readonly type: string;
  /** Names of the members by byte offset in the table. */
  readonly members: ReadonlyMap<number, string>;
}

/** Looks a table's type up, if there is anything to look it up in. */
export type TableResolver = (table: Span) => TableNames | undefined;

/** Looks types of tables up, per side. */
export interface TableTypes {
  readonly pre?: TableResolver | undefined;
  readonly post?: TableResolver | undefined;
}

/** The names of a table's members by the order of its pointers; a gap stays empty. */
export function memberOrder(
  resolve: TableResolver | undefined,
  pointer: number,
): (table: Span) => string[] | undefined {
  return (table) => {
    const names = resolve?.(table);
    if (names === undefined) return undefined;
    const order: string[] = [];
    for (const [offset, name] of names.members) if (offset % pointer === 0) order[offset / pointer] = name;
    return Array.from(order, (name) => name ?? "");
  };
}

/** One place of a table that holds a function's address, or could. */
export interface Slot {
  readonly offset: number;
  /** The function of this object; undefined for one that is defined elsewhere, and for an empty slot. */
  readonly target: Span | undefined;
  /** What a slot with a function defined elsewhere names. */
  readonly outer: string | undefined;
}

/** An array of structs. */
interface Elements {
  /** Bytes of one element. */
  readonly size: number;
  readonly count: number;
}

export interface OpsTable {
  readonly span: Span;
  readonly access: "const" | "ro-after-init" | "writable";
  /** By offset; those that are empty too, from the first function to the table's end. */
  readonly slots: ReadonlyMap<number, Slot>;
  /** Relocations that point to no function. */
  readonly references: ReadonlyMap<number, SpanRelocation>;
  readonly elements: Elements | undefined;
  readonly names: TableNames | undefined;
}

/** Linux: include/linux/cache.h, `__ro_after_init`. */
const RO_AFTER_INIT = /ro_after_init/;

/** Pointers that the build makes, and the loader follows once. Linux: include/linux/module.h, include/linux/compiler.h. */
const NO_TABLE = /^(__this_module$|__UNIQUE_ID_|__addressable_|__initcall_|__exitcall_)/;

/** Variables of other modules that tables name, and that are not functions. */
const NO_FUNCTION = /^(__this_module|empty_zero_page|jiffies(_64)?|init_[a-z]+)$/;

/** Bytes of a pointer. */
export function pointerSize(arch: Arch): number {
  return arch.class / 8;
}

/** The function that a relocation in data points to, when it points to where a function is entered. */
function pointedFunction(relocation: SpanRelocation, arch: Arch): Span | undefined {
  const { howto, target, targetOffset } = relocation;
  if (howto.role !== "address" || howto.pcrel || howto.size !== pointerSize(arch)) return undefined;
  if (target === undefined || !isCode(target.kind) || target.kind === "fragment") return undefined;
  // The low bit tells Thumb or MIPS16 code from other code.
  const place = arch.functionTagBit ? targetOffset - (targetOffset % 2) : targetOffset;
  return isEntryPoint(target, place) ? target : undefined;
}

/** Every table of function pointers of an object: named data, read-only or not, with at least one function of the object in it. */
export function findTables(table: SpanTable, resolve?: TableResolver): ReadonlyMap<Span, OpsTable> {
  const found = new Map<Span, OpsTable>();
  for (const span of table.spans) {
    if ((span.kind !== "rodata" && span.kind !== "data") || span.symbol === undefined) continue;
    if (span.relocations.length === 0 || NO_TABLE.test(span.name)) continue;
    const made = readTable(span, table.arch, resolve);
    if (made !== undefined) found.set(span, made);
  }
  return found;
}

function readTable(span: Span, arch: Arch, resolve: TableResolver | undefined): OpsTable | undefined {
  const width = pointerSize(arch);
  const slots = new Map<number, Slot>();
  const references = new Map<number, SpanRelocation>();
  let hasFunction = false;
  for (const relocation of span.relocations) {
    const { offset, symbol, howto } = relocation;
    const target = offset % width === 0 ? pointedFunction(relocation, arch) : undefined;
    const isOuter =
      relocation.target === undefined && symbol !== undefined && symbol.shndx === 0 && howto.size === width;
    if (target !== undefined) {
      slots.set(offset, { offset, target, outer: undefined });
      hasFunction = true;
    } else if (isOuter && relocation.targetAddend === 0n && !NO_FUNCTION.test(symbol.name))
      slots.set(offset, { offset, target: undefined, outer: symbol.name });
    else references.set(offset, relocation);
  }
  if (!hasFunction) return undefined;
  const first = smallest(firstOffsets(slots));
  for (let offset = first; offset + width <= span.bytes.length; offset += width) {
    if (slots.has(offset) || references.has(offset) || !isZero(span.bytes, offset, width)) continue;
    slots.set(offset, { offset, target: undefined, outer: undefined });
  }
  const access =
    span.kind === "rodata" ? "const" : RO_AFTER_INIT.test(span.section.name) ? "ro-after-init" : "writable";
  const sorted = new Map([...slots].sort(([a], [b]) => a - b));
  const elements = elementsOf(span, sorted, references, width);
  return { span, access, slots: sorted, references, elements, names: resolve?.(span) };
}

/** The lowest offset of a slot; relocations come by offset, so it is the first of them. */
function firstOffsets(slots: ReadonlyMap<number, Slot>): readonly number[] {
  const [first = 0] = slots.keys();
  return [first];
}

function isZero(bytes: Uint8Array, offset: number, size: number): boolean {
  for (let at = offset; at < offset + size; at++) if (bytes[at] !== 0) return false;
  return true;
}

/** What a pointer-sized word of a table is. */
type Shape = "function" | "reference" | "number" | "empty";

/** No struct of operations is longer: 256 words. */
const MOST_WORDS = 256;

/**
 * Whether a table is an array of structs, from its contents: the shortest struct that, laid end to end, has a function
 * where the others have one, and something else where they have that. Words that are empty fit everything; a last element
 * may be all empty. A struct of nothing but functions cannot be told from an array of them, and counts as one struct.
 */
function elementsOf(
  span: Span,
  slots: ReadonlyMap<number, Slot>,
  references: ReadonlyMap<number, SpanRelocation>,
  width: number,
): Elements | undefined {
  const total = Math.floor(span.bytes.length / width);
  if (total * width !== span.bytes.length || total < 4) return undefined;
  const shapes: Shape[] = [];
  for (let word = 0; word < total; word++) shapes.push(shapeOf(span, word * width, slots, references, width));
  const longest = Math.min(MOST_WORDS, total / 2);
  for (let words = 2; words <= longest; words++) {
    if (total % words === 0 && isPeriod(shapes, words)) return { size: words * width, count: total / words };
  }
  return undefined;
}

function shapeOf(
  span: Span,
  offset: number,
  slots: ReadonlyMap<number, Slot>,
  references: ReadonlyMap<number, SpanRelocation>,
  width: number,
): Shape {
  const slot = slots.get(offset);
  if (slot !== undefined) return slot.target === undefined && slot.outer === undefined ? "empty" : "function";
  if (references.has(offset)) return "reference";
  return isZero(span.bytes, offset, width) ? "empty" : "number";
}

function isPeriod(shapes: readonly Shape[], words: number): boolean {
  const struct: Shape[] = new Array(words).fill("empty");
  for (let start = 0; start < shapes.length; start += words) {
    let functions = 0;
    let filled = 0;
    for (let word = 0; word < words; word++) {
      const shape = shapes[start + word] as Shape;
      if (shape === "empty") continue;
      filled++;
      if (shape === "function") functions++;
      if (struct[word] !== "empty" && struct[word] !== shape) return false;
      struct[word] = shape;
    }
    const isLast = start + words === shapes.length;
    if (functions === 0 && !(isLast && filled === 0)) return false;
  }
  return struct.some((shape) => shape === "reference" || shape === "number");
}

/** The struct's index and the place in it, for an array; the place itself otherwise. */
export function elementAt(table: OpsTable, offset: number): number | undefined {
  return table.elements === undefined ? undefined : Math.floor(offset / table.elements.size);
}
