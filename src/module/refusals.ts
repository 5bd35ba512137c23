import type { UpdateDescription } from "../contract/description.ts";
import { append } from "../lists.ts";
import { parentFunction } from "../spans/names.ts";
import { LONGEST_OBJECT } from "./klp-names.ts";
import { livepatchOf } from "./livepatch.ts";
import type { Change } from "./pieces.ts";

/** Errors for those who write jumps that livepatch does not write. */
const HARMLESS: ReadonlySet<string> = new Set(["trampoline-no-room"]);

/** Whether a patched function goes with its parent: only that one jumps into a cold part. */
export function isColdPart(name: string): boolean {
  return name.includes(".cold") && parentFunction(name) !== undefined;
}

/** What livepatch cannot carry of an update, a line for each; empty when it can carry all of it. */
export function refusals(update: UpdateDescription): string[] {
  const found = update.findings
    .filter(({ code, severity, suppressed }) => severity === "error" && suppressed === undefined && !HARMLESS.has(code))
    .map(({ code, message }) => `${code}: ${message}`);
  for (const change of update.changes) append(found, changeRefusals(update, change));
  return [...new Set(found)];
}

/** What livepatch leaves as it is, or leaves to a person; a line for each. */
export function workItems(update: UpdateDescription): string[] {
  return update.changes.flatMap(({ patches }) =>
    patches.flatMap(({ type, oldLabel, replacement }) => {
      if (type === "bug") return [`${oldLabel}: line numbers in the bug table stay as they are`];
      if (type === "text" && replacement === null)
        return [`${oldLabel}: the function is gone from the source; livepatch leaves it as it is`];
      return [];
    }),
  );
}

function changeRefusals(update: UpdateDescription, change: Change): string[] {
  const found: string[] = [];
  const { target } = change;
  if (!/^[^.]+$/.test(target) || Buffer.byteLength(target) > LONGEST_OBJECT)
    found.push(`target "${target}": not the name of a kernel or module that livepatch could look up`);
  const functions = new Map(update.functions.filter((f) => f.target === target).map((f) => [f.label, f]));
  const names = new Map(change.oldCode.symbols.map((symbol) => [symbol.label, symbol.name]));
  for (const { type, oldLabel, oldOffset, replacement } of change.patches) {
    if (type === "data") found.push(`${oldLabel}: a constant is rewritten in place, which livepatch does not do`);
    if (type === "export") found.push(`${oldLabel}: an export changes, which livepatch does not do`);
    if (type !== "text" || replacement === null || isColdPart(names.get(oldLabel) ?? oldLabel)) continue;
    const changed = functions.get(oldLabel);
    if (changed?.entry.kind === "none")
      found.push(`no-entry-hook: ${changed.name} has no ftrace site: livepatch cannot redirect it`);
    // What enters at the first entry point passes the second one.
    if (oldOffset !== 0 && oldOffset !== livepatchOf(update.arch)?.localEntry?.size)
      found.push(`${oldLabel}: it has another entry point at offset ${oldOffset}, which livepatch cannot redirect`);
  }
  for (const stage of ["checkApply", "apply", "failApply", "checkReverse", "reverse", "failReverse"] as const) {
    const hooks = change.hooks[stage];
    if (hooks !== undefined && hooks.length > 0)
      found.push(`hook ${hooks[0]}: livepatch has no stage like ${stage}; it has pre and post of patch and unpatch`);
  }
  for (const { label, kind } of change.newCode.sections)
    if (kind === "tls" || kind === "percpu" || kind === "registry" || kind === "unwind")
      found.push(`${label}: new ${kind} data cannot come with a livepatch module`);
  return found;
}
