import { z } from "zod";
import { LIVE_UPDATE_EVENTS, LIVE_UPDATE_STATES } from "./names/live-update.ts";

/* The part of the update description that tells of live update: who takes part, and what a patch changes for them. */

const count = z.int().min(0);

const callback = z.strictObject({
  slot: z.string().describe("the member's name in its own interface; slot N where the layout is not known"),
  event: z
    .enum(LIVE_UPDATE_EVENTS)
    .nullable()
    .describe("what it is in the state machine; null: not a step of it, or not known"),
  offset: count.describe("byte offset in the table"),
  status: z
    .enum(["unchanged", "changed", "retargeted", "added", "removed"])
    .describe("changed: the function's code; retargeted: the slot leads to another function"),
  pre: z.string().optional().describe("label of the function"),
  post: z.string().optional(),
  reaches: z
    .array(z.string())
    .optional()
    .describe("labels of changed functions that the callback calls, directly or not"),
});

const sides = z.strictObject({ pre: z.string().optional(), post: z.string().optional() });

export const participant = z.strictObject({
  name: z.string().describe("the handler's symbol, else its compatible string or name"),
  object: count.describe("index into objects, or of the files that were given"),
  interface: z.enum(["subsystem", "file-handler", "flb"]),
  names: z
    .enum(["series", "mainline", "unknown"])
    .describe("whose names the slots have: those of the patch series of 2025, or those of the mainline kernel"),
  status: z.enum(["unchanged", "changed", "added", "removed"]),
  compatible: sides.describe("the string that the state is found by after the reboot; for a subsystem its name"),
  table: sides.describe("label of the table of callbacks"),
  registeredBy: z.string().describe("label of the function that registers it"),
  callbacks: z.array(callback),
});

export const liveUpdate = z.strictObject({
  participants: z.array(participant).optional().describe("in the order of their registration"),
});

export const liveUpdateSimulation = z.strictObject({
  scenario: z.string(),
  steps: z.array(
    z.union([
      z.strictObject({
        kind: z.literal("state"),
        event: z.enum(["boot", "prepare", "cancel", "freeze", "reboot", "finish"]),
        from: z.enum(LIVE_UPDATE_STATES),
        to: z.enum(LIVE_UPDATE_STATES),
      }),
      z.strictObject({
        kind: z.literal("callback"),
        participant: z.string(),
        event: z.enum(LIVE_UPDATE_EVENTS),
        slot: z.string(),
        function: z.string(),
        result: z.enum(["ok", "failed"]),
      }),
      z.strictObject({
        kind: z.literal("unclaimed"),
        participant: z.string(),
        why: z.string().describe("why the new kernel has nobody to take its state"),
      }),
    ]),
  ),
  finalState: z.enum(LIVE_UPDATE_STATES),
  outcome: z
    .enum(["completed", "cancelled", "stopped"])
    .describe("cancelled: the old kernel runs on as before; stopped: the new kernel must not run on"),
  leftBehind: z
    .array(z.strictObject({ participant: z.string(), why: z.string() }))
    .describe("what was done and could not be undone"),
});

export type LiveUpdate = z.infer<typeof liveUpdate>;
export type ParticipantDescription = z.infer<typeof participant>;
export type CallbackDescription = z.infer<typeof callback>;
export type LiveUpdateSimulation = z.infer<typeof liveUpdateSimulation>;
export type SimulationStep = LiveUpdateSimulation["steps"][number];
