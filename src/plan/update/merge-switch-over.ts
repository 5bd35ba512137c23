import type { SwitchOver } from "../../contract/switch-over.ts";
import { append } from "../../lists.ts";
import { byText } from "../../order.ts";
import { isLive, type Piece } from "./piece.ts";

type Lists = { [Key in keyof SwitchOver]-?: NonNullable<SwitchOver[Key]>[number][] };

/** What all pairs say of a switch-over, each at its place in the update. Pairs and functions that are left alone take no part. */
export function mergeSwitchOver(pieces: readonly Piece[]): SwitchOver {
  const lists: Lists = { tables: [], reach: [], state: [], clashes: [], registrations: [], plan: [], obstacles: [] };
  for (const piece of pieces) {
    const { switchOver } = piece.fragment;
    if (switchOver === undefined || !isLive(piece)) continue;
    const alone = new Set(
      piece.functions.filter(({ suppressed }) => suppressed !== undefined).map(({ label }) => label),
    );
    const move = <T extends { readonly object: number }>(list: readonly T[] | undefined): T[] =>
      (list ?? []).map((item) => (item.object === piece.index ? item : { ...item, object: piece.index }));
    append(lists.tables, move(switchOver.tables));
    append(
      lists.reach,
      move(switchOver.reach).filter(({ label }) => !alone.has(label)),
    );
    append(lists.state, move(switchOver.state));
    append(lists.clashes, move(switchOver.clashes));
    append(lists.registrations, move(switchOver.registrations));
    append(lists.plan, move(switchOver.plan));
    append(
      lists.obstacles,
      move(switchOver.obstacles).filter(({ label }) => label === undefined || !alone.has(label)),
    );
  }
  const inOrder = <T extends { readonly label: string; readonly object: number }>(list: T[]): T[] =>
    list.sort((a, b) => byText(a.label, b.label) || a.object - b.object);
  inOrder(lists.tables);
  inOrder(lists.reach);
  inOrder(lists.state);
  lists.clashes.sort((a, b) => byText(a.name, b.name) || a.object - b.object);
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0));
}
