import { z } from "zod";

/*
 * The result of run-pre matching. Types and the JSON Schema (report/match.schema.json) both come from here; only types leave this
 * file where a program runs.
 */

const address = z
  .string()
  .regex(/^0x[0-9a-f]+$/)
  .describe("64-bit address in hexadecimal");
const hexBytes = z
  .string()
  .regex(/^([0-9a-f]{2})*$/)
  .describe("bytes in hexadecimal");
const count = z.int().min(0);

const mismatch = z.strictObject({
  offset: count.describe("byte offset in the section"),
  runAddress: address,
  pre: hexBytes,
  run: hexBytes,
  instruction: z.strictObject({ pre: z.string(), run: z.string() }).optional(),
  why: z.string(),
});

const section = z.strictObject({
  label: z.string(),
  kind: z.string(),
  object: count.describe("index into objects"),
  size: count,
  status: z
    .enum(["matched", "ambiguous", "unmatched", "located"])
    .describe(
      "located: its address is known, its contents are the running system's own; ambiguous: several places fit",
    ),
  overridden: z.boolean().optional().describe("a weak definition: the run system has another object's instead"),
  runAddress: address.nullable(),
  notLookedFor: z
    .string()
    .optional()
    .describe("why there was no place to look for it, which is no sign of a difference"),
  candidates: z.array(address).describe("where it was looked for"),
  rules: z.array(z.string()).describe("tolerances that were needed, by name"),
  mismatch: mismatch.optional(),
});

const symbol = z.strictObject({
  label: z.string(),
  name: z.string(),
  value: address.nullable(),
  sympos: count
    .nullable()
    .describe(
      "position among the run system's symbols of that name, as livepatch counts: 0 when there is one only; null: unknown to it",
    ),
  from: z.enum(["text", "rodata", "data", "symbol-table", "system-map", "kallsyms", "search"]).nullable(),
});

const trampoline = z.strictObject({
  label: z.string(),
  offset: z.int(),
  oldAddress: address,
  size: count,
  replacement: z.string().nullable(),
  newAddress: address.nullable(),
  bytes: hexBytes.nullable().describe("null while the place of the new code is not known, or it has no bytes to write"),
  open: z
    .strictObject({
      template: hexBytes,
      fields: z.array(z.strictObject({ offset: count, size: count, howto: z.string() })),
    })
    .optional()
    .describe("the bytes of a jump whose aim is not known yet, and the fields that it goes into"),
  saved: hexBytes.describe("bytes of the run system that are overwritten"),
});

const stage = z.strictObject({
  stage: z.enum(["preparing", "applied", "reversed"]),
  next: z.enum(["applied", "reversed"]).nullable(),
  checks: z.array(
    z.strictObject({
      check: z.string(),
      cause: z.string(),
      done: z.boolean().describe("whether this result covers it"),
    }),
  ),
});

export const matchResult = z.strictObject({
  schemaVersion: z.literal("1.0"),
  generator: z.strictObject({ name: z.literal("elfsplice"), version: z.string() }),
  run: z.strictObject({
    path: z.string(),
    kind: z.enum(["exec", "dyn", "rel", "core"]),
    slide: z.string().regex(/^-?0x[0-9a-f]+$/),
    buildId: z.string().optional(),
    release: z.string().optional().describe("uname -r of a kernel, where its core tells"),
  }),
  objects: z.array(z.strictObject({ path: z.string(), member: z.string().optional() })),
  outcome: z.enum(["matched", "aborted"]),
  abort: z
    .strictObject({
      cause: z.string().describe("Ksplice's abort cause"),
      errno: z.string().nullable().describe("the number the kernel review proposes; null where it leaves it open"),
      at: z.string().describe("label of what did not match"),
      why: z.string(),
    })
    .nullable(),
  counts: z.strictObject({
    text: count.describe("functions; the next four are of these"),
    matched: count,
    ambiguous: count,
    unmatched: count,
    overridden: count,
    notLookedFor: count.describe("pieces of data that no name and no reference leads to"),
  }),
  sections: z.array(section),
  symbols: z.array(symbol),
  safety: z
    .array(z.strictObject({ label: z.string(), start: address, size: count }))
    .describe("no thread may be there"),
  patches: z.array(trampoline),
  lifecycle: z.array(stage),
  findings: z.array(
    z.strictObject({
      code: z.string(),
      severity: z.enum(["error", "warning", "note"]),
      label: z.string(),
      message: z.string(),
    }),
  ),
});

export type MatchResult = z.infer<typeof matchResult>;
export type SectionResult = z.infer<typeof section>;
export type SymbolResult = z.infer<typeof symbol>;
export type TrampolineResult = z.infer<typeof trampoline>;
export type MismatchResult = z.infer<typeof mismatch>;
