import { OWNERS, type Shares } from "../../account/classes.ts";
import type { AccountedSide, Accounting } from "../../contract/accounting.ts";
import type { Piece } from "./piece.ts";

/** Joins what the pairs contribute. */
export function joinAccounting(pieces: readonly Piece[]): Accounting {
  const objects: Accounting["objects"] = [];
  let identical = 0;
  for (const { index, fragment } of pieces) {
    if (fragment.accounting !== undefined) objects.push({ object: index, ...fragment.accounting });
    else if (fragment.object.status === "identical") identical++;
  }
  const unread = pieces.length - objects.length - identical;
  return { objects, identical, unread, pre: sumSides(objects, "pre"), post: sumSides(objects, "post") };
}

export function sumSides(objects: Accounting["objects"], side: "pre" | "post"): AccountedSide {
  const sum = { bytes: {} as Shares, allocated: 0, relocations: {} as Shares, records: 0 };
  for (const { [side]: one } of objects) {
    if (one === undefined) continue;
    sum.allocated += one.allocated;
    sum.records += one.records;
    addShares(sum.bytes, one.bytes);
    addShares(sum.relocations, one.relocations);
  }
  return sum;
}

function addShares(into: Shares, shares: AccountedSide["bytes"]): void {
  for (const owner of OWNERS) {
    const amount = shares[owner];
    if (amount !== undefined) into[owner] = (into[owner] ?? 0) + amount;
  }
}
