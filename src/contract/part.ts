import { z } from "zod";
import { UsageError } from "../errors.ts";
import { FINDING_CODES } from "../findings/findings.ts";
import { VERSION } from "../version.ts";
import { pairAccounting } from "./accounting.ts";
import { generator } from "./atoms.ts";
import { codeTables, hooks, howto, patch } from "./code.ts";
import {
  architecture,
  dataChange,
  exportChange,
  findingPlace,
  functionChange,
  noise,
  objectPair,
} from "./description.ts";
import { layoutChange, shadow } from "./layouts.ts";
import { liveUpdate } from "./live-update.ts";
import { switchOver } from "./switch-over.ts";

/*
 * What one pair of objects contributes to an update, and what one machine of several writes down: plain data, so that it can
 * cross threads, be kept in a cache, and lie in a file. The types come from here; zod is loaded only where a file is read.
 */

const links = z.strictObject({
  defines: z
    .array(z.strictObject({ name: z.string(), weak: z.literal(true).optional() }))
    .describe("global names that only post defines; weak: other objects may define them too"),
  deletes: z.array(z.string()).describe("global names that only pre defines, weak ones left out"),
  needs: z.array(z.string()).describe("global names that new code needs and post does not define"),
  localEntries: z
    .record(z.string(), z.int())
    .describe("by label: distance from the entry of a new function to where callers of its module enter"),
});

const pairFinding = z.strictObject({ code: z.enum(FINDING_CODES), where: findingPlace, detail: z.string() });

const pairFragment = z.strictObject({
  name: z.string().describe("what the object is called in labels; unique in an update"),
  target: z.string(),
  arch: architecture.optional(),
  object: objectPair,
  functions: z.array(functionChange),
  data: z.array(dataChange),
  exports: z.array(exportChange),
  noise: z.array(noise),
  change: z.strictObject({ oldCode: codeTables, newCode: codeTables, patches: z.array(patch), hooks }).nullable(),
  howtos: z.record(z.string(), howto),
  layouts: z.array(layoutChange).optional(),
  shadow: shadow.optional(),
  findings: z.array(pairFinding),
  switchOver: switchOver.optional(),
  hasChanges: z.boolean(),
  hasEntryHooks: z
    .boolean()
    .optional()
    .describe("whether any function has an ftrace site, so that its target has some"),
  liveUpdate: liveUpdate.optional(),
  links: links.optional(),
  accounting: pairAccounting.optional().describe("left out for files that are the same, or cannot be read"),
});

const suppressionRule = z.strictObject({
  kind: z.enum(["function", "data", "object"]),
  pattern: z.string(),
  object: z.string().optional(),
  reason: z.string(),
  place: z.string().describe("file and line"),
});

const updatePart = z.strictObject({
  generator,
  shard: z.strictObject({ index: z.int().min(1), of: z.int().min(1) }),
  options: z.strictObject({
    id: z.string().optional(),
    contents: z.boolean(),
    oldCode: z.enum(["needed", "all"]),
    suppress: z.array(suppressionRule),
    sourceRoots: z
      .array(z.strictObject({ from: z.string(), to: z.string() }))
      .optional()
      .describe("how source files are named that lie below other folders"),
    hashes: z.boolean().optional().describe("whether equal objects have their hashes, too, as a statement needs them"),
  }),
  pairs: z.int().min(0).describe("pairs of the whole run"),
  listing: z.string().optional().describe("SHA-256 over the names and targets of all pairs of the run"),
  leftOut: z.array(pairFinding).optional().describe("what is to be said of the build as a whole"),
  fragments: z.array(pairFragment),
  instructions: z
    .record(z.string(), z.record(z.string(), z.array(z.string())))
    .optional()
    .describe("by name of the object and label: how a function changed, as lines for a person"),
});

export type PairFragment = z.infer<typeof pairFragment>;
export type PairLinks = z.infer<typeof links>;
export type SuppressionRule = z.infer<typeof suppressionRule>;
export type UpdatePart = z.infer<typeof updatePart>;

/** Checks that a parsed file is a part of this version, and returns it as it is: keys keep their order. Throws UsageError, in one line that names the file and the first thing that is wrong. */
export function readPart(value: unknown, file: string): UpdatePart {
  const written = (value as { generator?: { version?: unknown } } | null)?.generator?.version;
  if (typeof written === "string" && written !== VERSION)
    throw new UsageError(
      `${file}: written by elfsplice ${written}, this is ${VERSION}: parts of one update need one version`,
    );
  const { success, error } = updatePart.safeParse(value);
  // The checked copy has its keys in the order of the schema, and a merged description must be equal to the byte.
  if (success) return value as UpdatePart;
  const [issue] = error.issues;
  throw new UsageError(
    `${file}: not a part of an update: ${issue?.path.join(".") || "the document"}: ${issue?.message}`,
  );
}

/** Whether a value has the form of a fragment: a cache may lie where other programs write. */
export function isFragment(value: unknown): value is PairFragment {
  return pairFragment.safeParse(value).success;
}
