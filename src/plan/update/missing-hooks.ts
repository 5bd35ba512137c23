import type { Finding } from "../../findings/findings.ts";
import { isLive, type Piece } from "./piece.ts";

/** Changed functions without an ftrace site, of targets in which others have one: livepatch cannot redirect them. */
export function missingHooks(pieces: readonly Piece[]): Finding[] {
  const live = pieces.filter(isLive);
  const traced = new Set(live.filter(({ fragment }) => fragment.hasEntryHooks).map(({ fragment }) => fragment.target));
  return live
    .filter(({ fragment }) => traced.has(fragment.target))
    .flatMap(({ index, functions }) =>
      functions
        .filter(
          ({ status, entry, partOf, suppressed }) =>
            status === "changed" && entry.kind === "none" && partOf === undefined && suppressed === undefined,
        )
        .map(({ name, label, pre }): Finding => {
          const where = { object: index, side: "pre", section: pre?.section, name, label } as const;
          return { code: "no-entry-hook", where, detail: "" };
        }),
    );
}
