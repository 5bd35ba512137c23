import { validateDescription } from "../check/validate.ts";
import { matchResult } from "../contract/match.ts";
import { FormatError, UsageError } from "../errors.ts";

/**
 * The position of each label's name among equal names, from what `match` wrote: its result, or the update that came back from it.
 * Null where the running system has no such name. Throws FormatError for another document, UsageError where matching was aborted.
 */
export function readPositions(document: unknown, file: string): ReadonlyMap<string, number | null> {
  const result = matchResult.safeParse(document);
  if (result.success) {
    if (result.data.outcome !== "matched")
      throw new UsageError(`--match ${file}: it did not match, so it tells no positions`);
    return new Map(result.data.symbols.map(({ label, sympos }) => [label, sympos]));
  }
  const { update } = validateDescription(document);
  if (update === undefined)
    throw new FormatError({ file }, "neither the result of elfsplice match nor an update that came back from it");
  const positions = new Map<string, number | null>();
  for (const { oldCode, newCode } of update.changes)
    for (const { label, sympos } of [...oldCode.symbols, ...newCode.symbols])
      if (sympos !== undefined) positions.set(label, sympos);
  return positions;
}
