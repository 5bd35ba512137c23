import { createHash } from "node:crypto";
import type { LivepatchModel } from "../arch/kernel.ts";
import type { CodeSection, CodeSymbol } from "../contract/code.ts";
import type { UpdateDescription } from "../contract/description.ts";
import { FormatError, UsageError } from "../errors.ts";

/* What the pieces of a description are for the object that they go into: names, contents, and who lies in what. */

export type Change = UpdateDescription["changes"][number];

export function push<Key, Item>(map: Map<Key, Item[]>, key: Key, item: Item): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [item]);
  else list.push(item);
}

/** A number that may have a sign, in hexadecimal. */
export function signed(text: string): bigint {
  return text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text);
}

/** Labels are unique in a change. */
export function keyOf(change: Change, label: string): string {
  return `${change.target}\0${label}`;
}

/** A label in whose order `~2` comes before `~10`. */
export function natural(label: string): string {
  return label.replace(/~(\d+)$/, (_, digits: string) => `~${digits.padStart(10, "0")}`);
}

/** What the kernel calls the section of a piece of code or data. Linux: include/asm-generic/vmlinux.lds.h. */
export function sectionName({ kind, label }: CodeSection, symbol: CodeSymbol | undefined): string {
  const name = symbol?.name ?? label;
  if (symbol === undefined || symbol.type === "section") return name;
  if (kind === "text" || kind === "exit-text") return `.text.${name}`;
  if (kind === "bss" || kind === "data") return `.${kind}.${name}`;
  return `.rodata.${name}`;
}

export function contentsOf(section: CodeSection): Uint8Array {
  const { contents, label, size, sha256 } = section;
  if (contents === undefined && size > 0)
    throw new UsageError("the description has no contents of the code: make it with elfsplice diff --contents");
  const bytes = Buffer.from(contents ?? "", "base64");
  if (bytes.length !== size) throw new FormatError({ file: label }, "contents of another size", bytes.length);
  if (createHash("sha256").update(bytes).digest("hex") !== sha256)
    throw new FormatError({ file: label }, "contents do not have the SHA-256 that the description says");
  return bytes;
}

/** What is looked up again and again in one change. */
export interface ChangeIndex {
  readonly byLabel: ReadonlyMap<string, CodeSymbol>;
  readonly bySection: ReadonlyMap<string, readonly CodeSymbol[]>;
  /** By section: the symbol of its first relocation. */
  readonly firstTarget: ReadonlyMap<string, string>;
  /** Where functions begin by setting up a pointer to data. */
  readonly settersUp: ReadonlySet<string>;
}

/** Where an instruction is, whichever of its bytes is meant. */
export function placeKey(section: string, offset: number): string {
  return `${offset - (offset % 4)} ${section}`;
}

export function indexOf({ newCode }: Change, { localEntry }: LivepatchModel): ChangeIndex {
  const bySection = new Map<string, CodeSymbol[]>();
  for (const symbol of newCode.symbols) if (symbol.section !== null) push(bySection, symbol.section, symbol);
  const firstTarget = new Map<string, string>();
  const settersUp = new Set<string>();
  for (const { section, offset, howto, symbol } of newCode.relocations) {
    if (!firstTarget.has(section)) firstTarget.set(section, symbol);
    if (localEntry?.marks.has(`${howto} ${symbol}`)) settersUp.add(placeKey(section, offset));
  }
  return {
    byLabel: new Map(newCode.symbols.map((symbol) => [symbol.label, symbol])),
    bySection,
    firstTarget,
    settersUp,
  };
}
