import { z } from "zod";
import { FINDING_CODES } from "../findings/findings.ts";
import { count, label, objectIndex } from "./atoms.ts";

/* The part of the contract about function-pointer tables: which functions are called through them, and whether another table can take over. */

const slot = z.strictObject({
  offset: count.describe("byte offset in the table"),
  member: z
    .string()
    .optional()
    .describe("the member's name, when debug information tells; else the offset is its name"),
  element: count.optional().describe("index, when the table is an array of structs"),
  pre: z.string().nullable().describe("label of the function, or name of one that is defined elsewhere; null: empty"),
  post: z.string().nullable().describe("the same in post"),
  status: z
    .enum(["same", "changed", "replaced", "renamed", "added", "removed", "moved", "empty"])
    .describe("changed: the same function with other code; replaced: another function"),
  movedTo: count.optional().describe("byte offset in the new table"),
});

const field = z.strictObject({
  offset: count.describe("byte offset in the table"),
  member: z.string().optional().describe("the member's name, when debug information tells"),
  pre: z.string().describe("bytes in hexadecimal, or what it points to"),
  post: z.string().describe("the same in post"),
});

const holder = z.strictObject({
  label: z.string().describe("what holds the table's address, or puts it somewhere"),
  kind: z.enum(["code", "init", "exit", "data", "registry"]).describe("what the holder is"),
  offset: z.int().describe("of the reference, from the holder's symbol"),
  calls: z.array(z.string()).optional().describe("functions called there that register things"),
});

const sizes = (unit: string) => ({
  pre: count.optional().describe(`${unit} in pre`),
  post: count.optional().describe(`${unit} in post`),
});

const table = z.strictObject({
  label,
  object: objectIndex,
  type: z.string().optional().describe("the struct's name, when debug information tells"),
  access: z.enum(["const", "ro-after-init", "writable"]).describe("who may write it"),
  visibility: z.enum(["local", "global", "exported"]).describe("who may name it"),
  status: z.enum(["same", "changed", "added", "removed"]).describe("what became of it"),
  size: z.strictObject(sizes("bytes")).describe("of the whole table"),
  elements: z
    .strictObject({ size: count.describe("bytes of one"), ...sizes("number of structs") })
    .optional()
    .describe("an array of structs: bytes of one, and how many there are"),
  compatibility: z
    .enum(["compatible", "needs-work", "incompatible"])
    .describe("whether the new table can take the old one's place"),
  reasons: z.array(z.string()).describe("why the new table cannot simply take the old one's place"),
  slots: z.array(slot).describe("pointers to functions; by offset"),
  fields: z.array(field).describe("other contents that differ"),
  holders: z.array(holder).describe("where the switch has to happen"),
});

const reachedBy = z.strictObject({
  table: z.string().describe("label of the table"),
  offset: count.describe("byte offset of the slot"),
  member: z.string().optional().describe("the member's name, when debug information tells"),
  via: z.string().optional().describe("the function in the slot, when it is a caller of the changed one"),
});

const otherUse = z.strictObject({
  by: z.string().describe("label of the user; the function itself when others may call it by name"),
  kind: z.enum(["call", "address", "global", "export"]).describe("how it is used"),
  offset: z.int().describe("of the reference, from the user's symbol"),
  entered: z.enum(["slots", "directly", "never"]).describe("how the user itself is reached"),
});

const reach = z.strictObject({
  label,
  object: objectIndex,
  through: z
    .enum(["slots", "callers", "direct", "none"])
    .describe(
      "slots: every use is a slot, so swapping the table suffices; callers: it is called, but only by what slots lead to; direct: something else leads there; none: only init or exit code does, or nothing",
    ),
  slots: z.array(reachedBy).describe("slots that lead to it"),
  others: z.array(otherUse).describe("uses that are not slots; init and exit code that only calls does not count"),
  enteredBy: z.string().optional().describe("with direct: a way in, from outside to the function"),
});

const state = z.strictObject({
  label,
  object: objectIndex,
  kind: z.enum(["data", "bss", "percpu", "tls", "ro-after-init"]).describe("what kind of data it is"),
  size: count.describe("bytes"),
  users: z.array(z.string()).describe("labels of functions that use it"),
  harmless: z.string().optional().describe("why each version may have its own"),
});

const clash = z.strictObject({
  name: z.string().describe("the symbol's name"),
  object: objectIndex,
  kind: z.enum(["exported", "global"]).describe("exported: to modules; global: to the linker"),
});

const registration = z.strictObject({
  label: z.string().describe("the function that does it"),
  object: objectIndex,
  phase: z.enum(["init", "exit"]).describe("init: of the new object, runs when it is loaded; exit: of the old one"),
  call: z.string().describe("the function that is called there"),
});

const STEPS = [
  "share-state",
  "rename",
  "build",
  "preserve",
  "take-over",
  "switcher",
  "load",
  "switch",
  "final-switch",
  "quiesce",
  "unload",
] as const;

const obstacle = z.strictObject({
  code: z.enum(FINDING_CODES).meta({ open: true }).describe("of the finding"),
  object: objectIndex,
  label: label.optional().describe("what it is about"),
  text: z.string().describe("what is in the way, in words"),
  solvedBy: z
    .enum(STEPS)
    .optional()
    .describe("the step of the plan that is the work to be done; without one there is no plan"),
});

const step = z.strictObject({
  step: z.enum(STEPS).describe("what is done"),
  object: objectIndex,
  labels: z.array(z.string()).describe("what it is done to"),
  text: z.string().describe("the step in words"),
});

export const switchOver = z
  .strictObject({
    tables: z.array(table).optional().describe("tables that lead to changed functions, or differ"),
    reach: z.array(reach).optional().describe("one for each changed function"),
    state: z.array(state).optional().describe("variables that both versions would have their own copy of"),
    clashes: z.array(clash).optional().describe("names that both versions define for others"),
    registrations: z.array(registration).optional().describe("what loading and unloading does besides"),
    plan: z.array(step).optional().describe("how one version takes over from the other, in order"),
    obstacles: z.array(obstacle).optional().describe("what has to be solved first"),
  })
  .describe("how a second copy of the new code could take over from the old one");

export type SwitchOver = z.infer<typeof switchOver>;
export type TableDescription = z.infer<typeof table>;
export type SlotDescription = z.infer<typeof slot>;
export type FieldDescription = z.infer<typeof field>;
export type HolderDescription = z.infer<typeof holder>;
export type Reach = z.infer<typeof reach>;
export type StateDescription = z.infer<typeof state>;
export type Obstacle = z.infer<typeof obstacle>;
export type PlanStep = z.infer<typeof step>;
