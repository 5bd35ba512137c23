import type { Finding } from "../../findings/findings.ts";
import type { PairList } from "../../input/listing/pairs.ts";

/* What of a build was not compared: a description that says nothing of it would look as if it covered all. */

/** Named like an object or an archive of them: it may be missed. */
const OBJECT_NAME = /\.(?:o|ko|a|ko\.(?:gz|xz|zst))$/;
/** Paths that a finding about many files names. */
const SHOWN = 3;

/** Findings about the files that are in no pair: one for each that could be missed, one for all that others stand for. */
export function reportLeftOut({
  skipped,
  excluded,
  untargeted,
  orders,
}: Omit<PairList, "tasks" | "others">): Finding[] {
  const findings = orders.flatMap(orderFindings);
  const covered: string[] = [];
  const outside: string[] = [];
  const others: string[] = [];
  const notFollowed: string[] = [];
  for (const { path, kind, why } of skipped) {
    if (kind === "covered") covered.push(path);
    else if (kind === "not-in-kernel") outside.push(path);
    else if (kind === "other") others.push(path);
    else if (kind === "differs") findings.push({ code: "file-not-analysed", where: { name: path }, detail: why });
    else if (kind === "unreadable" && !OBJECT_NAME.test(path)) notFollowed.push(path);
    else findings.push({ code: "file-skipped", where: { name: path }, detail: why });
  }
  if (covered.length > 0) {
    const detail = `${files(covered.length)} not compared, as others hold the same code: ${pathList(covered)}`;
    findings.push({ code: "files-covered", where: {}, detail });
  }
  if (outside.length > 0) {
    const detail = `${files(outside.length)} of other programs, neither in vmlinux nor in a module: ${pathList(outside)}`;
    findings.push({ code: "files-of-others", where: {}, detail });
  }
  if (others.length > 0) {
    const detail = `${files(others.length)} no objects and differ: ${pathList(others)}`;
    findings.push({ code: "files-not-objects", where: {}, detail });
  }
  if (notFollowed.length > 0) {
    const detail = `${files(notFollowed.length)} neither followed nor read, links and the like: ${pathList(notFollowed)}`;
    findings.push({ code: "files-not-followed", where: {}, detail });
  }
  if (excluded + untargeted > 0) {
    const parts = [
      ...(excluded > 0 ? [`${excluded} by name`] : []),
      ...(untargeted > 0 ? [`${untargeted} by target`] : []),
    ];
    findings.push({
      code: "files-left-out",
      where: {},
      detail: `${files(excluded + untargeted)} left out as asked for: ${parts.join(", ")}`,
    });
  }
  return findings;
}

/** Archives whose members stand in another order: names that another member defines first, or only the order. */
function orderFindings({ path, names }: PairList["orders"][number]): Finding[] {
  const where = { name: path };
  if (names.length === 0)
    return [
      { code: "file-fact-noted", where, detail: "its members stand in another order, and no two define one name" },
    ];
  const shown = names.slice(0, SHOWN).map(({ name, pre, post }) => `${name} of ${pre} becomes that of ${post}`);
  const rest = names.length - shown.length;
  return [
    { code: "archive-order-changed", where, detail: `${shown.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}` },
  ];
}

function files(count: number): string {
  return count === 1 ? "1 file is" : `${count} files are`;
}

function pathList(paths: readonly string[]): string {
  const shown = paths.slice(0, SHOWN).join(", ");
  return paths.length > SHOWN ? `${shown}, … ${paths.length - SHOWN} more` : shown;
}
