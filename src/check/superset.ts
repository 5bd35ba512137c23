import type { Patch } from "../contract/code.ts";
import type { Change, UpdateDescription } from "../contract/description.ts";
import { ownerInLabel } from "../contract/section-words.ts";
import { addTo } from "../grouping.ts";

/*
 * A cumulative patch replaces an older one: it must patch everything that the older one patches, for what it leaves alone
 * goes back to the code before both. With what it patches is its own matter. A line number in a bug table needs no patch
 * of its own when the code that the entry belongs to is replaced: new code brings its own entries.
 */

/** Patches of `a` that no patch of `b` covers, each with its change. */
export function lackingPatches(a: UpdateDescription, b: UpdateDescription): (readonly [Change, Patch])[] {
  const cover = new Map(b.changes.map((change) => [change.target, new Cover(change.patches)]));
  return a.changes.flatMap((change) =>
    change.patches
      .filter((patch) => !(cover.get(change.target)?.has(patch) ?? false))
      .map((patch) => [change, patch] as const),
  );
}

/** What the patches of one target write to, by label. */
class Cover {
  readonly #patches = new Map<string, Patch[]>();

  constructor(patches: readonly Patch[]) {
    for (const patch of patches) {
      addTo(this.#patches, patch.oldLabel, patch);
    }
  }

  has(patch: Patch): boolean {
    const same = (this.#patches.get(patch.oldLabel) ?? []).filter(({ type }) => type === patch.type);
    if (patch.type === "text") return same.some(({ oldOffset }) => oldOffset === patch.oldOffset);
    if (patch.type === "export") return same.some(({ replacement }) => replacement === patch.replacement);
    return writesAll(same, patch) || (patch.type === "bug" && this.#replaces(ownerInLabel(patch.oldLabel)));
  }

  #replaces(label: string | undefined): boolean {
    return label !== undefined && (this.#patches.get(label) ?? []).some(({ type }) => type === "text");
  }
}

/** Whether every byte that a patch writes is written by one of the others. */
function writesAll(others: readonly Patch[], { oldOffset, size }: Patch): boolean {
  let at = oldOffset;
  for (const other of [...others].sort((x, y) => x.oldOffset - y.oldOffset))
    if (other.oldOffset <= at) at = Math.max(at, other.oldOffset + other.size);
  return at >= oldOffset + size && others.length > 0;
}
