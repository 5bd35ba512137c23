import { z } from "zod";
import { SCHEMA_VERSION } from "./names/rungs.ts";

/*
 * The comparison of two update descriptions: types and the JSON Schema (report/compare.schema.json) both come from here.
 */

/** What tells a row of a table from the others, the same in both descriptions. */
const row = {
  target: z.string().optional().describe("vmlinux, or a module's name"),
  name: z.string().describe("a label, a name, or a path"),
  kind: z.string().optional().describe("type of a patch, stage of a hook, code of a finding"),
  at: z.string().optional().describe("offset of a patch; place of a finding"),
};
const plain = z.strictObject(row);
const altered = z.strictObject({
  ...row,
  what: z
    .array(z.strictObject({ field: z.string(), a: z.string(), b: z.string() }))
    .describe("what differs, with the value in each description"),
});
const table = z.strictObject({
  added: z.array(plain).describe("only in b"),
  dropped: z.array(plain).describe("only in a"),
  altered: z.array(altered).describe("in both, and different"),
});
const side = z.strictObject({ id: z.string(), name: z.string(), generator: z.string() });
const recommended = z.string().nullable();

export const updateComparison = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  generator: z.strictObject({ name: z.literal("elfsplice"), version: z.string() }),
  a: side.describe("the older description"),
  b: side.describe("the newer description"),
  superset: z.boolean().describe("whether b patches everything that a patches"),
  lacking: z.array(plain).describe("patches of a that b does without"),
  otherBase: z
    .array(z.strictObject({ target: z.string(), label: z.string() }))
    .describe("old code that both patch and that differs: they are for different systems"),
  functions: table,
  data: table,
  exports: table,
  patches: table,
  hooks: table,
  findings: table,
  objects: table,
  verdict: z.strictObject({
    recommended: z.strictObject({ a: recommended, b: recommended }),
    altered: z.array(z.strictObject({ rung: z.string(), a: z.string(), b: z.string() })),
  }),
});

export type UpdateComparison = z.infer<typeof updateComparison>;
export type TableComparison = z.infer<typeof table>;
export type ComparedRow = z.infer<typeof plain>;
