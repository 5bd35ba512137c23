import type { ChangeTables, CodeTables } from "../../contract/code.ts";
import type { DataChange, ExportChange, FunctionChange, Noise } from "../../contract/description.ts";
import type { PairFragment } from "../../contract/part.ts";
import type { Finding } from "../../findings/findings.ts";
import { addTo } from "../../grouping.ts";
import { byText } from "../../order.ts";

/** One pair at its place in the update. Passes replace its lists and never write into them: they belong to the fragment. */
export interface Piece {
  /** Index into the description's objects. */
  readonly index: number;
  readonly fragment: PairFragment;
  readonly functions: readonly FunctionChange[];
  readonly data: readonly DataChange[];
  readonly exports: readonly ExportChange[];
  readonly noise: readonly Noise[];
  readonly change: ChangeTables | null;
  readonly findings: readonly Finding[];
  /** Of another architecture: listed, but no part of any change. */
  readonly isForeign: boolean;
  /** The reason why the object as a whole is suppressed. */
  readonly suppressed: string | undefined;
}

/** Puts fragments, which count themselves as object 0, at their places. */
export function piecesOf(sorted: readonly PairFragment[]): Piece[] {
  return sorted.map((fragment, index) => {
    const { functions, data, exports, noise, change, findings } = fragment;
    const rest = { index, fragment, change, isForeign: false, suppressed: undefined };
    if (index === 0) return { ...rest, functions, data, exports, noise, findings };
    // Most pairs of a build are the same on both sides and have nothing to move.
    const move = <T extends { readonly object: number }>(list: readonly T[]): readonly T[] =>
      list.length === 0 ? list : list.map((item) => ({ ...item, object: index }));
    return {
      ...rest,
      functions: move(functions),
      data: move(data),
      exports: move(exports),
      noise: move(noise),
      findings: findings.map(({ where, ...finding }) => ({
        ...finding,
        where: where.object === undefined ? where : { ...where, object: index },
      })),
    };
  });
}

/** Whether its changes are carried out. */
export function isLive(piece: Piece): boolean {
  return !piece.isForeign && piece.suppressed === undefined;
}

/** Pieces that contribute something that is carried out, by target. */
export function byTarget(pieces: readonly Piece[]): Map<string, Piece[]> {
  const groups = new Map<string, Piece[]>();
  for (const piece of pieces) {
    if (!isLive(piece) || (piece.change === null && piece.fragment.links === undefined)) continue;
    addTo(groups, piece.fragment.target, piece);
  }
  return new Map([...groups].sort(([a], [b]) => byText(a, b)));
}

/** By label of a section that is an entry of a kernel table: the label of its owner. */
export function ownersIn(code: CodeTables): ReadonlyMap<string, string> {
  return new Map(code.sections.flatMap(({ label, owner }) => (owner === undefined ? [] : [[label, owner] as const])));
}
