import { z } from "zod";
import { FINDING_CODES } from "../findings/findings.ts";
import { KEXEC_FINDING_CODES } from "../findings/kexec.ts";
import { count, generator, severity, address as value } from "./atoms.ts";
import { liveUpdateSimulation, participant } from "./live-update.ts";

/*
 * The plan of `elfsplice kexec`. Types and the JSON Schema (contract/kexec.schema.json) both come from here; only types leave this
 * file where a program runs.
 */

const address = value.describe("physical address in hexadecimal");

const part = z.strictObject({
  from: z.enum(["kernel", "initrd"]).describe("which file"),
  offset: count.describe("byte offset in the file"),
  size: count.describe("bytes"),
  at: count.describe("byte offset in the segment"),
});

const segment = z.strictObject({
  name: z.string().describe("for a person"),
  mem: address.describe("physical address of its first page, in hexadecimal"),
  memsz: count.describe("bytes of memory, in whole pages"),
  bufsz: count.describe("bytes before the zeros that fill the rest; zeros may stand between the parts too"),
  parts: z.array(part).describe("what is in it; by address"),
});

const run = z.strictObject({
  from: address.describe("lowest page that is read"),
  to: address.describe("lowest page that is written"),
  count: count.describe("pages"),
  order: z
    .enum(["ascending", "descending"])
    .optional()
    .describe("whether the lowest or the highest page is moved first; absent where there is only one"),
});

const copy = z.strictObject({
  pages: count.describe("pages of all segments; each has one source page"),
  identity: count.describe("pages that already are where they belong"),
  moved: count.describe("page copies that the moves are, those by way of the spare page included"),
  cycles: count.describe("how often a page is put aside on the spare page"),
  spare: address
    .nullable()
    .describe("the control page: outside all segments and all source pages; the one page that cycles are broken with"),
  sources: z.string().describe("where the source pages come from: ascending, random:SEED, or a file"),
  moves: z.array(run).describe("in this order no page is overwritten before it is read"),
});

const range = z.strictObject({
  start: address.describe("first address"),
  end: address.describe("belongs to the range"),
});

export const kexecPlan = z.strictObject({
  schemaVersion: z.literal("1.0").describe("version of the contract"),
  generator,
  kernel: z
    .strictObject({
      path: z.string().describe("as it was given"),
      size: count.describe("bytes of the file"),
      kind: z.enum(["exec", "dyn"]).describe("ET_* in lower case"),
      arch: z.string().describe("the architecture's name"),
      machine: count.describe("EM_* number"),
    })
    .describe("the kernel that is to be started"),
  initrd: z
    .strictObject({
      path: z.string().describe("as it was given"),
      size: count.describe("bytes of the file"),
      address: address.nullable().describe("where it goes; null: there is no room"),
      limit: address.nullable().describe("highest address its last byte may have; null: none"),
      why: z.string().describe("what sets the limit, or who chose the address"),
    })
    .optional()
    .describe("the initial RAM disk"),
  mode: z
    .enum(["normal", "panic"])
    .describe(
      "normal: loaded anywhere and moved at the reboot; panic: loaded in place, nothing is left to do at the crash",
    ),
  pageSize: count.describe("bytes"),
  memory: z.array(range).nullable().describe("where segments may lie; null: not told"),
  segments: z.array(segment).describe("by address"),
  entry: z
    .strictObject({
      value: address.describe("e_entry"),
      physical: address.describe("where to jump"),
      as: z.enum(["physical", "virtual", "both"]).describe("how e_entry was understood"),
    })
    .nullable()
    .describe("where the kernel begins; null: it lies in no segment"),
  copy: copy.nullable().describe("null where findings stand in the way"),
  participants: z.array(participant).optional().describe("who takes part in a live update, in order of registration"),
  simulations: z.array(liveUpdateSimulation).optional().describe("one for each scenario that was asked for"),
  findings: z
    .array(
      z.strictObject({
        code: z
          .enum([...KEXEC_FINDING_CODES, ...FINDING_CODES])
          .meta({ open: true })
          .describe("which finding; docs/findings.md has an anchor for each"),
        severity,
        name: z.string().describe("what it is about"),
        message: z.string().describe("the sentence for a person"),
      }),
    )
    .describe("what a person or a gate may act on"),
  status: z
    .enum(["applicable", "needs-work", "not-applicable"])
    .describe("not-applicable: an error stands in the way; needs-work: a person has to look at a warning"),
});

export type KexecPlan = z.infer<typeof kexecPlan>;
export type KexecMove = z.infer<typeof run>;
