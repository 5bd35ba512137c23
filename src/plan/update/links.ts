import type { ChangeTables, CodeRelocation, CodeTables, Patch } from "../../contract/code.ts";
import type { FunctionChange } from "../../contract/description.ts";
import type { Finding, FindingCode } from "../../findings/findings.ts";
import { addTo, groupBy } from "../../grouping.ts";
import { byText } from "../../order.ts";
import { find, lowest } from "./merge.ts";
import { byLabel, byName } from "./order.ts";
import { byTarget, ownersIn, type Piece } from "./piece.ts";

/*
 * What one object cannot know of the others: that a function it lost is defined by another one now, that a name it needs
 * is new elsewhere, that two of them define the same name. Every pass takes the pieces and returns them.
 */

/** Resolves what the objects of an update mean to each other; adds the findings to the pieces they are about. */
export function resolveLinks(pieces: readonly Piece[]): readonly Piece[] {
  if (pieces.length < 2) return pieces;
  const edits = new Edits(pieces);
  const targets = byTarget(pieces);
  for (const group of targets.values()) {
    moveFunctions(group, edits);
    moveData(group, edits);
    joinExports(group, edits);
    moveExports(edits.group(group), edits);
    reportDuplicates(group, edits);
    forgetKnownKeys(group, edits);
  }
  // From here on what moved is neither deleted nor new.
  compareTargets(targets, edits);
  return edits.pieces;
}

/** Pieces while passes replace what they hold. */
class Edits {
  readonly pieces: Piece[];

  constructor(pieces: readonly Piece[]) {
    this.pieces = [...pieces];
  }

  at(index: number): Piece {
    return this.pieces[index] as Piece;
  }

  /** The same pieces as they are now. */
  group(group: readonly Piece[]): readonly Piece[] {
    return group.map(({ index }) => this.at(index));
  }

  replace(index: number, changes: Partial<Piece>): void {
    this.pieces[index] = { ...this.at(index), ...changes };
  }

  report(code: FindingCode, where: Finding["where"] & { readonly object: number }, detail: string): void {
    this.replace(where.object, { findings: [...this.at(where.object).findings, { code, where, detail }] });
  }

  drop(index: number, isGone: (finding: Finding) => boolean): void {
    this.replace(index, { findings: this.at(index).findings.filter((finding) => !isGone(finding)) });
  }
}

interface Named {
  readonly name: string;
  readonly label: string;
  readonly object: number;
}

const isGlobal = ({ name, label }: Named): boolean => name === label;

/** What was deleted in one object and is new in another under the same name, where that is unmistakable. */
function movesIn<T extends Named>(deleted: readonly T[], fresh: readonly T[]): [T, T][] {
  const plain = ({ name }: Named): string => name.replace(/\.\d+/g, "");
  const before = groupBy(deleted, plain);
  const after = groupBy(fresh, plain);
  const moves: [T, T][] = [];
  for (const [name, olds] of before) {
    const news = after.get(name);
    if (news === undefined) continue;
    const [from, to] = [theOne(olds), theOne(news)];
    if (from !== undefined && to !== undefined && from.object !== to.object) moves.push([from, to]);
  }
  return moves.sort(([a], [b]) => byLabel(a, b));
}

/** The only one, or the only global one. */
function theOne<T extends Named>(list: readonly T[]): T | undefined {
  if (list.length === 1) return list[0];
  const globals = list.filter(isGlobal);
  return globals.length === 1 ? globals[0] : undefined;
}

function moveFunctions(group: readonly Piece[], edits: Edits): void {
  const of = (status: FunctionChange["status"]): FunctionChange[] =>
    group.flatMap(({ functions }) => functions.filter((one) => one.status === status && one.suppressed === undefined));
  const gone = new Map<string, FunctionChange>();
  const come = new Map<string, FunctionChange>();
  const redirections = new Map<string, FunctionChange>();
  for (const [from, to] of movesIn(of("deleted"), of("new"))) {
    const [source, sink] = [edits.at(from.object), edits.at(to.object)];
    gone.set(placeKey(from), to);
    come.set(placeKey(to), from);
    const isSame = sameCode(source.change, from.label, sink.change, to.label);
    // Statics of one name may have nothing in common but it: their callers went with them, and the old code goes on to trap.
    if (isSame === true || (isGlobal(from) && isGlobal(to))) redirections.set(placeKey(from), to);
    const isTrapped = source.change?.patches.some(({ type, oldLabel }) => type === "text" && oldLabel === from.label);
    if (isGlobal(from) && isGlobal(to) && isSame !== true && !isTrapped)
      edits.report(
        "trampoline-no-room",
        placeOf(from),
        `${from.pre?.size ?? 0} bytes; it moved and its new code differs`,
      );
    const words = isSame === undefined ? "" : isSame ? ", with the same code" : ", with other code";
    edits.report("function-moved", placeOf(from), `from ${source.fragment.name} to ${sink.fragment.name}${words}`);
  }
  if (gone.size === 0) return;
  for (const { index } of group) {
    const { functions, change, findings } = edits.at(index);
    edits.replace(index, {
      functions: functions.map((one) => moved(one, gone.get(placeKey(one)), come.get(placeKey(one)))),
      findings: findings.filter(
        ({ code, where: { label } }) =>
          code !== "global-function-deleted" || label === undefined || !gone.has(placeKey({ object: index, label })),
      ),
      change:
        change === null
          ? null
          : {
              ...change,
              patches: change.patches.map((patch) => {
                const to = redirections.get(placeKey({ object: index, label: patch.oldLabel }));
                return to === undefined ? patch : redirected(patch, to.label, edits.at(to.object));
              }),
            },
    });
  }
}

function placeOf({ object, pre, name, label }: FunctionChange): Finding["where"] & { readonly object: number } {
  return { object, side: "pre", section: pre?.section, name, label };
}

function placeKey({ object, label }: Pick<Named, "object" | "label">): string {
  return `${object} ${label}`;
}

function moved(one: FunctionChange, to: FunctionChange | undefined, from: FunctionChange | undefined): FunctionChange {
  if (one.status === "deleted" && to !== undefined) return { ...one, movedTo: to.object };
  return one.status === "new" && from !== undefined ? { ...one, movedFrom: from.object } : one;
}

/** The trap that stands for a deleted function becomes a jump to where it went. */
function redirected(patch: Patch, to: string, sink: Piece): Patch {
  if (patch.type !== "text" || patch.replacement !== null) return patch;
  const { type, oldLabel, oldOffset, size } = patch;
  const localEntries = sink.fragment.links?.localEntries ?? {};
  const replacementOffset = Object.hasOwn(localEntries, to) ? localEntries[to] : 0;
  return { type, oldLabel, oldOffset, replacement: to, replacementOffset, size };
}

/** Whether two functions have the same bytes and refer to the same things in the same way; undefined where one was not written down. */
function sameCode(pre: ChangeTables | null, from: string, post: ChangeTables | null, to: string): boolean | undefined {
  const before = pre === null ? undefined : find(pre.oldCode.sections, from);
  const after = post === null ? undefined : find(post.newCode.sections, to);
  if (before === undefined || after === undefined || pre === null || post === null) return undefined;
  if (before.size !== after.size || before.sha256 !== after.sha256) return false;
  const a = references(pre.oldCode, from);
  const b = references(post.newCode, to);
  return a.length === b.length && a.every((words, i) => words === b[i]);
}

/** What a section refers to, in words that do not depend on the object it is in. */
function references(code: CodeTables, label: string): string[] {
  return relocationsIn(code, label).map(({ offset, howto, symbol, insnAddend, targetAddend }) => {
    const { name, section } = find(code.symbols, symbol) ?? { name: symbol, section: null };
    const held = section === null ? undefined : find(code.sections, section);
    const contents = held === undefined || held.kind === "text" ? "" : held.sha256;
    const what = symbol === label ? "itself" : `${name} ${contents}`;
    return [offset, howto, insnAddend, targetAddend, what].join(" ");
  });
}

/** The relocations of one section, in a table that is sorted by section. */
function relocationsIn({ relocations }: CodeTables, label: string): CodeRelocation[] {
  const found: CodeRelocation[] = [];
  for (let i = lowest(relocations, ({ section }) => section, label); relocations[i]?.section === label; i++)
    found.push(relocations[i] as CodeRelocation);
  return found;
}

const STATE: ReadonlySet<string> = new Set(["data", "bss", "percpu", "tls"]);

function moveData(group: readonly Piece[], edits: Edits): void {
  const of = (status: string): (Named & { kind: string })[] =>
    group.flatMap(({ data }) =>
      data.filter(
        (one) => one.status === status && STATE.has(one.kind) && isGlobal(one) && one.suppressed === undefined,
      ),
    );
  for (const [from, to] of movesIn(of("deleted"), of("new"))) {
    edits.drop(from.object, ({ code, where }) => code === "global-data-deleted" && where.label === from.label);
    edits.report(
      "data-moved",
      { object: from.object, side: "pre", name: from.name, label: from.label },
      `from ${edits.at(from.object).fragment.name} to ${edits.at(to.object).fragment.name}`,
    );
  }
}

const EXPORT_FINDINGS: ReadonlySet<string> = new Set(["export-added", "export-deleted", "export-changed"]);

/**
 * Since Linux 6.4 an object only asks for an export, in `.export_symbol`, and modpost makes the entry, in `foo.mod.o` or
 * `.vmlinux.export.o`. Where the build has both, they are one export: that of the table. Linux scripts/mod/modpost.c.
 */
function joinExports(group: readonly Piece[], edits: Edits): void {
  const entries = new Set<string>();
  const asked: { readonly index: number; readonly name: string; readonly code: string }[] = [];
  for (const { index, findings } of edits.group(group)) {
    for (const { code, where } of findings) {
      if (!EXPORT_FINDINGS.has(code) || where.name === undefined) continue;
      if (where.section === ".export_symbol") asked.push({ index, name: where.name, code });
      else entries.add(`${code} ${where.name}`);
    }
  }
  for (const { index, name, code } of asked) {
    if (!entries.has(`${code} ${name}`)) continue;
    const { exports, change } = edits.at(index);
    edits.replace(index, {
      exports: exports.filter((one) => one.name !== name),
      change: change === null ? null : withoutExport(change, name),
    });
    edits.drop(index, ({ code: other, where }) => other === code && where.name === name);
  }
}

/** An export that only moved keeps its place in the kernel's table: nothing is written there. */
function moveExports(group: readonly Piece[], edits: Edits): void {
  const of = (status: string) =>
    group.flatMap(({ exports }) =>
      exports
        .filter((one) => one.status === status && one.suppressed === undefined)
        .map((one) => ({ ...one, label: one.name })),
    );
  for (const [from, to] of movesIn(of("deleted"), of("new"))) {
    if (from.licence !== to.licence || from.namespace !== to.namespace) continue;
    for (const [here, there, more] of [
      [from, to, { movedTo: to.object }],
      [to, from, { movedFrom: from.object }],
    ] as const) {
      const { exports, change } = edits.at(here.object);
      edits.replace(here.object, {
        exports: exports.map((one) =>
          one.name === here.name && one.status === here.status ? { ...one, ...more } : one,
        ),
        change: change === null ? null : withoutExport(change, there.name),
      });
      edits.drop(
        here.object,
        ({ code, where }) => (code === "export-added" || code === "export-deleted") && where.name === here.name,
      );
    }
    const words = `${edits.at(to.object).fragment.name} instead of ${edits.at(from.object).fragment.name}`;
    edits.report("export-moved", { object: to.object, side: "post", name: to.name }, words);
  }
}

/** A change without the patch of one name in the export table. */
export function withoutExport(change: ChangeTables, name: string): ChangeTables {
  return {
    ...change,
    patches: change.patches.filter(({ type, oldLabel }) => type !== "export" || oldLabel !== `__ksymtab:${name}`),
  };
}

function reportDuplicates(group: readonly Piece[], edits: Edits): void {
  const holders = new Map<string, Piece>();
  for (const piece of group) {
    for (const { name, weak } of piece.fragment.links?.defines ?? []) {
      if (weak) continue;
      const first = holders.get(name);
      if (first === undefined) holders.set(name, piece);
      else
        edits.report(
          "duplicate-definition",
          { object: piece.index, side: "post", name, label: name },
          `${first.fragment.name} and ${piece.fragment.name}`,
        );
    }
  }
}

/** A static key that another object of the same target brings along is known. */
function forgetKnownKeys(group: readonly Piece[], edits: Edits): void {
  const known = new Set(group.flatMap(({ fragment }) => fragment.links?.defines.map(({ name }) => name) ?? []));
  for (const { index } of group)
    edits.drop(index, ({ code, detail }) => code === "static-key-elsewhere" && known.has(detail));
}

/** What one change means to another: exports that it needs, that are gone, or that both make. */
function compareTargets(targets: ReadonlyMap<string, readonly Piece[]>, edits: Edits): void {
  const all = [...targets.values()].flat().map(({ index }) => edits.at(index));
  const added = exportsOf(all, "new");
  const deleted = exportsOf(all, "deleted");
  for (const [name, pieces] of added) {
    const names = [...new Set(pieces.map(({ fragment }) => fragment.target))].sort(byText);
    if (names.length < 2) continue;
    const last = pieces.at(-1) as Piece;
    edits.report("export-conflict", { object: last.index, side: "post", name }, names.join(", "));
  }
  const defined = new Map<string, Set<string>>();
  for (const [target, group] of targets)
    defined.set(
      target,
      new Set(group.flatMap(({ fragment }) => fragment.links?.defines.map(({ name }) => name) ?? [])),
    );
  const lost = new Map<string, Set<string>>();
  for (const [target, group] of targets)
    lost.set(target, new Set(group.flatMap(({ fragment }) => fragment.links?.deletes ?? [])));
  for (const { index, fragment } of all) {
    const { target, name: objectName } = fragment;
    for (const { name, by } of neededBy(edits.at(index))) {
      if (defined.get(target)?.has(name)) continue;
      const user = nameOf(edits.at(index), by);
      const where = { object: index, side: "post", name: user, label: by } as const;
      const makers = targetsOf(added.get(name), target);
      const losers = targetsOf(deleted.get(name), target);
      if (makers.length > 0)
        edits.report("export-needed", where, `${name}, which the change of ${makers.join(", ")} exports`);
      else if (losers.length > 0)
        edits.report(
          "deleted-symbol-needed",
          where,
          `${name}, whose export the change of ${losers.join(", ")} removes`,
        );
      else if (lost.get(target)?.has(name))
        edits.report(
          "deleted-symbol-needed",
          where,
          `${name}, which no object of ${target} defines any more (${objectName})`,
        );
    }
  }
}

/** What the new code of a piece needs of others, with the first label that needs it. */
export function neededBy({ fragment, change }: Piece): { name: string; by: string }[] {
  const needs = new Set(fragment.links?.needs ?? []);
  if (change === null || needs.size === 0) return [];
  const users = new Map<string, string>();
  const owners = ownersIn(change.newCode);
  for (const { symbol, section } of change.newCode.relocations)
    if (needs.has(symbol) && !users.has(symbol)) users.set(symbol, owners.get(section) ?? section);
  return [...users].map(([name, by]) => ({ name, by })).sort(byName);
}

/** What a label is called in the tables of functions and data. */
export function nameOf({ functions, data }: Piece, label: string): string {
  return [...functions, ...data].find((one) => one.label === label)?.name ?? label;
}

function targetsOf(pieces: readonly Piece[] | undefined, except: string): string[] {
  const targets = new Set((pieces ?? []).map(({ fragment }) => fragment.target));
  targets.delete(except);
  return [...targets].sort(byText);
}

function exportsOf(pieces: readonly Piece[], status: string): Map<string, Piece[]> {
  const holders = new Map<string, Piece[]>();
  for (const piece of pieces) {
    for (const one of piece.exports) {
      if (
        one.status !== status ||
        one.suppressed !== undefined ||
        one.movedTo !== undefined ||
        one.movedFrom !== undefined
      )
        continue;
      addTo(holders, one.name, piece);
    }
  }
  return holders;
}
