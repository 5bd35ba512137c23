import type { Span } from "../spans/span.ts";

/** What has an address: a span (its first byte), or a name that no object of the update defines. */
export type Key = Span | string;

/** How a value became known. */
export type Origin = "text" | "rodata" | "data" | "symbol-table" | "system-map" | "kallsyms" | "search";

export interface Value {
  readonly address: bigint;
  readonly from: Origin;
}

/** How the run system reaches what its loader looks up, or what a resolver chooses. */
export interface Import {
  /** Address of the linker's stub that jumps to it. */
  readonly stub?: bigint;
  /** Address of the slot that holds its address. */
  readonly slot?: bigint;
  /** Whether a resolver of the image itself chooses it (STT_GNU_IFUNC). */
  readonly ifunc?: true;
}

/** Addresses that are known: a key once determined has one value. Ksplice: kmodsrc/ksplice.c, struct labelval. */
export class Values {
  readonly #known = new Map<Key, Value>();
  /** By name. */
  readonly imports = new Map<string, Import>();

  get(key: Key): bigint | undefined {
    return this.#known.get(key)?.address;
  }

  originOf(key: Key): Origin | undefined {
    return this.#known.get(key)?.from;
  }

  set(key: Key, address: bigint, from: Origin): void {
    this.#known.set(key, { address, from });
  }
}

/** Where in a text span a reference lands that cannot be translated before that span is matched. */
export interface InteriorReference {
  readonly span: Span;
  readonly offset: number;
  readonly address: bigint;
}

/** Addresses that hold only if a candidate is the right one. */
export interface Trial {
  readonly addresses: Map<Key, bigint>;
  readonly landings: InteriorReference[];
  /** What stubs and slots turned out to be for, by name. */
  readonly imports: Map<string, Import>;
  /** Tolerances that reading the fields needed. */
  readonly rules: Set<string>;
}

export function newTrial(): Trial {
  return { addresses: new Map(), landings: [], imports: new Map(), rules: new Set() };
}
