import type { CodeSection, CodeSymbol } from "../contract/code.ts";
import { SHF } from "../elf/constants.ts";
import { UnsupportedError } from "../errors.ts";
import type { Change } from "./pieces.ts";
import type { ExportedSymbol } from "./symvers.ts";

/** What is known of the running system beside the description. */
export interface RunningSystem {
  /** Exports by name; undefined where no `Module.symvers` was given. */
  readonly exports: ReadonlyMap<string, ExportedSymbol> | undefined;
  /** Position of a label among equal names; undefined where matching was not asked, null where it found no such name. */
  readonly symposOf: (label: string) => number | null | undefined;
}

/** How new code reaches what a symbol stands for. */
export type Resolution =
  /** In a section of new code, of this change or another one, or of old code that is copied. */
  | {
      readonly kind: "own";
      readonly change: Change;
      readonly section: string;
      readonly symbol: CodeSymbol;
      /** The section of old code to copy. */
      readonly copy?: CodeSection;
    }
  /** By the module loader, as an export. */
  | { readonly kind: "export"; readonly name: string; readonly namespace: string | undefined }
  /** By livepatch, in the named object. */
  | { readonly kind: "klp"; readonly object: string; readonly name: string; readonly sympos: number }
  /** A record without a symbol only marks its place. */
  | { readonly kind: "nothing" }
  | { readonly kind: "absolute"; readonly name: string; readonly value: bigint };

/** A definition in the new code of a change. */
export interface Defined {
  readonly change: Change;
  readonly section: string;
  readonly symbol: CodeSymbol;
}

/** What the kernel or its module loader has for every module, exported or not. */
const FOR_EVERY_MODULE: ReadonlySet<string> = new Set([
  "__fentry__",
  "mcount",
  "_mcount",
  ".TOC.",
  "_GLOBAL_OFFSET_TABLE_",
]);

/** Names that a compiler gives to constants of its own; kallsyms has many of one name. */
const COMPILER_CONSTANT = /^(__func__|__PRETTY_FUNCTION__|__FUNCTION__|CSWTCH|\.?LC\d+)(\.\d+)*$/;

/** Resolves the symbols of one change's new code; throws UnsupportedError where livepatch has no way. */
export class Resolver {
  readonly #change: Change;
  readonly #running: RunningSystem;
  readonly #own: ReadonlyMap<string, CodeSymbol>;
  readonly #old: ReadonlyMap<string, CodeSymbol>;
  readonly #oldSections: ReadonlyMap<string, CodeSection>;
  readonly #elsewhere: ReadonlyMap<string, Defined>;
  /** Labels of local names whose position was taken to be 0. */
  readonly assumed = new Set<string>();
  /** Names that are neither exported nor defined by the objects, by the target that is said to have them. */
  readonly unknown = new Set<string>();

  /** `elsewhere` has what other changes of the update newly define, by global name. */
  constructor(change: Change, running: RunningSystem, elsewhere: ReadonlyMap<string, Defined>) {
    this.#change = change;
    this.#running = running;
    this.#elsewhere = elsewhere;
    this.#own = new Map(change.newCode.symbols.map((symbol) => [symbol.label, symbol]));
    this.#old = new Map(change.oldCode.symbols.map((symbol) => [symbol.label, symbol]));
    this.#oldSections = new Map(change.oldCode.sections.map((section) => [section.label, section]));
  }

  /** The symbol behind a label of the new code. */
  resolve(label: string): Resolution {
    const symbol = this.#own.get(label);
    if (symbol === undefined) throw this.#refusal(label, "has no symbol");
    if (symbol.section !== null) return { kind: "own", change: this.#change, section: symbol.section, symbol };
    if (symbol.label === "*ABS*") return { kind: "nothing" };
    if (symbol.type === "absolute")
      return { kind: "absolute", name: symbol.name, value: BigInt(symbol.value ?? "0x0") };
    if (symbol.type === "section" || COMPILER_CONSTANT.test(symbol.name)) return this.#copied(symbol);
    if (symbol.bind === "local") return this.#klp(symbol);
    return this.#global(symbol);
  }

  /** The position of an old function's name. */
  symposOf(label: string, isLocal: boolean): number {
    const symbol = this.#old.get(label);
    const known = this.#running.symposOf(label) ?? symbol?.sympos;
    if (this.#running.symposOf(label) === null)
      throw this.#refusal(label, "has no name in the running system that livepatch could look up");
    if (known === undefined && isLocal) this.assumed.add(label);
    return known ?? 0;
  }

  #klp(symbol: CodeSymbol): Resolution {
    const { target } = this.#change;
    const sympos = symbol.sympos ?? this.symposOf(symbol.label, symbol.bind === "local");
    return { kind: "klp", object: target, name: symbol.name, sympos };
  }

  #global(symbol: CodeSymbol): Resolution {
    const { target } = this.#change;
    const { name } = symbol;
    if (FOR_EVERY_MODULE.has(name)) return { kind: "export", name, namespace: undefined };
    const exported = this.#running.exports?.get(name);
    if (exported !== undefined && (exported.module === "vmlinux" || target === "vmlinux"))
      return { kind: "export", name, namespace: exported.namespace };
    if (exported !== undefined) return { kind: "klp", object: exported.module, name, sympos: 0 };
    const other = this.#elsewhere.get(name);
    if (other !== undefined) return { kind: "own", ...other };
    if (this.#old.get(symbol.label)?.section == null) this.unknown.add(name);
    return this.#klp(symbol);
  }

  /** What has no name that could be looked up is copied, if it is a constant without addresses. */
  #copied(symbol: CodeSymbol): Resolution {
    const old = this.#old.get(symbol.label);
    const section = old === undefined || old.section === null ? undefined : this.#oldSections.get(old.section);
    if (old === undefined || section === undefined) throw this.#refusal(symbol.label, "has no name and is not shipped");
    const flags = BigInt(section.flags);
    const isConstant = (flags & SHF.WRITE) === 0n && (flags & SHF.EXECINSTR) === 0n;
    const isPlain = (flags & SHF.MERGE) !== 0n || COMPILER_CONSTANT.test(symbol.name);
    if (!isConstant || !isPlain || this.#refersOn(section.label))
      throw this.#refusal(
        symbol.label,
        "has no name that livepatch could look up, and is not a plain constant that could be copied",
      );
    return { kind: "own", change: this.#change, section: section.label, symbol: old, copy: section };
  }

  #refersOn(label: string): boolean {
    return this.#change.oldCode.relocations.some(({ section }) => section === label);
  }

  #refusal(label: string, why: string): UnsupportedError {
    return new UnsupportedError({ file: this.#change.name }, `livepatch cannot carry this update: ${label} ${why}`);
  }
}
