import { SHN, STB, STT } from "../elf/constants.ts";
import type { FileRelocation, FileSymbol } from "./elf-file.ts";
import { klpSymbolName } from "./klp-names.ts";
import { type Change, keyOf } from "./pieces.ts";
import type { Resolution } from "./resolve.ts";

/** Where a piece lies: index of its section in the module, and offset in it. */
export interface Place {
  readonly section: number;
  readonly offset: number;
}

/** A function or hook that the C file of the module refers to by a name of its own. */
export interface Alias {
  readonly change: Change;
  readonly label: string;
  readonly alias: string;
}

/** One relocation, and what it refers to once the module is linked or loaded. */
export interface Link {
  readonly to: Resolution;
  readonly record: Omit<FileRelocation, "symbol">;
  readonly change: Change;
  readonly place?: Place;
  readonly bySection?: true;
}

export interface Links {
  /** By index of the section. */
  readonly ordinary: Map<number, Link[]>;
  /** By index of the section, then by patched object. */
  readonly livepatch: Map<number, Map<string, Link[]>>;
  readonly namespaces: string[];
}

export function byOffset(a: Link, b: Link): number {
  return a.record.offset < b.record.offset ? -1 : a.record.offset > b.record.offset ? 1 : 0;
}

export function blank(name: string, bind: number, type: number, shndx: number): FileSymbol {
  return { name, value: 0n, size: 0, bind, type, other: 0, shndx };
}

export function ownKey({ to, change }: Link): string {
  if (to.kind !== "own") return "";
  return `own ${keyOf(to.copy === undefined ? to.change : change, to.symbol.label)}`;
}

export function outerKey({ to, change }: Link): string {
  if (to.kind === "klp") return `klp ${change.target} ${klpSymbolName(to.object, to.name, to.sympos)}`;
  return "name" in to ? `${to.kind} ${to.name}` : to.kind;
}

export function outerSymbol({ to }: Link): FileSymbol {
  if (to.kind === "klp")
    return blank(klpSymbolName(to.object, to.name, to.sympos), STB.GLOBAL, STT.NOTYPE, SHN.LIVEPATCH);
  if (to.kind === "absolute") return { ...blank(to.name, STB.GLOBAL, STT.NOTYPE, SHN.ABS), value: to.value };
  return blank("name" in to ? to.name : "", STB.GLOBAL, STT.NOTYPE, SHN.UNDEF);
}
