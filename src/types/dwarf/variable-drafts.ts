import type { VariableNode } from "../graph.ts";
import type { Entry } from "./entry.ts";

interface VariableDraft {
  readonly name: string;
  readonly type: number | undefined;
  /** The declaration, or the abstract variable, that has what this one lacks. */
  readonly specification: number | undefined;
  readonly isDefined: boolean;
}

/** The variables of one object: those with an address, and declarations of those that other objects define. */
export class VariableDrafts {
  readonly #drafts: VariableDraft[] = [];
  readonly #types = new Map<number, { readonly name: string; readonly type: number | undefined }>();

  /** `isLocal`: declared in a function. */
  add(id: number, entry: Entry, name: string, type: number | undefined, isLocal: boolean): void {
    this.#types.set(id, { name, type });
    if (!entry.isStatic && (isLocal || !entry.isDeclaration)) return;
    const reference = entry.specification ?? entry.origin;
    const specification = typeof reference === "number" ? reference : undefined;
    this.#drafts.push({ name, type, specification, isDefined: entry.isStatic });
  }

  /** Each name once; a definition counts before a declaration. */
  finish(): VariableNode[] {
    const byName = new Map<string, VariableNode>();
    for (const { name, type, specification, isDefined } of this.#drafts) {
      const from = specification === undefined ? undefined : this.#types.get(specification);
      const full = name === "" ? (from?.name ?? "") : name;
      const known = byName.get(full);
      const found = type ?? from?.type;
      if (found === undefined || (known !== undefined && !isDefined)) continue;
      byName.set(full, { name: full, type: found, isDefined });
    }
    return [...byName.values()];
  }
}
