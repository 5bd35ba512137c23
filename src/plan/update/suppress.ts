import type { DataChange, FunctionChange } from "../../contract/description.ts";
import type { SuppressionRule } from "../../contract/part.ts";
import { UsageError } from "../../errors.ts";
import type { Finding } from "../../findings/findings.ts";
import { globOf, type NameTest } from "../../glob.ts";
import { byText } from "../../order.ts";
import { isEmptyChange } from "../pair/plain-fragment.ts";
import { nameOf, neededBy, withoutExport } from "./links.ts";
import { isLive, type Piece } from "./piece.ts";
import { pruneChange } from "./prune.ts";

/*
 * A suppression file says what to leave alone, one rule a line, each with its reason:
 *
 *   # the build's time stamp
 *   data linux_banner: holds the time of the build
 *   function trace_* in drivers/net/**: traced by another team
 *   object lib/gen_crc32table.o: runs on the build machine only
 *
 * Patterns are those of src/glob.ts, held against whole names. What is suppressed is described all the same, with the reason, but the old code goes on running: it is in no change, and its errors stop nothing.
 */

/** The kind, and the rest of the line. */
const KIND = /^(function|data|object)\s+(\S.*)$/;
/** Where the reason begins: a colon before a blank or the end. */
const COLON = /:(?=\s|$)/;
/** The last of the words before the colon, if it is the object that is meant. */
const OBJECT = /\sin\s+(\S+)$/;

interface RuleWords {
  readonly kind: SuppressionRule["kind"];
  readonly pattern: string;
  readonly object: string | undefined;
  readonly reason: string;
}

/** A line taken apart; each step looks at every character a fixed number of times. */
function ruleOf(words: string): RuleWords | undefined {
  const [, kind, rest = ""] = KIND.exec(words) ?? [];
  const colon = rest.search(COLON);
  if (kind === undefined || colon < 1) return undefined;
  const subject = rest.slice(0, colon).trimEnd();
  const place = OBJECT.exec(subject);
  const object = place?.[1];
  const pattern = place === null ? subject : subject.slice(0, place.index).trimEnd();
  if (pattern === "") return undefined;
  return { kind: kind as SuppressionRule["kind"], pattern, object, reason: rest.slice(colon + 1).trim() };
}

/** Reads a suppression file. Throws UsageError, naming file and line, where a line is not a rule, has no reason, or has a bracket or brace without its end. */
export function readSuppressions(text: string, file: string): SuppressionRule[] {
  return text.split(/\r?\n/).flatMap((line, i) => {
    const words = line.trim();
    if (words === "" || words.startsWith("#")) return [];
    const place = `${file}:${i + 1}`;
    const rule = ruleOf(words);
    if (rule === undefined)
      throw new UsageError(
        `${place}: not a rule; write "function PATTERN [in OBJECT]: reason", or data or object instead of function`,
      );
    const { kind, pattern, object, reason } = rule;
    if (kind === "object" && object !== undefined)
      throw new UsageError(`${place}: a rule for objects has one pattern, "in ${object}" does not belong there`);
    if (reason === "") throw new UsageError(`${place}: the reason is missing: write it behind the colon`);
    for (const text of [pattern, object]) if (text !== undefined) testOf(text, place);
    return [{ kind, pattern, ...(object === undefined ? {} : { object }), reason, place }];
  });
}

function testOf(pattern: string, place: string): NameTest {
  return globOf(pattern, `${place}: pattern "${pattern}"`);
}

/** A rule with its patterns ready, and whether anything met it. */
interface Ready {
  readonly rule: SuppressionRule;
  readonly matches: NameTest;
  readonly matchesObject: NameTest;
  isUsed: boolean;
}

/** Applies the rules: what they name stays in the lists with its reason and leaves the changes. Returns findings about rules, too. */
export function applySuppressions(
  pieces: readonly Piece[],
  rules: readonly SuppressionRule[],
  keepsOldCode: boolean,
): { pieces: readonly Piece[]; findings: readonly Finding[] } {
  if (rules.length === 0) return { pieces, findings: [] };
  const ready = rules.map(
    (rule): Ready => ({
      rule,
      matches: testOf(rule.pattern, rule.place),
      matchesObject: rule.object === undefined ? () => true : testOf(rule.object, rule.place),
      isUsed: false,
    }),
  );
  const single = pieces.map((piece) => suppressIn(piece, ready, keepsOldCode));
  // From here on every piece knows what it leaves alone.
  const findings = ready
    .filter(({ isUsed }) => !isUsed)
    .map(({ rule }): Finding => ({ code: "suppression-unused", where: { name: words(rule) }, detail: rule.place }));
  return { pieces: reportUsers(single), findings };
}

function words({ kind, pattern, object }: SuppressionRule): string {
  return `${kind} ${pattern}${object === undefined ? "" : ` in ${object}`}`;
}

function suppressIn(piece: Piece, rules: readonly Ready[], keepsOldCode: boolean): Piece {
  if (!isLive(piece) || piece.fragment.object.status === "identical") return piece;
  const { name, object } = piece.fragment;
  const names = [name, object.pre?.path, object.post?.path].filter((path) => path !== undefined);
  const whole = firstReason(rules, "object", names, names);
  if (whole !== undefined) return suppressWhole(piece, whole);
  const dropped = new Map<string, string>();
  const mark = <T extends FunctionChange | DataChange>(kind: "function" | "data", list: readonly T[]): readonly T[] =>
    list.map((one) => {
      const reason = firstReason(rules, kind, namesOf(one), names);
      if (reason === undefined) return one;
      dropped.set(one.label, reason);
      return { ...one, suppressed: reason };
    });
  const functions = mark("function", piece.functions);
  const data = mark("data", piece.data);
  const findings = suppressNamed(piece, rules, names);
  if (dropped.size === 0) return { ...piece, findings };
  return withoutDropped({ ...piece, functions, data, findings }, dropped, keepsOldCode);
}

/** Findings about functions that are in no list, as init code is. */
function suppressNamed(piece: Piece, rules: readonly Ready[], objects: readonly string[]): readonly Finding[] {
  const listed = new Set([...piece.functions, ...piece.data].map(({ label }) => label));
  return piece.findings.map((finding) => {
    const { name, label } = finding.where;
    if (name === undefined || label === undefined || listed.has(label)) return finding;
    const suppressed = firstReason(rules, "function", [name, label], objects);
    return suppressed === undefined ? finding : { ...finding, suppressed };
  });
}

/** A piece of a function goes with the whole: old and new halves do not fit together. */
function namesOf(one: FunctionChange | DataChange): string[] {
  const whole = "partOf" in one && one.partOf !== undefined ? wholeOf(one.partOf) : one.name;
  const isPart = whole !== one.name;
  return isPart ? [whole] : [one.name, one.label, ...(one.demangled === undefined ? [] : [one.demangled])];
}

function wholeOf(name: string): string {
  return name.replace(/(?:\.part\.\d+|\.cold(?:\.\d+)?)+$/, "");
}

/** The reason of the first rule that fits; every rule that fits counts as used. */
function firstReason(
  rules: readonly Ready[],
  kind: SuppressionRule["kind"],
  names: readonly string[],
  objects: readonly string[],
): string | undefined {
  let reason: string | undefined;
  for (const ready of rules) {
    if (ready.rule.kind !== kind || !names.some(ready.matches) || !objects.some(ready.matchesObject)) continue;
    ready.isUsed = true;
    reason ??= ready.rule.reason;
  }
  return reason;
}

function suppressWhole(piece: Piece, suppressed: string): Piece {
  const mark = <T extends object>(list: readonly T[]): readonly (T & { suppressed: string })[] =>
    list.map((item) => ({ ...item, suppressed }));
  return {
    ...piece,
    suppressed,
    functions: mark(piece.functions),
    data: mark(piece.data),
    exports: mark(piece.exports),
    findings: mark(piece.findings),
    change: null,
  };
}

function withoutDropped(piece: Piece, dropped: ReadonlyMap<string, string>, keepsOldCode: boolean): Piece {
  const fresh = new Map(
    [...piece.functions, ...piece.data].flatMap(({ status, label }) =>
      status === "new" && dropped.has(label) ? [[label, dropped.get(label) as string] as const] : [],
    ),
  );
  const exports = piece.exports.map((one) => {
    const suppressed = one.status === "new" ? fresh.get(one.name) : undefined;
    return suppressed === undefined ? one : { ...one, suppressed };
  });
  const findings = piece.findings.map((finding) => {
    const suppressed = reasonFor(finding, dropped, fresh);
    return suppressed === undefined ? finding : { ...finding, suppressed };
  });
  let { change } = piece;
  if (change === null) return { ...piece, exports, findings };
  for (const { name, suppressed } of exports) if (suppressed !== undefined) change = withoutExport(change, name);
  const pruned = pruneChange(change, new Set(dropped.keys()), keepsOldCode);
  const uses = pruned.uses.map(({ by, label, isMiddle }): Finding => {
    const isMissing = isMiddle || fresh.has(label);
    const detail = isMiddle ? `the middle of ${nameOf(piece, label)}` : nameOf(piece, label);
    const where = { object: piece.index, side: "post", name: nameOf(piece, by), label: by } as const;
    return { code: isMissing ? "suppressed-code-needed" : "suppressed-code-used", where, detail };
  });
  return {
    ...piece,
    exports,
    findings: [...findings, ...uses],
    change: isEmptyChange(pruned.change) ? null : pruned.change,
  };
}

function reasonFor(
  { code, where, detail }: Finding,
  dropped: ReadonlyMap<string, string>,
  fresh: ReadonlyMap<string, string>,
): string | undefined {
  if (code.startsWith("export-")) return fresh.get(where.name ?? "");
  // The hook reaches what is not replaced any more; the way to it ends in its name.
  if (code === "hook-reaches-patched-code") {
    const end = detail.split(" → ").at(-1) ?? "";
    return [...dropped].find(([label]) => label === end || label.startsWith(`${end}<`))?.[1];
  }
  return where.label === undefined ? undefined : dropped.get(where.label);
}

/** New code of other objects of the target that refers to something suppressed. */
function reportUsers(pieces: readonly Piece[]): readonly Piece[] {
  const left = new Map<string, "old" | "none">();
  for (const { fragment, functions, data } of pieces) {
    for (const { label, name, status, suppressed } of [...functions, ...data]) {
      if (suppressed === undefined || label !== name) continue;
      left.set(`${fragment.target} ${name}`, status === "new" ? "none" : "old");
    }
  }
  return pieces.map((piece) => {
    if (!isLive(piece)) return piece;
    const findings = neededBy(piece).flatMap(({ name, by }): Finding[] => {
      const what = left.get(`${piece.fragment.target} ${name}`);
      if (what === undefined) return [];
      const where = { object: piece.index, side: "post", name: nameOf(piece, by), label: by } as const;
      return [{ code: what === "none" ? "suppressed-code-needed" : "suppressed-code-used", where, detail: name }];
    });
    findings.sort((a, b) => byText(a.detail, b.detail));
    return findings.length === 0 ? piece : { ...piece, findings: [...piece.findings, ...findings] };
  });
}
