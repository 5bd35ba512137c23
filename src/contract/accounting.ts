import { z } from "zod";
import { count as number, objectIndex } from "./atoms.ts";

/*
 * The account of every byte, in the update description and in what one pair contributes to it.
 */

const count = z.int().min(1);

const shares = (unit: string) =>
  z
    .strictObject({
      equal: count.optional().describe(`${unit} of what was compared and is the same on both sides`),
      reported: count.optional().describe(`${unit} of what functions, data, exports or findings tell`),
      table: count.optional().describe(`${unit} of table entries, which go with the code that they belong to`),
      export: count.optional().describe(`${unit} of entries of the export tables`),
      noise: count.optional().describe(`${unit} of what differs only in what noise tells`),
      padding: count.optional().describe(`${unit} of filler between things`),
      regenerated: count.optional().describe(`${unit} of what the build makes from the rest, such as ORC`),
      metadata: count.optional().describe(`${unit} of what neither runs nor is read by what runs`),
      unexplained: count
        .optional()
        .describe(`${unit} of what differs untold: there is a finding difference-unexplained`),
    })
    .meta({ description: `${unit} by owner; owners that have nothing are left out` });

const side = z
  .strictObject({
    bytes: shares("bytes of allocated sections").describe("all SHF_ALLOC sections; SHT_NOBITS by their size in memory"),
    allocated: number.describe("sum of the sizes of all SHF_ALLOC sections"),
    relocations: shares("relocation records").describe("records that apply to SHF_ALLOC sections"),
    records: number.describe("number of records that apply to SHF_ALLOC sections"),
  })
  .describe("one side of the account: each byte and each record has one owner");

/** What one pair contributes. */
export const pairAccounting = z.strictObject({ pre: side.optional(), post: side.optional() });

export const accounting = z.strictObject({
  objects: z
    .array(
      z.strictObject({
        object: objectIndex,
        pre: side.optional().describe("left out where pre has no such object"),
        post: side.optional().describe("left out where post has no such object"),
      }),
    )
    .describe("objects that were looked into, by index"),
  identical: number.describe("objects whose files are the same on both sides: nothing in them needs an owner"),
  unread: number.describe("objects that could not be read; each has its finding"),
  pre: side.describe("sum over objects"),
  post: side.describe("sum over objects"),
});

export type PairAccounting = z.infer<typeof pairAccounting>;
export type Accounting = z.infer<typeof accounting>;
export type AccountedSide = z.infer<typeof side>;
