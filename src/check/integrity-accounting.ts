import { OWNERS } from "../account/classes.ts";
import type { AccountedSide } from "../contract/accounting.ts";
import type { UpdateDescription } from "../contract/description.ts";
import { sumSides } from "../plan/update/accounting.ts";
import type { Report } from "./problem.ts";

/** Whether the account adds up: owners to what there is, objects to the sum, and what is unexplained to findings. */
export function checkAccounting({ accounting, objects, findings }: UpdateDescription, report: Report): void {
  const path = "$.accounting";
  const flagged = new Set(
    findings.filter(({ code }) => code === "difference-unexplained").map(({ where }) => where.object),
  );
  let before = -1;
  for (const [index, { object, pre, post }] of accounting.objects.entries()) {
    const here = `${path}.objects[${index}]`;
    if (object >= objects.length)
      report("reference", `${here}.object`, `no object ${object}: there are ${objects.length}`);
    if (object <= before) report("order", here, "belongs before the one above it: sorted by object");
    before = object;
    for (const [side, one] of [
      ["pre", pre],
      ["post", post],
    ] as const) {
      if ((one === undefined) !== (objects[object]?.[side] === undefined))
        report(
          "accounting",
          here,
          `accounts for ${side}, which object ${object} ${one === undefined ? "has" : "has not"}`,
        );
      if (one !== undefined) checkSide(one, `${here}.${side}`, report);
    }
    const isOpen = [pre, post].some((one) => (one?.bytes.unexplained ?? one?.relocations.unexplained ?? 0) > 0);
    if (isOpen && !flagged.has(object))
      report("accounting", here, "leaves something unexplained, but there is no finding difference-unexplained");
  }
  for (const side of ["pre", "post"] as const) {
    const sum = sumSides(accounting.objects, side);
    checkSide(accounting[side], `${path}.${side}`, report);
    if (!isSame(sum, accounting[side])) report("accounting", `${path}.${side}`, "is not the sum over objects");
  }
  const told = accounting.objects.length + accounting.identical + accounting.unread;
  if (told !== objects.length) report("accounting", path, `speaks of ${told} objects, but there are ${objects.length}`);
}

function checkSide({ bytes, allocated, relocations, records }: AccountedSide, path: string, report: Report): void {
  for (const [shares, whole, name] of [
    [bytes, allocated, "bytes"],
    [relocations, records, "relocations"],
  ] as const) {
    const sum = Object.values(shares).reduce((total: number, amount) => total + (amount ?? 0), 0);
    if (sum !== whole) report("accounting", `${path}.${name}`, `owners have ${sum} of ${whole}`);
  }
}

function isSame(a: AccountedSide, b: AccountedSide): boolean {
  const isEqual = (x: AccountedSide["bytes"], y: AccountedSide["bytes"]): boolean =>
    OWNERS.every((owner) => x[owner] === y[owner]);
  return (
    a.allocated === b.allocated &&
    a.records === b.records &&
    isEqual(a.bytes, b.bytes) &&
    isEqual(a.relocations, b.relocations)
  );
}
