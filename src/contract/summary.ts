import { z } from "zod";
import { count } from "./atoms.ts";

/** Numbers of things by a key; keys that count nothing are left out. */
const byKey = (keys: readonly [string, ...string[]], what: string) =>
  z.partialRecord(z.enum(keys), z.int().min(1)).describe(`${what}; what counts nothing is left out`);

/** What a reader wants to know before the lists: counts and sizes. What is suppressed or only moved is counted apart. */
export const summary = z
  .strictObject({
    objects: byKey(["identical", "equivalent", "changed", "added", "removed"], "objects by status"),
    functions: byKey(["changed", "new", "deleted", "renamed", "line-only"], "functions by status"),
    data: byKey(["changed", "new", "deleted", "in-place", "renamed", "line-only"], "data by status"),
    exports: byKey(["new", "deleted", "changed"], "exports by status"),
    findings: byKey(["error", "warning", "note"], "findings by severity"),
    patches: byKey(["text", "data", "export", "bug"], "patches by type"),
    moved: count.describe("functions that another object defines now; not counted above"),
    suppressed: count.describe("functions that the suppression file leaves alone; not counted above"),
    size: z
      .strictObject({
        pre: count.describe("bytes of the changed and deleted functions, before"),
        post: count.describe("bytes of the changed and new functions, after"),
      })
      .describe("how large the functions are that change"),
    newCode: z
      .strictObject({
        bytes: count.describe("bytes of all sections of newCode"),
        text: count.describe("bytes of functions among them"),
        sections: count.describe("number of sections of newCode"),
        imports: count.describe("symbols of newCode that others define"),
      })
      .describe("what is loaded, all targets together"),
    inlined: z
      .array(
        z.strictObject({
          name: z.string().describe("the inlined function"),
          functions: z.int().min(2).describe("number of functions that changed with it"),
        }),
      )
      .describe("inlined functions that more than one function changed with; the one of most first"),
  })
  .describe("counts and sizes; left out by versions before 1.1");

export type Summary = z.infer<typeof summary>;
