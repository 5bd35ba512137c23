import { z } from "zod";
import { generator } from "./atoms.ts";
import { RUNGS, SCHEMA_VERSION } from "./names/rungs.ts";

/*
 * The comparison of two update descriptions: types and the JSON Schema (contract/compare.schema.json) both come from here.
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
    .array(
      z.strictObject({
        field: z.string().describe("which field of the row"),
        a: z.string().describe("its value in the older description, in words"),
        b: z.string().describe("its value in the newer description, in words"),
      }),
    )
    .describe("what differs, with the value in each description"),
});
const table = (of: string) =>
  z
    .strictObject({
      added: z.array(plain).describe("only in b"),
      dropped: z.array(plain).describe("only in a"),
      altered: z.array(altered).describe("in both, and different"),
    })
    .describe(`what became of ${of}`);
const side = z.strictObject({
  id: z.string().describe("name of the update"),
  name: z.string().describe("the same as Ksplice would write it"),
  generator: z.string().describe("name and version of the program that made it"),
});
const recommended = (of: string) =>
  z.enum(RUNGS).nullable().describe(`the rung that ${of} recommends; null: none is applicable yet`);

export const updateComparison = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION).describe("version of the contract"),
  generator,
  a: side.describe("the older description"),
  b: side.describe("the newer description"),
  superset: z.boolean().describe("whether b patches everything that a patches"),
  lacking: z.array(plain).describe("patches of a that b does without"),
  otherBase: z
    .array(
      z.strictObject({
        target: z.string().describe("vmlinux, or a module's name"),
        label: z.string().describe("label of the old code"),
      }),
    )
    .describe("old code that both patch and that differs: they are for different systems"),
  functions: table("functions that differ"),
  data: table("data that differs"),
  exports: table("exported symbols that differ"),
  patches: table("patches"),
  hooks: table("hooks"),
  findings: table("findings"),
  objects: table("the pairs of files"),
  verdict: z
    .strictObject({
      recommended: z
        .strictObject({ a: recommended("the older one"), b: recommended("the newer one") })
        .describe("the rung that each recommends"),
      altered: z
        .array(
          z.strictObject({
            rung: z.enum(RUNGS).describe("which way to a running system"),
            a: z.string().describe("its status in the older one"),
            b: z.string().describe("its status in the newer one"),
          }),
        )
        .describe("rungs whose status differs"),
    })
    .describe("what became of the verdict"),
});

export type UpdateComparison = z.infer<typeof updateComparison>;
export type TableComparison = z.infer<ReturnType<typeof table>>;
export type ComparedRow = z.infer<typeof plain>;
