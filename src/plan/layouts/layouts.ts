import type { LayoutChange, MemberDescription, Shadow, TypeDescription } from "../../contract/layouts.ts";
import type { ElfObject } from "../../elf/object.ts";
import { FormatError, UnsupportedError } from "../../errors.ts";
import type { Finding } from "../../findings/findings.ts";
import { hex } from "../../hex.ts";
import { append } from "../../lists.ts";
import { byText } from "../../order.ts";
import { withSlashes } from "../../paths.ts";
import type { Span } from "../../spans/span.ts";
import { diffLayouts, type LayoutDiff, type MemberChange } from "../../types/diff.ts";
import type { FunctionNode, TypeGraph } from "../../types/graph.ts";
import { hasTypes } from "../../types/presence.ts";
import { type DebugSections, readDebugSections } from "../../types/sections.ts";
import { type Layouts, layoutsOf, type MemberLayout, type TypeLayout } from "../../types/structs.ts";
import { areSame, typesIn } from "../../types/types.ts";
import { type Alive, type Touch, type Usage, usageOf } from "../../types/usage.ts";
import { outcomeOfPre, type PlannedPair } from "../pair/pair.ts";
import type { ReadSections } from "../pair/sources.ts";
import type { TableTypes } from "../switch-over/ops-tables.ts";
import { planShadow } from "./shadow.ts";
import { tableNames } from "./table-names.ts";

/** What the layouts of a pair of objects add to the description of the update. */
export interface LayoutPlan {
  readonly layouts: readonly LayoutChange[];
  /** Undefined where no shadow variable is needed or used. */
  readonly shadow: Shadow | undefined;
  readonly findings: readonly Finding[];
  /** Names for the tables of functions of both sides. */
  readonly tableTypes?: TableTypes;
  /** What the debug information of both sides says made them. */
  readonly producers?: Readonly<Record<"pre" | "post", readonly string[]>>;
  /** The debug sections that were read. */
  readonly sections?: ReadSections;
}

const NOTHING: LayoutPlan = { layouts: [], shadow: undefined, findings: [] };

/** One side of a pair with the types that could be read. */
interface TypedSide {
  readonly sections: DebugSections | undefined;
  readonly findings: readonly Finding[];
}

/** Compares the layouts of a pair's types, and plans shadow variables. Debug information that cannot be read is a finding: the code is compared without it. */
export async function planLayouts(pair: PlannedPair): Promise<LayoutPlan> {
  const { diff, index } = pair;
  const [preObject, postObject] = [diff.pre.table.object, diff.post.table.object];
  const [hasPre, hasPost] = [hasTypes(preObject), hasTypes(postObject)];
  if (!hasPre || !hasPost) {
    const { shadow, findings } = planShadow(pair, undefined, []);
    if (hasPre === hasPost) return { layouts: [], shadow, findings };
    const [without, side, other] = hasPre
      ? ([postObject, "post", preObject] as const)
      : ([preObject, "pre", postObject] as const);
    const where = { object: index, side, name: pathOf(without) };
    return {
      layouts: [],
      shadow,
      findings: [...findings, { code: "debug-info-one-sided", where, detail: pathOf(other) }],
    };
  }
  const pre = await readSide(preObject, index, "pre");
  const post = await readSide(postObject, index, "post");
  const unread = [...pre.findings, ...post.findings];
  if (pre.sections === undefined || post.sections === undefined) return { ...NOTHING, findings: unread };
  const preGraph = graphOf(pre.sections, index, "pre", unread);
  const isSame = areSame(pre.sections, post.sections);
  const postGraph = isSame ? preGraph : graphOf(post.sections, index, "post", unread);
  if (preGraph === undefined || postGraph === undefined) return { ...NOTHING, findings: unread };
  const [before, after] = isSame ? sameLayouts(preGraph) : [layoutsOf(preGraph), layoutsOf(postGraph)];
  const diffs = isSame ? [] : diffLayouts(before, after);
  const { layouts, findings } = describeLayouts(pair, diffs, before, after);
  const shadow = planShadow(pair, { pre: before, post: after }, layouts);
  return {
    layouts,
    shadow: shadow.shadow,
    producers: { pre: preGraph.producers, post: postGraph.producers },
    tableTypes: { pre: tableNames(before), post: tableNames(after) },
    sections: { pre: pre.sections, post: post.sections },
    findings: [...unread, ...findings, ...variants(before, after, index), ...shadow.findings],
  };
}

function sameLayouts(graph: TypeGraph): [Layouts, Layouts] {
  const layouts = layoutsOf(graph);
  return [layouts, layouts];
}

function pathOf({ file }: ElfObject): string {
  return withSlashes(file);
}

async function readSide(object: ElfObject, index: number, side: "pre" | "post"): Promise<TypedSide> {
  try {
    return { sections: await readDebugSections(object), findings: [] };
  } catch (error) {
    return { sections: undefined, findings: [unreadable(error, object, index, side)] };
  }
}

/** Types of one side; what was left out goes to `findings`. */
function graphOf(
  sections: DebugSections,
  index: number,
  side: "pre" | "post",
  findings: Finding[],
): TypeGraph | undefined {
  try {
    const graph = typesIn(sections);
    for (const { section, offset, detail } of graph?.warnings ?? [])
      findings.push({
        code: "debug-info-unread",
        where: { object: index, side, section, offset, name: pathOf(sections.object) },
        detail,
      });
    return graph;
  } catch (error) {
    findings.push(unreadable(error, sections.object, index, side));
    return undefined;
  }
}

function unreadable(error: unknown, object: ElfObject, index: number, side: "pre" | "post"): Finding {
  if (!(error instanceof FormatError || error instanceof UnsupportedError)) throw error;
  const { section, offset } = error.place;
  const place = {
    ...(typeof section === "string" ? { section } : {}),
    ...(typeof offset === "number" ? { offset } : {}),
  };
  return {
    code: "debug-info-unread",
    where: { object: index, side, name: pathOf(object), ...place },
    detail: error.message,
  };
}

/** Names that the new object defines in several ways; the kernel's headers never do so. */
function variants(pre: Layouts, post: Layouts, index: number): Finding[] {
  const findings: Finding[] = [];
  for (const [key, { length }] of post.byKey) {
    if (length < 2) continue;
    const units = [...new Set(post.byKey.get(key)?.map(({ unit }) => unit))].filter((unit) => unit !== "").sort(byText);
    const before = pre.byKey.get(key)?.length ?? 0;
    const detail = `${length} definitions${units.length === 0 ? "" : ` (${units.join(", ")})`}${before === length ? "" : `, ${before} in pre`}`;
    findings.push({ code: "type-defined-twice", where: { object: index, side: "post", name: key }, detail });
  }
  return findings;
}

function describeLayouts(
  pair: PlannedPair,
  diffs: readonly LayoutDiff[],
  before: Layouts,
  after: Layouts,
): { layouts: LayoutChange[]; findings: Finding[] } {
  const kept = diffs.filter(
    ({ pre, post }) => (pre ?? post)?.kind !== "typedef" || (pre !== undefined && post !== undefined),
  );
  if (kept.length === 0) return { layouts: [], findings: [] };
  const keys = new Set(kept.filter(({ pre, post }) => pre !== undefined && post !== undefined).map(({ key }) => key));
  const names = functionNames(pair);
  const preUsage = usageOf(before, keys, names.isChanged("pre"));
  const postUsage = usageOf(after, keys, names.isChanged("post"));
  const layouts: LayoutChange[] = [];
  const findings: Finding[] = [];
  for (const diff of kept) {
    const alive = diff.pre === undefined ? "nowhere" : preUsage.alive(diff.key);
    const touchedBy = [
      ...describeTouches(preUsage, diff.key, names.nameOf("pre")),
      ...describeTouches(postUsage, diff.key, names.nameOf("post")),
    ];
    layouts.push(
      describeLayout(
        pair.index,
        diff,
        before.graph.source,
        alive,
        sortTouches(touchedBy),
        preUsage.variables(diff.key),
      ),
    );
    append(findings, judge(pair.index, diff, alive));
  }
  return {
    layouts: layouts.sort(
      (a, b) => byText(a.kind, b.kind) || byText(a.name, b.name) || byText(a.scope ?? "", b.scope ?? ""),
    ),
    findings,
  };
}

function describeLayout(
  object: number,
  diff: LayoutDiff,
  source: "DWARF" | "BTF",
  alive: Alive,
  touchedBy: LayoutChange["touchedBy"],
  variables: readonly string[],
): LayoutChange {
  const { pre, post, members, enumerators, because, isOwn } = diff;
  const one = (pre ?? post) as TypeLayout;
  const isWhole = isOwn && pre !== undefined && post !== undefined;
  return {
    name: one.name,
    kind: one.kind === "typedef" ? "typedef" : (one.keyword as LayoutChange["kind"]),
    ...(one.scope === "" ? {} : { scope: one.scope }),
    object,
    status: pre === undefined ? "new" : post === undefined ? "removed" : "changed",
    source,
    ...(pre === undefined ? {} : { pre: describeType(pre, isWhole) }),
    ...(post === undefined ? {} : { post: describeType(post, isWhole) }),
    members: members.map(({ what, ...rest }) => ({ ...withoutUndefined(rest), what: [...what] })),
    enumerators: enumerators.map(({ name, what, pre: from, post: to }) => ({
      name,
      what,
      ...(from === undefined ? {} : { pre: hex(from) }),
      ...(to === undefined ? {} : { post: hex(to) }),
    })),
    because: [...because],
    own: isOwn,
    touchedBy,
    variables: [...variables],
    alive,
  };
}

/** A type of one side in the description's form. */
export function describeType(
  { unit, size, align, target, members, values }: TypeLayout,
  isWhole: boolean,
): TypeDescription {
  return {
    ...(unit === "" ? {} : { unit }),
    ...(size === undefined ? {} : { size }),
    ...(align === undefined ? {} : { align }),
    ...(target === undefined ? {} : { target }),
    ...(isWhole && members.length > 0 ? { members: members.map(describeMember) } : {}),
    ...(isWhole && values.length > 0 ? { values: values.map(({ name, value }) => ({ name, value: hex(value) })) } : {}),
  };
}

function describeMember({ members, ...place }: MemberLayout): MemberDescription {
  return { ...withoutUndefined(place), ...(members === undefined ? {} : { members: members.map(describeMember) }) };
}

/** A copy in which what is undefined is left out, two levels deep. */
function withoutUndefined<T extends object>(value: T): T {
  const entries = Object.entries(value).filter(([, part]) => part !== undefined);
  return Object.fromEntries(
    entries.map(([key, part]) => [
      key,
      typeof part === "object" && part !== null && !Array.isArray(part) ? withoutUndefined(part) : part,
    ]),
  ) as T;
}

function describeTouches(usage: Usage, key: string, nameOf: (node: FunctionNode) => string): LayoutChange["touchedBy"] {
  return usage.touches(key).map(({ function: node, how, by, via }: Touch) => ({
    function: nameOf(node),
    how,
    by,
    ...(via === "" ? {} : { via }),
  }));
}

/** Sorted, each once. */
function sortTouches(touches: LayoutChange["touchedBy"]): LayoutChange["touchedBy"] {
  const byKey = new Map(
    touches.map((touch) => [`${touch.function}\0${touch.how}\0${touch.by}\0${touch.via ?? ""}`, touch]),
  );
  return [...byKey].sort(([a], [b]) => byText(a, b)).map(([, touch]) => touch);
}

interface FunctionNames {
  nameOf(side: "pre" | "post"): (node: FunctionNode) => string;
  isChanged(side: "pre" | "post"): (node: FunctionNode) => boolean;
}

/** Functions of the debug information as spans: by the place of their code, else by a name that only one has. */
function functionNames(pair: PlannedPair): FunctionNames {
  const sides = { pre: spanFinder(pair, "pre"), post: spanFinder(pair, "post") };
  return {
    nameOf: (side) => (node) => {
      const span = sides[side](node);
      return (span && (side === "pre" ? pair.preLabels : pair.postLabels).get(span)) ?? node.name;
    },
    isChanged: (side) => (node) => {
      const span = sides[side](node);
      if (span === undefined) return false;
      const pre = side === "pre" ? span : pair.diff.pairing.preOf[span.id];
      return pre === undefined || (outcomeOfPre(pair, pre) !== undefined && outcomeOfPre(pair, pre) !== "unchanged");
    },
  };
}

function spanFinder(pair: PlannedPair, side: "pre" | "post"): (node: FunctionNode) => Span | undefined {
  const { table } = pair.diff[side];
  let byPlace: Map<string, Span> | undefined;
  let byName: Map<string, Span | undefined> | undefined;
  return ({ code, name }) => {
    if (byPlace === undefined || byName === undefined) {
      byPlace = new Map();
      byName = new Map();
      for (const span of table.spans) {
        if (span.symbol === undefined) continue;
        byPlace.set(`${span.section.index}:${span.offset + span.entry}`, span);
        byName.set(span.name, byName.has(span.name) ? undefined : span);
      }
    }
    return (code && byPlace.get(`${code.section}:${code.offset}`)) ?? byName.get(name);
  };
}

/** What a change of one type means for a system that runs. */
function judge(object: number, diff: LayoutDiff, alive: Alive): Finding[] {
  const { pre, post, key, members } = diff;
  if (pre === undefined || post === undefined) return [];
  const where = { object, name: key };
  if (pre.kind === "enum" || pre.values.length > 0) return judgeEnum(diff, where);
  const isAlive = alive === "variable" || alive === "heap";
  const shifts = members.filter(({ what }) => what.some((one) => one !== "renamed" && one !== "retyped"));
  if (shifts.length > 0 || pre.size !== post.size || pre.align !== post.align) {
    const detail = layoutWords(diff);
    return [{ code: isAlive ? "struct-layout-changed" : "struct-layout-unused", where, detail }];
  }
  const retyped = members.filter(({ what }) => what.includes("retyped"));
  if (retyped.length > 0 && isAlive) {
    const words = retyped.map(({ member, pre: from, post: to }) => `${member} was ${from?.type} and is ${to?.type}`);
    return [{ code: "struct-member-retyped", where, detail: shorten(words) }];
  }
  if (pre.target !== post.target && pre.size === post.size)
    return [{ code: "struct-member-retyped", where, detail: `it was ${pre.target} and is ${post.target}` }];
  return [];
}

function judgeEnum({ enumerators, pre, post }: LayoutDiff, where: Finding["where"]): Finding[] {
  const words = enumerators
    .filter(({ what }) => what !== "added")
    .map(({ name, what, pre: from, post: to }) =>
      what === "removed" ? `${name} is gone (it was ${from})` : `${name} was ${from} and is ${to}`,
    );
  if (pre?.size !== post?.size) words.push(`it takes ${post?.size} bytes, not ${pre?.size}`);
  return words.length === 0 ? [] : [{ code: "enum-value-changed", where, detail: shorten(words) }];
}

/** `ps_lock added, size 64 becomes 72, because of struct lock`. */
function layoutWords({ members, pre, post, because, isOwn }: LayoutDiff): string {
  const words: string[] = [];
  const say = (kind: MemberChange["what"][number]): void => {
    const names = members.filter(({ what }) => what.includes(kind)).map(({ member }) => member);
    // What lies in a member that came or went needs no word of its own.
    if (kind === "added" || kind === "removed") dropInner(names);
    if (names.length > 0) words.push(`${shorten(names, kind === "moved" ? 1 : 4)} ${kind}`);
  };
  for (const kind of ["added", "removed", "resized", "moved"] as const) say(kind);
  if (pre?.size !== post?.size) words.push(`size ${pre?.size} becomes ${post?.size}`);
  if (pre?.align !== post?.align)
    words.push(`alignment ${pre?.align ?? "by its members"} becomes ${post?.align ?? "by its members"}`);
  if (because.length > 0) words.push(`${isOwn ? "also " : ""}because of ${because.join(", ")}`);
  return words.join(", ");
}

function shorten(words: readonly string[], shown = 4): string {
  const rest = words.length - shown;
  return `${words.slice(0, shown).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

/** Removes `in.flags` where `in` is listed before it. */
function dropInner(names: string[]): void {
  const known = new Set(names);
  const kept = names.filter((name) => {
    const parts = name.replaceAll("[]", "").split(".");
    return !parts.slice(1).some((_, i) => known.has(parts.slice(0, i + 1).join(".")));
  });
  names.splice(0, names.length, ...kept);
}
