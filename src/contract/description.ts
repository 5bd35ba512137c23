import { z } from "zod";
import { FINDING_CODES } from "../findings/findings.ts";
import { accounting } from "./accounting.ts";
import { layoutChange, shadow } from "./layouts.ts";
import { liveUpdate } from "./live-update.ts";
import { RUNGS, SCHEMA_VERSION } from "./names/rungs.ts";
import { switchOver } from "./switch-over.ts";

/*
 * The update description: the contract of elfsplice. Types and the JSON Schema (report/update.schema.json) both come from
 * here. Only types leave this file at run time's cost of nothing; validation loads zod.
 */

const hex64 = z
  .string()
  .regex(/^-?0x[0-9a-f]+$/)
  .describe("64-bit value in hexadecimal");
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);
const hexBytes = z.string().regex(/^([0-9a-f]{2})*$/);
const base64 = z.string().describe("bytes in base64");
const named = <T extends z.ZodType>(id: string, type: T): T => type.meta({ id }) as T;

const reason = named(
  "reason",
  z.strictObject({
    kind: z.string().describe("what differs: size, bytes, relocation-target, entry-added, …"),
    offset: z.int().describe("byte offset from the function's or object's symbol"),
    within: z
      .string()
      .optional()
      .describe("the kernel table or fragment section that differs, when it is not the span itself"),
    pre: z.string(),
    post: z.string(),
  }),
);

const place = named("place", z.strictObject({ section: z.string(), offset: count, size: count }));
const file = named(
  "file",
  z.strictObject({
    path: z.string(),
    member: z.string().optional(),
    sha256: sha256.optional().describe("left out only in a tree, for files that are the same on both sides"),
    size: count,
  }),
);

const pairedBy = z
  .enum(["global-name", "contents", "local-name", "compiler-suffix", "static-local", "reference", "rename", "order"])
  .meta({ open: true })
  .describe("the correlation pass that found the pair");

const suppressed = z.string().optional().describe("why the suppression file says to leave it alone");
const movedTo = count.optional().describe("index of the object that defines it now");
const movedFrom = count.optional().describe("index of the object that defined it before");

export const objectPair = z.strictObject({
  name: z
    .string()
    .optional()
    .describe("what labels call the object; default: the end of the paths that both files share"),
  pre: file.optional(),
  post: file.optional(),
  source: z.string().optional(),
  compiler: z.string().optional(),
  compilers: z
    .strictObject({ pre: z.string(), post: z.string() })
    .optional()
    .describe("who made each side, where that differs"),
  options: z
    .strictObject({ pre: z.array(z.string()), post: z.array(z.string()) })
    .optional()
    .describe("the compiler's options that code depends on, one text for each command line, where they differ"),
  target: z.string().describe("vmlinux, or a module's name"),
  status: z
    .enum(["identical", "equivalent", "changed", "added", "removed"])
    .describe("equivalent: the bytes differ, code and data do not"),
  suppressed,
});

const entryHook = z.strictObject({
  kind: z.enum(["fentry", "mcount", "patchable", "none"]).describe("how livepatch can redirect the function"),
  offset: z.int(),
});

const firstInstruction = z
  .strictObject({
    offset: z.strictObject({ pre: z.int(), post: z.int() }).describe("from the function's symbol"),
    pre: z.string(),
    post: z.string(),
  })
  .describe(
    "the first instruction that differs: its bytes in hexadecimal, then its relocations or its place in the function that it leads to; empty where one side has ended",
  );

export const functionChange = z.strictObject({
  name: z.string(),
  label: z.string().describe("unique name within the update"),
  object: count.describe("index into objects"),
  target: z.string(),
  status: z.enum(["changed", "new", "deleted", "renamed", "line-only"]),
  demangled: z.string().optional().describe("the name as C++ or Rust source has it"),
  renamedTo: z.string().optional(),
  partOf: z.string().optional().describe("the function that a .cold or .part piece was cut from"),
  pairedBy: pairedBy.optional(),
  pre: place.optional(),
  post: place.optional(),
  reasons: z.array(reason),
  firstInstruction: firstInstruction.optional(),
  entry: entryHook,
  movedTo,
  movedFrom,
  suppressed,
});

export const dataChange = z.strictObject({
  name: z.string(),
  label: z.string(),
  object: count,
  target: z.string(),
  kind: z
    .enum(["rodata", "data", "bss", "string", "constant", "percpu", "tls", "special", "init", "toc"])
    .meta({ open: true }),
  status: z.enum(["changed", "new", "deleted", "in-place", "renamed", "line-only"]),
  demangled: z.string().optional(),
  renamedTo: z.string().optional(),
  pairedBy: pairedBy.optional(),
  pre: place.optional(),
  post: place.optional(),
  text: z.string().optional().describe("the contents of a string"),
  reasons: z.array(reason),
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
  label: z.string(),
  object: count,
  pre: z.string(),
  post: z.string(),
  evidence: z.string(),
});

export const exportChange = z.strictObject({
  name: z.string(),
  object: count,
  status: z.enum(["new", "deleted", "changed"]),
  licence: z.enum(["gpl", "any"]),
  namespace: z.string().optional(),
  reasons: z.array(reason),
  movedTo,
  movedFrom,
  suppressed,
});

const codeSection = z.strictObject({
  label: z.string(),
  kind: z.string(),
  size: count,
  align: count,
  flags: hex64.describe("SHF_* bits"),
  sha256: sha256.describe("of the contents, relocated fields as in the object"),
  because: z.string().describe("changed, new, in-place, deleted, owner LABEL, or referenced-by LABEL"),
  contents: base64.optional(),
});

const codeSymbol = z.strictObject({
  label: z.string(),
  name: z.string(),
  section: z.string().nullable().describe("label of the section that defines it; null when it is defined elsewhere"),
  offset: z.int(),
  size: count,
  bind: z.enum(["local", "global", "weak", "unique"]),
  type: z.enum(["function", "gnu-ifunc", "object", "section", "tls", "absolute", "other"]),
  value: hex64.optional().describe("address in the run system, once it was matched; of an absolute symbol its value"),
  sympos: count.optional().describe("position among equal names as livepatch counts: 0 when unique"),
});

const codeRelocation = z.strictObject({
  section: z.string(),
  offset: count,
  howto: z.string(),
  symbol: z.string().describe("label of a symbol"),
  insnAddend: hex64.describe("the part of the addend that comes from the instruction's form"),
  targetAddend: hex64.describe("offset from the symbol to what is meant"),
});

const tables = {
  sections: z.array(codeSection),
  symbols: z.array(codeSymbol),
  relocations: z.array(codeRelocation),
};
const code = named("code", z.strictObject({ name: z.string(), ...tables }));
/** What one pair contributes to the code of a change. */
export const codeTables = z.strictObject(tables);

export const patch = z.strictObject({
  type: z.enum(["text", "data", "export", "bug"]),
  oldLabel: z.string(),
  oldOffset: z.int(),
  replacement: z.string().nullable().describe("label of the new code or contents; null: a trap, or nothing"),
  replacementOffset: z.int().optional(),
  size: count.describe("bytes written"),
  contents: base64.optional(),
  oldAddress: hex64.optional().describe("where the patch is written in the run system, once it was matched"),
  newAddress: hex64.optional().describe("where the replacement will lie, if that is known"),
  trampoline: hexBytes.optional().describe("what is written there, in hexadecimal"),
  saved: hexBytes.optional().describe("what the run system has there, in hexadecimal"),
});

const hookList = z.array(z.string()).optional();
export const hooks = z.strictObject({
  preApply: hookList,
  checkApply: hookList,
  apply: hookList,
  postApply: hookList,
  failApply: hookList,
  preReverse: hookList,
  checkReverse: hookList,
  reverse: hookList,
  postReverse: hookList,
  failReverse: hookList,
});

const change = z.strictObject({
  target: z.string(),
  name: z.string(),
  oldCode: code,
  newCode: code,
  patches: z.array(patch),
  hooks,
});

export const howto = z.strictObject({
  type: z.literal("reloc"),
  pcrel: z.boolean(),
  size: count.describe("bytes of the field"),
  dstMask: hex64,
  rightshift: count,
  signedAddend: z.boolean(),
});

export const findingPlace = z.strictObject({
  object: count.optional(),
  side: z.enum(["pre", "post"]).optional(),
  section: z.string().optional(),
  offset: z.int().optional(),
  name: z.string().optional(),
  label: z.string().optional(),
});

const finding = z.strictObject({
  code: z.enum(FINDING_CODES).meta({ open: true }),
  severity: z.enum(["error", "warning", "note"]),
  where: findingPlace,
  message: z.string(),
  suppressed,
});

const verdict = z.strictObject({
  recommended: z.enum(RUNGS).nullable().describe("the least disruptive applicable rung; null: none is applicable yet"),
  rungs: z.array(
    z.strictObject({
      rung: z.enum(RUNGS),
      status: z.enum(["applicable", "needs-work", "not-applicable"]),
      because: z.array(count).describe("indices into findings"),
      why: z.string().optional().describe("the status in words"),
      work: z.array(z.string()).optional().describe("what has to be done by hand before the rung is applicable"),
    }),
  ),
});

export const generator = z.strictObject({ name: z.literal("elfsplice"), version: z.string() });

export const architecture = z.strictObject({
  name: z.string(),
  machine: count.describe("EM_* number"),
  class: z.union([z.literal(32), z.literal(64)]),
  data: z.enum(["lsb", "msb"]),
});

export const updateDescription = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  generator,
  id: z.string(),
  name: z.string(),
  arch: architecture,
  objects: z.array(objectPair),
  functions: z.array(functionChange),
  data: z.array(dataChange),
  exports: z.array(exportChange),
  noise: z.array(noise).describe("differences that are only the compiler's numbers; sorted by label"),
  changes: z.array(change),
  howtos: z.record(z.string(), howto),
  layouts: z.array(layoutChange).describe("types that differ; sorted by kind and name"),
  shadow: shadow.optional().describe("shadow variables that are needed or used; left out where there are none"),
  switchOver,
  liveUpdate,
  accounting: accounting.describe("who answers for every allocated byte and every relocation record"),
  findings: z.array(finding),
  verdict,
});

export type UpdateDescription = z.infer<typeof updateDescription>;
export type FunctionChange = z.infer<typeof functionChange>;
export type DataChange = z.infer<typeof dataChange>;
export type Noise = z.infer<typeof noise>;
export type ExportChange = z.infer<typeof exportChange>;
export type ObjectPair = z.infer<typeof objectPair>;
export type Change = z.infer<typeof change>;
export type Code = z.infer<typeof code>;
export type CodeTables = z.infer<typeof codeTables>;
export type ChangeTables = { oldCode: CodeTables; newCode: CodeTables; patches: Patch[]; hooks: Hooks };
export type CodeSection = z.infer<typeof codeSection>;
export type CodeSymbol = z.infer<typeof codeSymbol>;
export type CodeRelocation = z.infer<typeof codeRelocation>;
export type Patch = z.infer<typeof patch>;
export type Hooks = z.infer<typeof hooks>;
export type HowtoDescription = z.infer<typeof howto>;
export type Verdict = z.infer<typeof verdict>;
export type Architecture = z.infer<typeof architecture>;
export type Reason = z.infer<typeof reason>;
