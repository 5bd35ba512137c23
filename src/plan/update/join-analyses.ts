import type { UpdateDescription } from "../../contract/description.ts";
import type { LiveUpdate } from "../../contract/live-update.ts";
import type { Finding, FindingCode } from "../../findings/findings.ts";
import { byText } from "../../order.ts";
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

/** Types of all pairs; a type that several objects define is listed for each. */
export function joinLayouts(pieces: readonly Piece[]): UpdateDescription["layouts"] {
  const layouts = pieces.flatMap(({ index, fragment }) =>
    (fragment.layouts ?? []).map((layout) => ({ ...layout, object: index })),
  );
  return layouts.sort(
    (a, b) =>
      byText(a.kind, b.kind) || byText(a.name, b.name) || byText(a.scope ?? "", b.scope ?? "") || a.object - b.object,
  );
}

/** Shadow variables of all pairs; undefined where there are none. */
export function joinShadow(pieces: readonly Piece[]): UpdateDescription["shadow"] {
  const all = pieces.flatMap(({ index, fragment }) =>
    fragment.shadow === undefined ? [] : [{ index, shadow: fragment.shadow }],
  );
  if (all.length === 0) return undefined;
  return {
    plans: all.flatMap(({ index, shadow }) => shadow.plans.map((plan) => ({ ...plan, object: index }))),
    uses: all.flatMap(({ index, shadow }) => shadow.uses.map((use) => ({ ...use, object: index }))),
  };
}
