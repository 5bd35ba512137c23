import { z } from "zod";
import { MATCH_FINDING_CODES } from "../findings/match.ts";
import { address, count, generator, hex64, hexBytes, severity, valueKind } from "./atoms.ts";
import { CAUSE_NAMES } from "./names/causes.ts";

/*
 * The result of run-pre matching. Types and the JSON Schema (contract/match.schema.json) both come from here; only types leave this
 * file where a program runs.
 */

const label = z.string().describe("label in the object, as in the update description");

const mismatch = z.strictObject({
  offset: count.describe("byte offset in the section"),
  runAddress: address.describe("the same place in the run system"),
  pre: hexBytes.describe("what the object has there, in hexadecimal"),
  run: hexBytes.describe("what the run system has there, in hexadecimal"),
  instruction: z
    .strictObject({
      pre: z.string().describe("that of the object"),
      run: z.string().describe("that of the run system"),
    })
    .optional()
    .describe("the instruction there, in words"),
  why: z.string().describe("what is wrong, in words"),
});

const section = z.strictObject({
  label,
  kind: z.string().describe("what is in it: text, rodata, string, data, bss, a kernel table, …"),
  object: count.describe("index into objects"),
  size: count.describe("bytes"),
  status: z
    .enum(["matched", "ambiguous", "unmatched", "located"])
    .describe(
      "located: its address is known, its contents are the running system's own; ambiguous: several places fit",
    ),
  overridden: z.boolean().optional().describe("a weak definition: the run system has another object's instead"),
  runAddress: address.nullable().describe("where it lies in the run system; null: not known"),
  notLookedFor: z
    .string()
    .optional()
    .describe("why there was no place to look for it, which says nothing about a difference"),
  candidates: z.array(address).describe("where it was looked for"),
  rules: z.array(z.string()).describe("tolerances that were needed, by name"),
  mismatch: mismatch.optional().describe("the first difference at the candidate that came furthest"),
});

const symbol = z.strictObject({
  label,
  name: z.string().describe("the symbol's name"),
  value: address.nullable().describe("its address in the run system; null: not known, or more than one"),
  sympos: count
    .nullable()
    .describe(
      "position among the run system's symbols of that name, as livepatch counts: 0 when there is one only; null: unknown to it",
    ),
  from: z
    .enum(["text", "rodata", "data", "symbol-table", "system-map", "kallsyms", "search"])
    .nullable()
    .describe("what told the value: references of matched contents, a list of symbols, or the search; null: nothing"),
  slot: address
    .optional()
    .describe(
      "where the run system keeps its address once it is loaded: of what it imports; the value is then its stub's",
    ),
  kind: valueKind.optional(),
});

const trampoline = z.strictObject({
  label,
  offset: z.int().describe("bytes from the symbol to where the patch is written"),
  oldAddress: address.describe("where the patch is written"),
  size: count.describe("bytes written"),
  replacement: z.string().nullable().describe("label of the new code or contents; null: a trap, or nothing"),
  newAddress: address.nullable().describe("where the replacement will lie; null: not known"),
  bytes: hexBytes.nullable().describe("null while the place of the new code is not known, or it has no bytes to write"),
  open: z
    .strictObject({
      template: hexBytes.describe("the bytes, with zeros in the open fields"),
      fields: z
        .array(
          z.strictObject({
            offset: count.describe("bytes from the start of the template"),
            size: count.describe("bytes of the field"),
            howto: z.string().describe("name of the relocation type by which the aim goes in"),
          }),
        )
        .describe("where the aim goes in"),
    })
    .optional()
    .describe("the bytes of a jump whose aim is not known yet, and the fields that it goes into"),
  saved: hexBytes.describe("bytes of the run system that are overwritten"),
});

const stage = z.strictObject({
  stage: z.enum(["preparing", "applied", "reversed"]).describe("stage of the update's life"),
  next: z.enum(["applied", "reversed"]).nullable().describe("the stage that follows; null: the last one"),
  checks: z
    .array(
      z.strictObject({
        check: z.string().describe("what must hold"),
        cause: z.enum(CAUSE_NAMES).describe("why the update is aborted if it does not"),
        done: z.boolean().describe("whether this result covers it"),
      }),
    )
    .describe("what is checked before the stage is left, in order"),
});

export const matchResult = z.strictObject({
  schemaVersion: z.literal("1.0").describe("version of the contract"),
  generator,
  run: z
    .strictObject({
      path: z.string().describe("as it was given"),
      kind: z.enum(["exec", "dyn", "rel", "core"]).describe("ET_* in lower case"),
      slide: hex64.describe("how far the run system was moved from where it was linked, in hexadecimal"),
      buildId: z.string().optional().describe("the build ID, in hexadecimal"),
      release: z.string().optional().describe("uname -r of a kernel, where its core tells"),
    })
    .describe("what was matched against"),
  objects: z
    .array(
      z.strictObject({
        path: z.string().describe("as it was given, with slashes"),
        member: z.string().optional().describe("the member's name, of an archive"),
      }),
    )
    .describe("what was matched"),
  outcome: z.enum(["matched", "aborted"]).describe("aborted: abort says why"),
  abort: z
    .strictObject({
      cause: z.enum(CAUSE_NAMES).describe("Ksplice's abort cause"),
      errno: z.string().nullable().describe("the number the kernel review proposes; null where it leaves it open"),
      at: z.string().describe("label of what did not match"),
      why: z.string().describe("what is wrong, in words"),
    })
    .nullable()
    .describe("why the update is aborted; null: it is not"),
  counts: z
    .strictObject({
      text: count.describe("functions; the next four are of these"),
      matched: count.describe("found in exactly one place"),
      ambiguous: count.describe("found in several places"),
      unmatched: count.describe("found nowhere"),
      overridden: count.describe("weak definitions of which the run system has another object's"),
      notLookedFor: count.describe("pieces of data that no name and no reference leads to"),
    })
    .describe("how many spans of the objects were found"),
  sections: z.array(section).describe("spans of the objects, and where they are"),
  symbols: z.array(symbol).describe("symbols of the objects and of new code; by label"),
  safety: z
    .array(
      z.strictObject({
        label,
        start: address.describe("first address"),
        size: count.describe("bytes"),
      }),
    )
    .describe("no thread may be there"),
  patches: z.array(trampoline).describe("what would be written into the run system"),
  lifecycle: z.array(stage).describe("the stages of the update's life, and what is checked in each"),
  findings: z
    .array(
      z.strictObject({
        code: z
          .enum(MATCH_FINDING_CODES)
          .meta({ open: true })
          .describe("which finding; docs/findings.md has an anchor for each"),
        severity,
        label: label.describe("what it is about"),
        message: z.string().describe("the sentence for a person"),
      }),
    )
    .describe("what a person or a gate may act on"),
});

export type MatchResult = z.infer<typeof matchResult>;
export type SectionResult = z.infer<typeof section>;
export type SymbolResult = z.infer<typeof symbol>;
export type TrampolineResult = z.infer<typeof trampoline>;
export type MismatchResult = z.infer<typeof mismatch>;
