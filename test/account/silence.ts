import { diffObjects, readObject, type UpdateDescription } from "../../src/index.ts";
import { excuseFor, type Mutant } from "./mutations.ts";

/** What became of one mutation: told by the description, refused by the reader, excused by its class, or silent. */
export type Fate =
  | { readonly fate: "told" | "refused" | "silent" }
  | { readonly fate: "excused"; readonly why: string };

/** Compares an object with its mutant. */
export async function fateOf(original: Uint8Array, mutant: Mutant): Promise<Fate> {
  const pre = readObject(original, "pre.o");
  let update: UpdateDescription;
  try {
    update = await diffObjects(pre, readObject(mutant.bytes, "post.o"));
  } catch (error) {
    if (error instanceof Error && /^(FormatError|UnsupportedError)$/.test(error.name)) return { fate: "refused" };
    throw error;
  }
  if (isTelling(update)) return { fate: "told" };
  const why = excuseFor(mutant, pre);
  return why === undefined ? { fate: "silent" } : { fate: "excused", why };
}

function isTelling({ verdict, functions, data, exports, findings, noise }: UpdateDescription): boolean {
  const isNone = verdict.rungs.some(({ rung, status }) => rung === "none" && status === "applicable");
  return !isNone || [functions, data, exports, findings, noise].some((list) => list.length > 0);
}
