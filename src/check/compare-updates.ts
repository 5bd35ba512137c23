import { createHash } from "node:crypto";
import type { Code, CodeRelocation, Patch } from "../contract/code.ts";
import type { ComparedRow, TableComparison, UpdateComparison } from "../contract/comparison.ts";
import type { Change, ObjectPair, UpdateDescription } from "../contract/description.ts";
import { SCHEMA_VERSION } from "../contract/names/rungs.ts";
import { UnsupportedError } from "../errors.ts";
import { addTo } from "../grouping.ts";
import { signedHex } from "../hex.ts";
import { objectName } from "../input/object-name.ts";
import { byText } from "../order.ts";
import { VERSION } from "../version.ts";
import { lackingPatches } from "./superset.ts";

/** A row of a table: what tells it from others, and what may differ, in words. */
interface Entry {
  readonly row: ComparedRow;
  readonly fields: Readonly<Record<string, string>>;
}

/** What the newer description `b` adds to, drops from, or alters in `a`. Both must be sound and of one architecture. */
export function compareUpdates(a: UpdateDescription, b: UpdateDescription): UpdateComparison {
  if (a.arch.name !== b.arch.name)
    throw new UnsupportedError({ file: b.name }, `is for ${b.arch.name}, and ${a.name} for ${a.arch.name}`);
  const lacking = lackingPatches(a, b).map(([change, patch]) => patchRow(change, patch));
  const tables = (entries: (update: UpdateDescription) => readonly Entry[]): TableComparison =>
    compareTables(entries(a), entries(b));
  return {
    schemaVersion: SCHEMA_VERSION,
    generator: { name: "elfsplice", version: VERSION },
    a: { id: a.id, name: a.name, generator: a.generator.version },
    b: { id: b.id, name: b.name, generator: b.generator.version },
    superset: lacking.length === 0,
    lacking: lacking.sort(byRow),
    otherBase: otherBase(a, b),
    functions: tables(functionEntries),
    data: tables(dataEntries),
    exports: tables(exportEntries),
    patches: tables(patchEntries),
    hooks: tables(hookEntries),
    findings: tables(findingEntries),
    objects: tables(objectEntries),
    verdict: compareVerdicts(a, b),
  };
}

/** Rows by what tells them apart; a second row of the same key gets a number, so that none is lost. */
function keyed(entries: readonly Entry[]): Map<string, Entry> {
  const map = new Map<string, Entry>();
  const counts = new Map<string, number>();
  for (const entry of entries) {
    const key = rowKey(entry.row);
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    map.set(`${key}\0${count}`, entry);
  }
  return map;
}

function rowKey({ target = "", name, kind = "", at = "" }: ComparedRow): string {
  return [target, name, kind, at].join("\0");
}

function byRow(x: ComparedRow, y: ComparedRow): number {
  return byText(rowKey(x), rowKey(y));
}

function compareTables(a: readonly Entry[], b: readonly Entry[]): TableComparison {
  const before = keyed(a);
  const after = keyed(b);
  const only = (some: Map<string, Entry>, others: Map<string, Entry>): ComparedRow[] =>
    [...some].filter(([key]) => !others.has(key)).map(([, { row }]) => row);
  const altered = [...before].flatMap(([key, { row, fields }]) => {
    const twin = after.get(key);
    const what = twin === undefined ? [] : differingFields(fields, twin.fields);
    return what.length === 0 ? [] : [{ ...row, what }];
  });
  return {
    added: only(after, before).sort(byRow),
    dropped: only(before, after).sort(byRow),
    altered: altered.sort(byRow),
  };
}

type What = TableComparison["altered"][number]["what"];

function differingFields(a: Entry["fields"], b: Entry["fields"]): What {
  return Object.entries(a).flatMap(([field, value]) => {
    const other = b[field] ?? "";
    return value === other ? [] : [{ field, a: value, b: other }];
  });
}

function functionEntries({ functions, changes }: UpdateDescription): Entry[] {
  const codeOf = codeIndex(changes, "newCode");
  return functions.map(({ target, label, status, pre, post }) => ({
    row: { target, name: label },
    fields: { status, size: String((post ?? pre)?.size ?? ""), ...codeOf(target, label) },
  }));
}

function dataEntries({ data, changes }: UpdateDescription): Entry[] {
  const codeOf = codeIndex(changes, "newCode");
  return data.map(({ target, label, kind, status, pre, post }) => ({
    row: { target, name: label },
    fields: { kind, status, size: String((post ?? pre)?.size ?? ""), ...codeOf(target, label) },
  }));
}

/** By target and label: hash of a section's bytes, and of its relocations, which the bytes do not show. */
function codeIndex(
  changes: readonly Change[],
  side: "oldCode" | "newCode",
): (target: string, label: string) => { code: string; relocations: string } {
  const sums = new Map(changes.map((change) => [change.target, codeSums(change[side])]));
  return (target, label) => sums.get(target)?.get(label) ?? { code: "", relocations: "" };
}

function codeSums({ sections, relocations }: Code): Map<string, { code: string; relocations: string }> {
  const own = new Map<string, CodeRelocation[]>();
  for (const relocation of relocations) {
    addTo(own, relocation.section, relocation);
  }
  return new Map(
    sections.map(({ label, sha256 }) => [label, { code: sha256, relocations: relocationSum(own.get(label) ?? []) }]),
  );
}

function relocationSum(relocations: readonly CodeRelocation[]): string {
  if (relocations.length === 0) return "";
  const words = relocations.map((one) => [one.offset, one.howto, one.symbol, one.insnAddend, one.targetAddend]);
  return createHash("sha256").update(JSON.stringify(words)).digest("hex");
}

function exportEntries({ exports, objects }: UpdateDescription): Entry[] {
  return exports.map(({ name, object, status, licence, namespace = "" }) => ({
    row: { ...targetOf(objects, object), name },
    fields: { status, licence, namespace },
  }));
}

function targetOf(objects: readonly ObjectPair[], index: number | undefined): { target?: string } {
  const target = index === undefined ? undefined : objects[index]?.target;
  return target === undefined ? {} : { target };
}

function patchRow({ target }: Change, { type, oldLabel, oldOffset }: Patch): ComparedRow {
  return { target, name: oldLabel, kind: type, at: signedHex(oldOffset) };
}

function patchEntries({ changes }: UpdateDescription): Entry[] {
  return changes.flatMap((change) =>
    change.patches.map((patch) => ({
      row: patchRow(change, patch),
      fields: {
        size: String(patch.size),
        replacement: patch.replacement ?? "",
        replacementOffset: String(patch.replacementOffset ?? 0),
        contents: patch.contents ?? "",
      },
    })),
  );
}

function hookEntries({ changes }: UpdateDescription): Entry[] {
  return changes.flatMap(({ target, hooks }) =>
    Object.entries(hooks).flatMap(([kind, labels]) =>
      (labels ?? []).map((name) => ({ row: { target, name, kind }, fields: {} })),
    ),
  );
}

function findingEntries({ findings, objects }: UpdateDescription): Entry[] {
  return findings.map(({ code, severity, where, message }) => {
    const offset = where.offset === undefined ? [] : [signedHex(where.offset)];
    const object = where.object === undefined ? undefined : objects[where.object];
    const at = [object === undefined ? undefined : nameOf(object), where.side, where.section, ...offset];
    return {
      row: {
        ...targetOf(objects, where.object),
        name: where.label ?? where.name ?? "",
        kind: code,
        at: at.filter((part) => part !== undefined).join(" "),
      },
      fields: { severity, message },
    };
  });
}

/** What a pair is called in labels, so that builds in other folders compare. */
function nameOf({ pre, post }: ObjectPair): string {
  const path = objectName(pre?.path ?? post?.path ?? "", post?.path ?? pre?.path ?? "");
  const member = post?.member ?? pre?.member;
  return member === undefined ? path : `${path}(${member})`;
}

function objectEntries({ objects }: UpdateDescription): Entry[] {
  return objects.map((pair) => ({
    row: { target: pair.target, name: nameOf(pair) },
    fields: {
      status: pair.status,
      pre: pair.pre?.sha256 ?? "",
      post: pair.post?.sha256 ?? "",
      compiler: pair.compiler ?? "",
    },
  }));
}

/** Old code that both patch, with other bytes on each side: no running system has both. */
function otherBase(a: UpdateDescription, b: UpdateDescription): UpdateComparison["otherBase"] {
  const sumA = codeIndex(a.changes, "oldCode");
  const sumB = codeIndex(b.changes, "oldCode");
  const patched = new Map(
    a.changes.flatMap(({ target, patches }) =>
      patches.map(({ oldLabel: label }) => [`${target}\0${label}`, { target, label }] as const),
    ),
  );
  return [...patched.values()]
    .filter(({ target, label }) => {
      const [{ code: before }, { code: after }] = [sumA(target, label), sumB(target, label)];
      return before !== "" && after !== "" && before !== after;
    })
    .sort((x, y) => byText(x.target, y.target) || byText(x.label, y.label));
}

function compareVerdicts(a: UpdateDescription, b: UpdateDescription): UpdateComparison["verdict"] {
  const after = new Map(b.verdict.rungs.map(({ rung, status }) => [rung, status]));
  return {
    recommended: { a: a.verdict.recommended, b: b.verdict.recommended },
    altered: a.verdict.rungs.flatMap(({ rung, status }) => {
      const other = after.get(rung) ?? "";
      return status === other ? [] : [{ rung, a: status, b: other }];
    }),
  };
}
