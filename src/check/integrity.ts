import type { FunctionChange, ObjectPair, UpdateDescription } from "../contract/description.ts";
import { RUNGS } from "../contract/names/rungs.ts";
import { byText } from "../order.ts";
import { byLabel, byLabelAndTarget, byName, bySeverityAndPlace, byTarget } from "../plan/update/order.ts";
import { checkAccounting } from "./integrity-accounting.ts";
import { checkChange, reportOrder, reportRepeated, surroundingsOf } from "./integrity-code.ts";
import { jsonPath, type Problem, type Report } from "./problem.ts";

/**
 * What a description that has the right shape says of things that are not there: labels, howtos, indices; what stands
 * twice; tables that cannot be searched because they are not in order; fields that reach out of their sections. A consumer
 * that trusts the description relies on all of it.
 */
export function integrityProblems(update: UpdateDescription): Problem[] {
  const problems: Problem[] = [];
  const report: Report = (check, path, message) => {
    problems.push({ check, path, message });
  };
  checkObjects(update.objects, report);
  checkObjectIndices(update, report);
  checkTargets(update, report);
  checkTables(update, report);
  checkFunctions(update, report);
  checkNames(update, report);
  const around = surroundingsOf(update);
  for (const [index, change] of update.changes.entries()) checkChange(change, around, `$.changes[${index}]`, report);
  checkAccounting(update, report);
  checkVerdict(update, report);
  return problems;
}

/** Which sides a pair has, and whether they are the same, follows from its status. */
function checkObjects(objects: readonly ObjectPair[], report: Report): void {
  for (const [index, { pre, post, status }] of objects.entries()) {
    const wants = { pre: status !== "added", post: status !== "removed" };
    for (const side of ["pre", "post"] as const) {
      const has = (side === "pre" ? pre : post) !== undefined;
      if (has !== wants[side])
        report("reference", `$.objects[${index}]`, `${status}, ${has ? "but has" : "but has no"} ${side}`);
    }
    if (status === "identical" && pre !== undefined && post !== undefined && pre.sha256 !== post.sha256)
      report("object", `$.objects[${index}]`, "identical, but the SHA-256 of pre and post differ");
  }
}

function checkObjectIndices(update: UpdateDescription, report: Report): void {
  const { objects, functions, data, exports, noise, findings } = update;
  const check = (index: number | undefined, path: string): void => {
    if (index !== undefined && index >= objects.length)
      report("reference", path, `no object ${index}: there are ${objects.length}`);
  };
  for (const [table, rows] of Object.entries({ functions, data, exports, noise }))
    for (const [index, { object }] of rows.entries()) check(object, `$.${table}[${index}].object`);
  for (const [index, { where }] of findings.entries()) check(where.object, `$.findings[${index}].where.object`);
}

function checkTargets({ objects, functions, data, changes }: UpdateDescription, report: Report): void {
  for (const [table, rows] of Object.entries({ functions, data }))
    for (const [index, { object, target }] of rows.entries()) {
      const own = objects[object]?.target ?? target;
      if (own !== target)
        report("reference", `$.${table}[${index}].target`, `${target}, but its object belongs to ${own}`);
    }
  const known = new Set(objects.map(({ target }) => target));
  for (const [index, { target }] of changes.entries())
    if (!known.has(target)) report("reference", `$.changes[${index}].target`, `no object belongs to ${target}`);
  reportRepeated(
    changes,
    ({ target }) => target,
    (index) => `$.changes[${index}].target`,
    report,
  );
}

function checkTables(update: UpdateDescription, report: Report): void {
  const { functions, data, exports, noise, changes, findings, howtos } = update;
  reportOrder(functions, byLabelAndTarget, "label, target and status", "$.functions", report);
  reportOrder(data, byLabelAndTarget, "label, target and status", "$.data", report);
  reportOrder(exports, byName, "name", "$.exports", report);
  reportOrder(noise, byLabel, "label", "$.noise", report);
  reportOrder(changes, byTarget, "target", "$.changes", report);
  reportOrder(findings, bySeverityAndPlace, "severity, code and place", "$.findings", report);
  const names = Object.keys(howtos);
  const stray = names.findIndex((name, index) => index > 0 && byText(names[index - 1] as string, name) > 0);
  if (stray > 0)
    report("order", jsonPath(["howtos", names[stray] as string]), "belongs before the one above it: sorted by name");
  // Two objects of one target may each have a copy of an inline function.
  const key = ({ object, label }: { object: number; label: string }): string => `${label}\0of object ${object}`;
  reportRepeated(functions, key, (index) => `$.functions[${index}].label`, report);
  reportRepeated(
    data,
    (one) => `${one.status}\0${key(one)}`,
    (index) => `$.data[${index}].label`,
    report,
  );
}

/** Where the code of a function must be found, by what happens to it. */
const HOLDERS: Partial<Record<FunctionChange["status"], readonly ("oldCode" | "newCode")[]>> = {
  changed: ["oldCode", "newCode"],
  new: ["newCode"],
  deleted: ["oldCode"],
};

function checkFunctions({ functions, changes }: UpdateDescription, report: Report): void {
  const names = new Set(functions.map(({ target, name }) => `${target}\0${name}`));
  /** By target and label: the bytes before the symbol in its section. */
  const labels = { oldCode: new Map<string, number>(), newCode: new Map<string, number>() };
  for (const { target, ...code } of changes) {
    for (const side of ["oldCode", "newCode"] as const)
      for (const { label, name, offset } of code[side].symbols) {
        labels[side].set(`${target}\0${label}`, offset);
        names.add(`${target}\0${name}`);
      }
  }
  for (const [index, { name, label, target, status, partOf, suppressed, entry }] of functions.entries()) {
    // What is suppressed is described, and in no change.
    const holders = suppressed === undefined ? (HOLDERS[status] ?? []) : [];
    for (const side of holders)
      if (!labels[side].has(`${target}\0${label}`))
        report(
          "reference",
          `$.functions[${index}].label`,
          `${label} is ${status}, but no symbol of ${target}'s ${side}`,
        );
    // The site is that of the old function, or of a new one.
    const [own] = holders;
    const before = own && labels[own].get(`${target}\0${label}`);
    if (before !== undefined && before + entry.offset < 0)
      report(
        "bounds",
        `$.functions[${index}].entry.offset`,
        `a site ${-entry.offset} bytes before ${label}, and ${own} has ${before} bytes there`,
      );
    // The parent of a piece may be the same on both sides, and so in no table; its name is how the piece begins.
    if (partOf !== undefined && !name.startsWith(`${partOf}.`) && !names.has(`${target}\0${partOf}`))
      report("reference", `$.functions[${index}].partOf`, `no function ${partOf} in ${target}`);
  }
}

/** An update is called ksplice_ID, a change after the update and its target, its code after the change. */
function checkNames({ id, name, changes }: UpdateDescription, report: Report): void {
  const check = (path: string, actual: string, expected: string): void => {
    if (actual !== expected) report("naming", path, `${actual} should be ${expected}`);
  };
  check("$.name", name, `ksplice_${id}`);
  for (const [index, change] of changes.entries()) {
    check(`$.changes[${index}].name`, change.name, `${name}_${change.target}`);
    check(`$.changes[${index}].oldCode.name`, change.oldCode.name, `${change.name}_old`);
    check(`$.changes[${index}].newCode.name`, change.newCode.name, `${change.name}_new`);
  }
}

function checkVerdict({ verdict: { recommended, rungs }, findings }: UpdateDescription, report: Report): void {
  for (const [index, { rung, because }] of rungs.entries()) {
    for (const [at, finding] of because.entries())
      if (finding >= findings.length)
        report(
          "reference",
          `$.verdict.rungs[${index}].because[${at}]`,
          `no finding ${finding}: there are ${findings.length}`,
        );
    if (rung !== RUNGS[index])
      report("verdict", `$.verdict.rungs[${index}]`, `${rung} stands where ${RUNGS[index] ?? "nothing"} belongs`);
  }
  if (rungs.length < RUNGS.length) report("verdict", "$.verdict.rungs", `${RUNGS[rungs.length]} is missing`);
  const least = rungs.find(({ status }) => status === "applicable")?.rung ?? null;
  if (recommended !== least)
    report(
      "verdict",
      "$.verdict.recommended",
      `${recommended}, but the first applicable rung is ${least ?? "none at all"}`,
    );
}
