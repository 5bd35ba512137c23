import { addTo } from "../grouping.ts";
import type { TableEntry } from "../spans/span.ts";
import type { RunImage } from "./image.ts";

/** Tables in which the kernel looks an address up when an instruction traps; each entry begins with that address. */
const TRAP_TABLES: ReadonlySet<string> = new Set(["__bug_table", "__ex_table"]);

/** No kernel has a table of traps of this size. */
const LARGEST = 1 << 26;

/** What a lookup in a table of the run system gives. */
export type Lookup =
  | { readonly kind: "unknown" }
  | { readonly kind: "missing" }
  | { readonly kind: "found"; readonly places: readonly bigint[] };

/** The run system's trap tables, each read when it is first asked for. Linux: lib/bug.c, lib/extable.c. */
export class RunTables {
  readonly #image: RunImage;
  readonly #indexes = new Map<string, ReadonlyMap<bigint, bigint[]> | undefined>();

  constructor(image: RunImage) {
    this.#image = image;
  }

  /** Where the run system has entries for an address, in the table that an object's entry belongs to. */
  find(entry: TableEntry, address: bigint): Lookup {
    const { name } = entry.section;
    if (!TRAP_TABLES.has(name)) return { kind: "unknown" };
    const width = entry.relocations.find(({ offset }) => offset === entry.ownerField)?.howto;
    if (width === undefined || width.size < 4) return { kind: "unknown" };
    // RISC-V and LoongArch write the distance with a pair of relocations.
    const relative = width.pcrel || width.role === "difference";
    const key = `${name} ${entry.size} ${relative} ${width.size}`;
    if (!this.#indexes.has(key)) this.#indexes.set(key, this.#read(name, entry.size, relative, width.size));
    const index = this.#indexes.get(key);
    if (index === undefined) return { kind: "unknown" };
    const places = index.get(address);
    return places === undefined ? { kind: "missing" } : { kind: "found", places };
  }

  #read(name: string, stride: number, relative: boolean, width: number): ReadonlyMap<bigint, bigint[]> | undefined {
    const table = this.#image.table(name);
    if (table === undefined || table.size > LARGEST) return undefined;
    const bytes = this.#image.memory.read(table.start, table.size);
    if (bytes === undefined || bytes.length < table.size) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const little = this.#image.arch.data === "lsb";
    const index = new Map<bigint, bigint[]>();
    for (let at = 0; at + stride <= bytes.length; at += stride) {
      const place = table.start + BigInt(at);
      const word = width === 8 ? view.getBigInt64(at, little) : BigInt(view.getInt32(at, little));
      const owner = BigInt.asUintN(this.#image.arch.class, relative ? word + place : word);
      addTo(index, owner, place);
    }
    return index;
  }
}
