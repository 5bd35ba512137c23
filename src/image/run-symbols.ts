/** One symbol of the run system. */
export interface RunSymbol {
  readonly name: string;
  readonly address: bigint;
  /** Bytes; 0 where it is not known, as in System.map. */
  readonly size: number;
  /** Whether another definition may take its place. */
  readonly weak: boolean;
  /** Module, where the list says it. */
  readonly module: string | undefined;
  /** Position in the list it comes from. */
  readonly index: number;
  /** STT_* number, where the list has it. */
  readonly type?: number;
  /** Of a local symbol the STT_FILE symbol in front of it, by its index: each is one input file of the link. */
  readonly file?: number;
  /** Whether the low bit of its value said that it is of the other instruction set (Thumb, MIPS16). */
  readonly tagged?: true;
}

/** Where a list of symbols comes from. */
export type SymbolOrigin = "symbol-table" | "system-map" | "kallsyms" | "none";

/** The symbols of the run system by name. */
export interface RunSymbols {
  readonly origin: SymbolOrigin;
  readonly count: number;
  /** Whether the list tells of some symbols which module they are in. */
  readonly hasModules: boolean;
  /** All symbols of a name, by address. */
  named(name: string): readonly RunSymbol[];
  /** Every symbol, in the order of the list. */
  all(): Iterable<RunSymbol>;
}

const NONE: readonly RunSymbol[] = [];

/** A list of symbols; the index by name is made when it is first asked for. */
export function runSymbols(origin: SymbolOrigin, symbols: readonly RunSymbol[]): RunSymbols {
  let byName: Map<string, RunSymbol | RunSymbol[]> | undefined;
  const sorted = new Set<RunSymbol[]>();
  return {
    origin,
    count: symbols.length,
    hasModules: symbols.some(({ module }) => module !== undefined),
    named(name) {
      byName ??= indexByName(symbols);
      const known = byName.get(name);
      if (known === undefined) return NONE;
      if (!Array.isArray(known)) return [known];
      if (!sorted.has(known)) {
        known.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : a.index - b.index));
        sorted.add(known);
      }
      return known;
    },
    all: () => symbols,
  };
}

function indexByName(symbols: readonly RunSymbol[]): Map<string, RunSymbol | RunSymbol[]> {
  const byName = new Map<string, RunSymbol | RunSymbol[]>();
  for (const symbol of symbols) {
    const known = byName.get(symbol.name);
    if (known === undefined) byName.set(symbol.name, symbol);
    else if (Array.isArray(known)) known.push(symbol);
    else byName.set(symbol.name, [known, symbol]);
  }
  return byName;
}

export const NO_SYMBOLS: RunSymbols = runSymbols("none", []);
