import type { CodeSymbol } from "../contract/code.ts";
import type { UpdateDescription } from "../contract/description.ts";
import type { MatchResult } from "../contract/match.ts";
import { SHT } from "../elf/constants.ts";
import type { Piece } from "./pieces.ts";
import { type DynamicSymbol, dynamicValue, type Program } from "./program.ts";
import { refuse } from "./refuse.ts";

/** What a symbol of an update stands for in the program that is written. */
export type Meaning =
  | {
      readonly kind: "address";
      /** Where it is; of code the low bit not set. */
      readonly address: bigint;
      /** 1n where the low bit of its address tells the instruction set (Thumb). */
      readonly tag: bigint;
      /** Bytes to where code with the same TOC pointer enters. */
      readonly localEntry: bigint;
      /** Symbol of `.dynsym` that the dynamic linker looks up, so that others may take its place. */
      readonly lookup: DynamicSymbol | undefined;
      /** A number that does not move with the program. */
      readonly isAbsolute: boolean;
      /** Whether a stub of the linker is there, which leads on. */
      readonly isStub: boolean;
    }
  /** A thread-local: its offset in the program's; undefined for one of another module. */
  | { readonly kind: "thread"; readonly offset: bigint | undefined; readonly lookup: DynamicSymbol | undefined }
  /** What only the dynamic linker knows. */
  | { readonly kind: "import"; readonly lookup: DynamicSymbol };

/** Names that linkers define for code to find its data by. psABI supplements. */
const GOT_NAMES = new Set(["_GLOBAL_OFFSET_TABLE_", "__GLOBAL_OFFSET_TABLE_"]);
const TOC_NAMES = new Set([".TOC.", "_gp", "_gp_disp", "__gnu_local_gp"]);

/** Whether a symbol is one that the linker makes for code that has none. */
export function isMadeByLinker(name: string): boolean {
  return GOT_NAMES.has(name) || TOC_NAMES.has(name);
}

/** Values of an update's symbols: of its own by where the pieces are, of others by what matching found. */
export class Meanings {
  readonly #program: Program;
  readonly #addresses = new Map<string, bigint>();
  /** Labels of what only a stub of the program's leads to. */
  readonly #stubs = new Set<string>();
  readonly #old = new Map<string, { readonly address: bigint; readonly localEntry: bigint }>();
  readonly #symbols: readonly ReadonlyMap<string, CodeSymbol>[];
  /** Where pieces are, by label; filled when they have been laid out. */
  readonly places = new Map<string, bigint>();
  /** Start of the GOT that new code uses. */
  got: bigint | undefined;

  constructor(update: UpdateDescription, result: MatchResult, pieces: readonly Piece[], program: Program) {
    this.#program = program;
    for (const { label, runAddress, status } of result.sections) {
      if (runAddress !== null && (status === "matched" || status === "located"))
        this.#addresses.set(label, BigInt(runAddress));
    }
    for (const { label, value, kind } of result.symbols) {
      if (value !== null) this.#addresses.set(label, BigInt(value));
      if (kind === "ifunc") this.#stubs.add(label);
    }
    this.#symbols = update.changes.map(
      ({ newCode }) => new Map(newCode.symbols.map((symbol) => [symbol.label, symbol])),
    );
    const inPlace = new Map(pieces.filter(({ room }) => room === "in-place").map((piece) => [piece.label, piece]));
    const placed = new Map(result.patches.map((patch) => [`${patch.label}+${patch.offset}`, BigInt(patch.oldAddress)]));
    for (const { oldCode, patches } of update.changes) {
      const old = new Map(oldCode.symbols.map((symbol) => [symbol.label, symbol]));
      for (const { type, oldLabel, oldOffset, replacement, replacementOffset = 0 } of patches) {
        const address = placed.get(`${oldLabel}+${oldOffset}`);
        if (address === undefined || replacement === null) continue;
        if (type === "data" && inPlace.has(replacement))
          this.places.set(replacement, address - BigInt(replacementOffset));
        if (type !== "text" || this.#old.has(replacement)) continue;
        const localEntry = BigInt(old.get(oldLabel)?.localEntry ?? 0);
        if (BigInt(oldOffset) === localEntry) this.#old.set(replacement, { address: address - localEntry, localEntry });
      }
    }
  }

  /** The GOT of the program. */
  get programGot(): bigint {
    const { object, file } = this.#program;
    const named = object.symbols.find(({ name }) => GOT_NAMES.has(name));
    if (named !== undefined) return named.value;
    const tagged = dynamicValue(object, 3n);
    if (tagged !== undefined) return tagged;
    const section = object.sections.find(({ name, type }) => type === SHT.PROGBITS && name === ".got");
    return section?.addr ?? refuse(file, "new code uses the GOT, and the program has none");
  }

  get toc(): bigint {
    if (this.got !== undefined) return this.got + this.#program.arch.load.tocBias;
    const { object, arch } = this.#program;
    const named = object.symbols.find(({ name }) => name === "_gp");
    if (named !== undefined) return named.value;
    const section = object.sections.find(({ name }) => name === ".got");
    return (section?.addr ?? this.programGot) + arch.load.tocBias;
  }

  symbol(change: number, label: string): CodeSymbol | undefined {
    return this.#symbols[change]?.get(label);
  }

  /** Whether a symbol stands for what the TOC pointer, or $gp, holds. */
  isPointer(change: number, label: string): boolean {
    return TOC_NAMES.has(this.symbol(change, label)?.name ?? "");
  }

  /** What a symbol stands for; `isTaken` where its address is handed on, so that a replaced function must keep its old one. */
  meaning(change: number, label: string, isTaken: boolean): Meaning {
    const symbol = this.symbol(change, label);
    const { file } = this.#program;
    if (symbol === undefined) refuse(file, `nothing tells what ${label === "" ? "a symbol without a name" : label} is`);
    if (GOT_NAMES.has(symbol.name)) return plain(this.got ?? this.programGot);
    if (TOC_NAMES.has(symbol.name)) return plain(this.toc);
    if (symbol.section !== null) return this.#own(symbol, isTaken);
    if (symbol.type === "absolute" && symbol.value !== undefined) return plain(BigInt(symbol.value), true);
    return this.#other(symbol);
  }

  #own(symbol: CodeSymbol, isTaken: boolean): Meaning {
    const section = symbol.section as string;
    const old = isTaken ? this.#old.get(symbol.label) : undefined;
    const tag = symbol.instructionSet === "thumb" ? 1n : 0n;
    if (old !== undefined) return { ...plain(old.address), tag, localEntry: old.localEntry };
    const place = this.places.get(section) ?? 0n;
    return { ...plain(place + BigInt(symbol.offset)), tag, localEntry: BigInt(symbol.localEntry ?? 0) };
  }

  #other(symbol: CodeSymbol): Meaning {
    const { dynamic, file, isLibrary, arch } = this.#program;
    const lookup = symbol.bind === "local" ? undefined : dynamic.get(symbol.name);
    const value = this.#addresses.get(symbol.label) ?? (symbol.value === undefined ? undefined : BigInt(symbol.value));
    if (symbol.type === "tls" || lookup?.isThread || this.#isThread(symbol)) {
      if (value === undefined && lookup === undefined)
        refuse(file, `no value is known of the thread-local ${symbol.name}`);
      return { kind: "thread", offset: value, lookup: lookup?.isDefined && !isLibrary ? undefined : lookup };
    }
    const isLooked = lookup !== undefined && (!lookup.isDefined || isLibrary);
    if (value === undefined) {
      if (lookup !== undefined && isLooked) return { kind: "import", lookup };
      if (symbol.bind === "weak") return plain(0n, true);
      refuse(file, `no value is known of ${symbol.name === "" ? symbol.label : symbol.name}`);
    }
    const bare = arch.functionTagBit ? value & ~1n : value;
    const isCode = symbol.type === "function" || symbol.type === "other" || symbol.type === "gnu-ifunc";
    const found = isCode ? this.#program.functionAt(bare) : undefined;
    const tag = arch.functionTagBit === true && isCode ? (value | (found?.value ?? 0n)) & 1n : 0n;
    const address = isCode ? bare : value;
    const localEntry = BigInt(found === undefined ? 0 : arch.localEntry(found.other));
    // An undefined weak symbol that matching calls 0 has no address.
    const isAbsolute = value === 0n && symbol.bind === "weak";
    const isStub = (lookup !== undefined && !lookup.isDefined) || this.#stubs.has(symbol.label);
    return { kind: "address", address, tag, localEntry, lookup: isLooked ? lookup : undefined, isAbsolute, isStub };
  }

  /** Undefined symbols have no type in many objects. */
  #isThread({ name, bind }: CodeSymbol): boolean {
    if (bind === "local") return false;
    this.#threads ??= new Set(
      this.#program.object.symbols
        .filter(({ type, section }) => type === 6 && section !== undefined)
        .map((s) => s.name),
    );
    return this.#threads.has(name);
  }

  #threads: Set<string> | undefined;
}

function plain(address: bigint, isAbsolute = false): Meaning & { readonly kind: "address" } {
  return { kind: "address", address, tag: 0n, localEntry: 0n, lookup: undefined, isAbsolute, isStub: false };
}
