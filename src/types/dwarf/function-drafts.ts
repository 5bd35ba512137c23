import type { FunctionNode, FunctionUse } from "../graph.ts";
import type { Entry } from "./entry.ts";

/** A function as it is read: what its entries refer to is found when all are read. */
export interface FunctionDraft {
  readonly name: string;
  /** The abstract function, or the declaration, that it is an instance of. */
  readonly origin: number | undefined;
  readonly hasCode: boolean;
  readonly code: FunctionNode["code"];
  readonly uses: FunctionUse[];
  /** Numbers of the functions whose bodies were inlined. */
  readonly inlined: number[];
}

/** The functions of one object, by the numbers of their entries. */
export class FunctionDrafts {
  readonly #drafts = new Map<number, FunctionDraft>();

  /** `returned` is the type that it returns; undefined for void. */
  add(id: number, entry: Entry, returned: number | undefined): FunctionDraft {
    const reference = entry.origin ?? entry.specification;
    const draft: FunctionDraft = {
      name: entry.name,
      origin: typeof reference === "number" ? reference : undefined,
      hasCode: entry.hasCode,
      code: entry.code,
      uses: returned === undefined ? [] : [{ how: "returns", type: returned, name: "" }],
      inlined: [],
    };
    this.#drafts.set(id, draft);
    return draft;
  }

  /** Functions with code; an instance has its name and its parameters' types from the abstract function. DWARF 5 section 3.3.8. */
  finish(): FunctionNode[] {
    const list: FunctionNode[] = [];
    for (const draft of this.#drafts.values()) {
      if (!draft.hasCode) continue;
      const origins = new Set(draft.inlined.map((id) => this.#drafts.get(id)).filter((found) => found !== undefined));
      list.push({
        name: this.#nameOf(draft),
        code: draft.code,
        uses: this.#usesOf(draft),
        inlined: [...origins].map((origin) => ({ name: this.#nameOf(origin), uses: this.#usesOf(origin) })),
      });
    }
    return list;
  }

  #originOf({ origin }: FunctionDraft): FunctionDraft | undefined {
    return origin === undefined ? undefined : this.#drafts.get(origin);
  }

  #nameOf(draft: FunctionDraft): string {
    let found: FunctionDraft | undefined = draft;
    // An instance leads to the abstract function, that to its declaration.
    for (let steps = 0; found !== undefined && steps < 3; steps++, found = this.#originOf(found))
      if (found.name !== "") return found.name;
    return "";
  }

  #usesOf(draft: FunctionDraft): readonly FunctionUse[] {
    const origin = this.#originOf(draft);
    return origin === undefined || origin === draft ? draft.uses : [...draft.uses, ...origin.uses];
  }
}
