import type { LiveUpdate } from "./contract-live-update.ts";
import type { Piece } from "./piece.ts";

/** Who takes part in a live update in all objects together: in the order of the objects, and in each of registration. */
export function joinLiveUpdates(pieces: readonly Piece[]): LiveUpdate {
  const participants = pieces.flatMap(({ index, fragment }) =>
    (fragment.liveUpdate?.participants ?? []).map((participant) => ({ ...participant, object: index })),
  );
  return participants.length === 0 ? {} : { participants };
}
