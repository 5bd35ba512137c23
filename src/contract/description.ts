import { z } from "zod";
import { FINDING_CODES } from "../findings/findings.ts";
import { accounting } from "./accounting.ts";
import { count, generator, label, named, objectIndex, severity, sha256, target } from "./atoms.ts";
import { changeCause, functionSource, instructionRow } from "./cause.ts";
import { code, hooks, howto, patch } from "./code.ts";
import { layoutChange, shadow } from "./layouts.ts";
import { liveUpdate } from "./live-update.ts";
import { DIFFERENCE_KINDS, EXPORT_DIFFERENCE_KINDS } from "./names/reasons.ts";
import { RUNGS, SCHEMA_VERSION } from "./names/rungs.ts";
import { summary } from "./summary.ts";
import { switchOver } from "./switch-over.ts";

/*
 * The update description: the contract of elfsplice. Types and the JSON Schema (contract/update.schema.json) both come from
 * here. Only types leave this file at run time's cost of nothing; validation loads zod.
 */

const sides = {
  pre: z.string().describe("what pre has there, in words or hexadecimal; empty where it has nothing"),
  post: z.string().describe("what post has there, in words or hexadecimal; empty where it has nothing"),
};

const reason = named(
  "reason",
  z
    .strictObject({
      kind: z.enum(DIFFERENCE_KINDS).meta({ open: true }).describe("what differs"),
      offset: z.int().describe("byte offset from the function's or object's symbol"),
      within: z
        .string()
        .optional()
        .describe("the kernel table or fragment section that differs, when it is not the span itself"),
      ...sides,
    })
    .describe("one reason why two sides are not equal"),
);

const exportReason = z
  .strictObject({
    kind: z.enum(EXPORT_DIFFERENCE_KINDS).meta({ open: true }).describe("what differs"),
    offset: z.int().describe("byte offset in the entry of the export table"),
    ...sides,
  })
  .describe("one reason why two exports are not equal");

const place = named(
  "place",
  z
    .strictObject({
      section: z.string().describe("name of the section"),
      offset: count.describe("bytes from the start of the section"),
      size: count.describe("bytes"),
    })
    .describe("where it lies in its object; left out on a side that has none"),
);
const file = named(
  "file",
  z
    .strictObject({
      path: z.string().describe("as it was given, with slashes"),
      member: z.string().optional().describe("the member's name, of an archive"),
      sha256: sha256.optional().describe("left out only in a tree, for files that are the same on both sides"),
      size: count.describe("bytes"),
    })
    .describe("one object file; left out on a side that has none"),
);

const pairedBy = z
  .enum(["global-name", "contents", "local-name", "compiler-suffix", "static-local", "reference", "rename", "order"])
  .meta({ open: true })
  .describe("the correlation pass that found the pair");

const suppressed = z.string().optional().describe("why the suppression file says to leave it alone");
const movedTo = count.optional().describe("index of the object that defines it now");
const movedFrom = count.optional().describe("index of the object that defined it before");
const name = z.string().describe("the symbol's name");
const demangled = z.string().optional().describe("the name as C++ or Rust source has it");
const renamedTo = z.string().optional().describe("the name in post, where it is another one");

export const objectPair = z.strictObject({
  name: z
    .string()
    .optional()
    .describe("what labels call the object; default: the end of the paths that both files share"),
  pre: file.optional(),
  post: file.optional(),
  source: z.string().optional().describe("the source file, as the object's STT_FILE symbol says"),
  compiler: z.string().optional().describe("who made the object, as its .comment section says"),
  compilers: z
    .strictObject({ pre: z.string().describe("who made pre"), post: z.string().describe("who made post") })
    .optional()
    .describe("who made each side, where that differs"),
  options: z
    .strictObject({
      pre: z.array(z.string()).describe("options of pre"),
      post: z.array(z.string()).describe("options of post"),
    })
    .optional()
    .describe("the compiler's options that code depends on, one text for each command line, where they differ"),
  target,
  status: z
    .enum(["identical", "equivalent", "changed", "added", "removed"])
    .describe("equivalent: the bytes differ, code and data do not"),
  suppressed,
});

const entryHook = z
  .strictObject({
    kind: z.enum(["fentry", "mcount", "patchable", "none"]).describe("how livepatch can redirect the function"),
    offset: z.int().describe("bytes from the function's symbol to the site"),
  })
  .describe("the site where a tracer or livepatch enters");

const firstInstruction = z
  .strictObject({
    offset: z
      .strictObject({ pre: z.int().describe("bytes, in pre"), post: z.int().describe("bytes, in post") })
      .describe("from the function's symbol"),
    ...sides,
  })
  .describe(
    "the first instruction that differs: its bytes in hexadecimal, then its relocations or its place in the function that it leads to; empty where one side has ended",
  );

export const functionChange = z.strictObject({
  name,
  label,
  object: objectIndex,
  target,
  status: z
    .enum(["changed", "new", "deleted", "renamed", "line-only"])
    .describe("renamed: the same code under another name; line-only: line numbers differ and nothing else"),
  demangled,
  renamedTo,
  aliases: z
    .array(z.string())
    .optional()
    .describe("other names of the same code, as the side has them whose name the label is; sorted"),
  source: functionSource.optional(),
  causes: z
    .array(changeCause)
    .optional()
    .describe("why it changed, the cause that tells most first; of changed functions only"),
  partOf: z.string().optional().describe("the function that a .cold or .part piece was cut from"),
  pairedBy: pairedBy.optional(),
  pre: place.optional(),
  post: place.optional(),
  reasons: z.array(reason).describe("why the two sides are not equal; empty for what is new or deleted"),
  firstInstruction: firstInstruction.optional(),
  instructions: z
    .array(instructionRow)
    .optional()
    .describe("instructions that differ and what stands around them; with --instructions only"),
  entry: entryHook,
  movedTo,
  movedFrom,
  suppressed,
});

export const dataChange = z.strictObject({
  name: name.describe("the symbol's name, or that of the section for data without a symbol"),
  label,
  object: objectIndex,
  target,
  kind: z
    .enum(["rodata", "data", "bss", "string", "constant", "percpu", "tls", "special", "init", "toc"])
    .meta({ open: true })
    .describe("what kind of data it is; it decides what a change does to a running system"),
  status: z
    .enum(["changed", "new", "deleted", "in-place", "renamed", "line-only"])
    .describe("changed: it runs on with its present value; in-place: read-only data that is rewritten where it is"),
  demangled,
  renamedTo,
  pairedBy: pairedBy.optional(),
  pre: place.optional(),
  post: place.optional(),
  text: z.string().optional().describe("the contents of a string"),
  reasons: z.array(reason).describe("why the two sides are not equal; empty for what is new or deleted"),
  suppressed,
});

export const noise = z.strictObject({
  class: z
    .enum([
      "line-number",
      "renumbered-static",
      "renumbered-clone",
      "unique-id",
      "function-name",
      "anonymous-data",
      "section-name",
      "init-code",
      "encoding-only",
      "dead-code",
      "instrumentation",
    ])
    .meta({ open: true })
    .describe("why the two sides differ although nothing changed"),
  label,
  object: objectIndex,
  pre: z.string().describe("what pre has"),
  post: z.string().describe("what post has"),
  evidence: z.string().describe("what shows that the difference means nothing"),
});

export const exportChange = z.strictObject({
  name,
  object: objectIndex,
  status: z.enum(["new", "deleted", "changed"]).describe("what became of the export"),
  licence: z.enum(["gpl", "any"]).describe("which modules may use it"),
  namespace: z.string().optional().describe("the namespace that users have to import"),
  reasons: z.array(exportReason).describe("why the two entries are not equal"),
  movedTo,
  movedFrom,
  suppressed,
});

const change = z.strictObject({
  target,
  name: z.string().describe("as Ksplice would call the change"),
  oldCode: code.describe("what the run system must have: what is patched, and what new code needs of it"),
  newCode: code.describe("what is loaded"),
  imports: z
    .array(label)
    .optional()
    .describe("labels of the symbols of newCode that others define: what a loader must find"),
  patches: z.array(patch).describe("what is written into the run system; by label and offset"),
  hooks,
});

export const findingPlace = z
  .strictObject({
    object: objectIndex.optional(),
    side: z.enum(["pre", "post"]).optional().describe("the side that has it, where only one does"),
    section: z.string().optional().describe("name of the section"),
    offset: z.int().optional().describe("bytes in the section, or in the function when there is a name"),
    name: z.string().optional().describe("what it is about, by name"),
    label: z.string().optional().describe("what it is about, by label"),
  })
  .describe("what the finding is about; each part that is known");

const finding = z.strictObject({
  code: z.enum(FINDING_CODES).meta({ open: true }).describe("which finding; docs/findings.md has an anchor for each"),
  severity,
  where: findingPlace,
  message: z.string().describe("the sentence for a person"),
  suppressed,
});

const verdict = z
  .strictObject({
    recommended: z
      .enum(RUNGS)
      .nullable()
      .describe("the least disruptive applicable rung; null: none is applicable yet"),
    rungs: z
      .array(
        z.strictObject({
          rung: z.enum(RUNGS).describe("which way to a running system"),
          status: z
            .enum(["applicable", "needs-work", "not-applicable"])
            .describe("needs-work: applicable once a person has done what work says"),
          because: z.array(count).describe("indices into findings"),
          why: z.string().optional().describe("the status in words"),
          work: z.array(z.string()).optional().describe("what has to be done by hand before the rung is applicable"),
        }),
      )
      .describe("each rung, from the least disruptive"),
  })
  .describe("the ways to bring the change to a running system");

export const architecture = z
  .strictObject({
    name: z.string().describe("x86_64, aarch64, …; docs/description.md lists them"),
    machine: count.describe("EM_* number"),
    class: z.union([z.literal(32), z.literal(64)]).describe("bits of an address in the file"),
    data: z.enum(["lsb", "msb"]).describe("lsb: little-endian; msb: big-endian"),
  })
  .describe("the architecture, as name and as ELF has it");

export const updateDescription = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION).describe("version of the contract"),
  generator,
  id: z.string().describe("name of the update: twelve digits from the hashes of the inputs, unless it was given"),
  name: z.string().describe("the same as Ksplice would write it"),
  arch: architecture,
  summary: summary.optional(),
  objects: z.array(objectPair).describe("the pairs of files; by name"),
  functions: z.array(functionChange).describe("functions that differ; by label"),
  data: z.array(dataChange).describe("data, strings and constants that differ; by label"),
  exports: z.array(exportChange).describe("exported symbols that differ; by name"),
  noise: z.array(noise).describe("differences that are only the compiler's numbers; sorted by label"),
  changes: z.array(change).describe("one for each target"),
  howtos: z.record(z.string(), howto).describe("each relocation type that occurs, by name"),
  layouts: z.array(layoutChange).describe("types that differ; sorted by kind and name"),
  shadow: shadow.optional().describe("shadow variables that are needed or used; left out where there are none"),
  switchOver,
  liveUpdate,
  accounting: accounting.describe("who answers for every allocated byte and every relocation record"),
  findings: z.array(finding).describe("what a person or a gate may act on; the severest first"),
  verdict,
});

export type UpdateDescription = z.infer<typeof updateDescription>;
export type FunctionChange = z.infer<typeof functionChange>;
export type DataChange = z.infer<typeof dataChange>;
export type Noise = z.infer<typeof noise>;
export type ExportChange = z.infer<typeof exportChange>;
export type ObjectPair = z.infer<typeof objectPair>;
export type Change = z.infer<typeof change>;
export type Verdict = z.infer<typeof verdict>;
export type Architecture = z.infer<typeof architecture>;
export type Reason = z.infer<typeof reason>;
export type ExportReason = z.infer<typeof exportReason>;
