import { z } from "zod";
import { count } from "./atoms.ts";
import { LIVE_UPDATE_EVENTS, LIVE_UPDATE_STATES } from "./names/live-update.ts";

/* The part of the update description that tells of live update: who takes part, and what a patch changes for them. */

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
  pre: z.string().optional().describe("label of the function in pre"),
  post: z.string().optional().describe("label of the function in post"),
  reaches: z
    .array(z.string())
    .optional()
    .describe("labels of changed functions that the callback calls, directly or not"),
});

const sides = z.strictObject({
  pre: z.string().optional().describe("in pre"),
  post: z.string().optional().describe("in post"),
});

export const participant = z.strictObject({
  name: z.string().describe("the handler's symbol, else its compatible string or name"),
  object: count.describe("index into objects, or of the files that were given"),
  interface: z
    .enum(["subsystem", "file-handler", "flb"])
    .describe("what it registers as; flb: data bound to the lifecycle of files"),
  names: z
    .enum(["series", "mainline", "unknown"])
    .describe("whose names the slots have: those of the patch series of 2025, or those of the mainline kernel"),
  status: z.enum(["unchanged", "changed", "added", "removed"]).describe("what became of it"),
  compatible: sides.describe("the string that the state is found by after the reboot; for a subsystem its name"),
  table: sides.describe("label of the table of callbacks"),
  registeredBy: z.string().describe("label of the function that registers it"),
  callbacks: z.array(callback).describe("its callbacks, in the order of the slots"),
});

export const liveUpdate = z
  .strictObject({ participants: z.array(participant).optional().describe("in the order of their registration") })
  .describe("who takes part in a live update");

export const liveUpdateSimulation = z.strictObject({
  scenario: z.string().describe("as it was asked for"),
  steps: z
    .array(
      z.union([
        z.strictObject({
          kind: z.literal("state").describe("the system goes from one state to another"),
          event: z.enum(["boot", "prepare", "cancel", "freeze", "reboot", "finish"]).describe("what makes it go"),
          from: z.enum(LIVE_UPDATE_STATES).describe("state before"),
          to: z.enum(LIVE_UPDATE_STATES).describe("state after"),
        }),
        z.strictObject({
          kind: z.literal("callback").describe("a callback is called"),
          participant: z.string().describe("whose"),
          event: z.enum(LIVE_UPDATE_EVENTS).describe("for which event"),
          slot: z.string().describe("the member's name in its own interface"),
          function: z.string().describe("label of the function"),
          result: z.enum(["ok", "failed"]).describe("what it returns in this scenario"),
        }),
        z.strictObject({
          kind: z.literal("unclaimed").describe("state that nothing takes up"),
          participant: z.string().describe("whose state it is"),
          why: z.string().describe("why the new kernel has no participant that takes it"),
        }),
      ]),
    )
    .describe("what happens, in order"),
  finalState: z.enum(LIVE_UPDATE_STATES).describe("state at the end"),
  outcome: z
    .enum(["completed", "cancelled", "stopped"])
    .describe("cancelled: the old kernel runs on as before; stopped: the new kernel must not run on"),
  leftBehind: z
    .array(
      z.strictObject({
        participant: z.string().describe("who did it"),
        why: z.string().describe("why it could not be undone"),
      }),
    )
    .describe("what was done and could not be undone"),
});

export type LiveUpdate = z.infer<typeof liveUpdate>;
export type ParticipantDescription = z.infer<typeof participant>;
export type CallbackDescription = z.infer<typeof callback>;
export type LiveUpdateSimulation = z.infer<typeof liveUpdateSimulation>;
export type SimulationStep = LiveUpdateSimulation["steps"][number];
