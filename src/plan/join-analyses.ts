import type { Finding, FindingCode } from "../findings.ts";
import type { LiveUpdate } from "./contract-live-update.ts";
import type { Piece } from "./piece.ts";

/** Who takes part in a live update in all objects together: in the order of the objects, and in each of registration. */
export function joinLiveUpdates(pieces: readonly Piece[]): LiveUpdate {
  const participants = pieces.flatMap(({ index, fragment }) =>
    (fragment.liveUpdate?.participants ?? []).map((participant) => ({ ...participant, object: index })),
  );
  return participants.length === 0 ? {} : { participants };
}

/** What makes a participant of the old kernel lose its state in the new one. */
const LOSES_STATE: ReadonlySet<FindingCode> = new Set([
  "live-update-compatible-changed",
  "live-update-participant-removed",
]);

/** Indices of the findings that a state saved by the running kernel is not taken up by the new one. */
export function lostStates(findings: readonly Finding[]): number[] {
  return findings.flatMap(({ code, suppressed }, index) =>
    LOSES_STATE.has(code) && suppressed === undefined ? [index] : [],
  );
}
