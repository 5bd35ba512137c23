import { groupBy } from "../grouping.ts";
import { byText } from "../order.ts";
import type { EnumeratorLayout, Layouts, MemberLayout, TypeLayout } from "./structs.ts";
import { fingerprint } from "./structs.ts";

/** What happened to a member; one may have moved and changed its type at once. */
type MemberChangeKind = "added" | "removed" | "moved" | "resized" | "retyped" | "renamed";

/** A member's place, without what lies in it. */
type MemberPlace = Omit<MemberLayout, "members" | "name">;

export interface MemberChange {
  /** Path from the struct: `in.flags`, `slots[].key`. */
  readonly member: string;
  readonly what: readonly MemberChangeKind[];
  readonly renamedTo?: string;
  readonly pre?: MemberPlace;
  readonly post?: MemberPlace;
}

interface EnumeratorChange {
  readonly name: string;
  readonly what: "added" | "removed" | "changed";
  readonly pre?: bigint;
  readonly post?: bigint;
}

/** One named type that is not the same on both sides. */
export interface LayoutDiff {
  readonly key: string;
  /** Undefined for a type that only one side has. */
  readonly pre: TypeLayout | undefined;
  readonly post: TypeLayout | undefined;
  readonly members: readonly MemberChange[];
  readonly enumerators: readonly EnumeratorChange[];
  /** Types in it, by value, that changed. */
  readonly because: readonly string[];
  /** False when nothing but the types in it made the difference. */
  readonly isOwn: boolean;
}

/** A member without a struct around it. */
interface FlatMember extends MemberPlace {
  readonly path: string;
}

/** Compares the named types of two objects; empty when all are the same. Sorted by key. */
export function diffLayouts(pre: Layouts, post: Layouts): LayoutDiff[] {
  const own = new Map<string, LayoutDiff>();
  for (const key of new Set([...pre.byKey.keys(), ...post.byKey.keys()])) {
    for (const [number, [before, after]] of unequalVariants(
      pre.byKey.get(key) ?? [],
      post.byKey.get(key) ?? [],
    ).entries()) {
      const diff = compareTypes(key, before, after);
      own.set(number === 0 ? key : `${key}\0${number}`, diff);
    }
  }
  if (own.size === 0) return [];
  return explain(own, pre, post).sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

/** Definitions of one name that have no equal on the other side, in pairs: those of one unit first, then in order. */
function unequalVariants(
  pre: readonly TypeLayout[],
  post: readonly TypeLayout[],
): (readonly [TypeLayout | undefined, TypeLayout | undefined])[] {
  const prints = (list: readonly TypeLayout[]): Map<string, TypeLayout> =>
    new Map(list.map((layout) => [fingerprint(layout), layout]));
  const [before, after] = [prints(pre), prints(post)];
  const preLeft = [...before].flatMap(([print, layout]) => (after.has(print) ? [] : [layout]));
  const postLeft = [...after].flatMap(([print, layout]) => (before.has(print) ? [] : [layout]));
  // A name with another definition on one side only: the unit that had it is no longer there, or came to it.
  if (preLeft.length === 0 || postLeft.length === 0) {
    if (pre.length > 0 && post.length > 0) return [];
  }
  const pairs: [TypeLayout | undefined, TypeLayout | undefined][] = [];
  const byUnit = group(postLeft);
  const single: TypeLayout[] = [];
  for (const layout of preLeft) {
    const twin = byUnit.get(layout.unit)?.shift();
    if (twin === undefined) single.push(layout);
    else pairs.push([layout, twin]);
  }
  const rest = [...byUnit.values()].flat();
  for (let i = 0; i < Math.max(single.length, rest.length); i++) pairs.push([single[i], rest[i]]);
  return pairs;
}

function group(list: readonly TypeLayout[]): Map<string, TypeLayout[]> {
  return groupBy(list, ({ unit }) => unit);
}

function compareTypes(key: string, pre: TypeLayout | undefined, post: TypeLayout | undefined): LayoutDiff {
  const both = pre !== undefined && post !== undefined;
  return {
    key,
    pre,
    post,
    members: both ? compareMembers(flatten(pre.members), flatten(post.members)) : [],
    enumerators: both ? compareEnumerators(pre.values, post.values) : [],
    because: [],
    isOwn: true,
  };
}

/** Members as C names them: those of anonymous structs by their own names, those of anonymous types with a name below it. Equal names are numbered. */
function flatten(members: readonly MemberLayout[]): Map<string, FlatMember> {
  const flat = new Map<string, FlatMember>();
  const add = (list: readonly MemberLayout[], prefix: string): void => {
    for (const { name, members: inner, ...place } of list) {
      let path = name === "" && inner === undefined ? `${prefix}<${place.type}>` : `${prefix}${name}`;
      if (inner !== undefined) {
        if (name !== "") flat.set(path, { path, ...place });
        const open = place.type.includes("[") ? "[]" : "";
        add(inner, name === "" ? prefix : `${path}${open}.`);
        continue;
      }
      for (let number = 2; flat.has(path); number++) path = `${prefix}${name}#${number}`;
      flat.set(path, { path, ...place });
    }
  };
  add(members, "");
  return flat;
}

function compareMembers(pre: ReadonlyMap<string, FlatMember>, post: ReadonlyMap<string, FlatMember>): MemberChange[] {
  const removed = [...pre.values()].filter(({ path }) => !post.has(path));
  const added = [...post.values()].filter(({ path }) => !pre.has(path));
  const renamed = pairRenamed(removed, added);
  const changes: MemberChange[] = [];
  const done = new Set(renamed.values());
  for (const member of pre.values()) {
    const twin = post.get(member.path);
    const other = renamed.get(member);
    if (other !== undefined) {
      changes.push({
        member: member.path,
        what: ["renamed"],
        renamedTo: other.path,
        pre: placeOf(member),
        post: placeOf(other),
      });
    } else if (twin === undefined) {
      changes.push({ member: member.path, what: ["removed"], pre: placeOf(member) });
    } else {
      const what = compareMember(member, twin);
      if (what.length > 0) changes.push({ member: member.path, what, pre: placeOf(member), post: placeOf(twin) });
    }
  }
  for (const member of added)
    if (!done.has(member)) changes.push({ member: member.path, what: ["added"], post: placeOf(member) });
  return changes;
}

function placeOf({ path: _, ...place }: FlatMember): MemberPlace {
  return place;
}

function compareMember(pre: FlatMember, post: FlatMember): MemberChangeKind[] {
  const what: MemberChangeKind[] = [];
  if (startOf(pre) !== startOf(post)) what.push("moved");
  if (pre.size !== post.size || pre.bitSize !== post.bitSize) what.push("resized");
  if (pre.type !== post.type) what.push("retyped");
  return what;
}

/** Bits from the start of the struct. */
function startOf({ offset, bitOffset = 0 }: MemberPlace): number | undefined {
  return offset === undefined ? undefined : offset * 8 + bitOffset;
}

/** Renamed is what went and came at one place with one type, if nothing else went or came there. */
function pairRenamed(removed: readonly FlatMember[], added: readonly FlatMember[]): Map<FlatMember, FlatMember> {
  const place = (member: FlatMember): string => [startOf(member), member.size, member.bitSize, member.type].join("\0");
  const gone = groupBy(removed, place);
  const come = groupBy(added, place);
  const pairs = new Map<FlatMember, FlatMember>();
  for (const [key, [member, second]] of gone) {
    const [twin, other] = come.get(key) ?? [];
    if (member !== undefined && twin !== undefined && second === undefined && other === undefined)
      pairs.set(member, twin);
  }
  return pairs;
}

function compareEnumerators(pre: readonly EnumeratorLayout[], post: readonly EnumeratorLayout[]): EnumeratorChange[] {
  const before = new Map(pre.map(({ name, value }) => [name, value]));
  const after = new Map(post.map(({ name, value }) => [name, value]));
  const changes: EnumeratorChange[] = [];
  for (const [name, value] of before) {
    const now = after.get(name);
    if (now === undefined) changes.push({ name, what: "removed", pre: value });
    else if (now !== value) changes.push({ name, what: "changed", pre: value, post: now });
  }
  for (const [name, value] of after) if (!before.has(name)) changes.push({ name, what: "added", post: value });
  return changes;
}

/** Adds the types that hold changed ones, and says of each which those are. */
function explain(own: ReadonlyMap<string, LayoutDiff>, pre: Layouts, post: Layouts): LayoutDiff[] {
  const holders = holdersOf(pre, post);
  const changed = new Set<string>();
  for (const diff of own.values()) if (diff.pre !== undefined && diff.post !== undefined) changed.add(diff.key);
  // A set goes on to what is added to it: so a type that holds a holder comes too.
  for (const key of changed) for (const holder of holders.get(key) ?? []) changed.add(holder);
  const result = [...own.values()].map((diff) => withCauses(diff, changed));
  const known = new Set(result.map(({ key }) => key));
  for (const key of changed) {
    const [before] = pre.byKey.get(key) ?? [];
    const [after] = post.byKey.get(key) ?? [];
    if (known.has(key) || before === undefined || after === undefined || before.kind === "typedef") continue;
    result.push({ ...withCauses(compareTypes(key, before, after), changed), isOwn: false });
  }
  // A typedef that only passes on what it stands for says nothing new.
  return result.filter(
    ({ pre: before, isOwn, members, enumerators }) =>
      before?.kind !== "typedef" || isOwn || members.length + enumerators.length > 0,
  );
}

/** For each type, who holds it by value on either side. */
function holdersOf(...sides: readonly Layouts[]): Map<string, Set<string>> {
  const holders = new Map<string, Set<string>>();
  for (const { byKey } of sides)
    for (const [key, variants] of byKey)
      for (const { holds } of variants)
        for (const held of holds) {
          const list = holders.get(held);
          if (list === undefined) holders.set(held, new Set([key]));
          else list.add(key);
        }
  return holders;
}

function withCauses(diff: LayoutDiff, changed: ReadonlySet<string>): LayoutDiff {
  const { pre, post, members, enumerators } = diff;
  if (pre === undefined || post === undefined) return diff;
  const because = [...pre.holds]
    .filter((key) => post.holds.has(key) && changed.has(key) && key !== diff.key)
    .sort(byText);
  const shown = because.filter(
    (key) => !key.startsWith("typedef ") || !because.some((other) => !other.startsWith("typedef ")),
  );
  const isShift = members.every(({ what, pre: before, post: after }) =>
    what.every((one) => one === "moved" || (one === "resized" && before?.type === after?.type)),
  );
  const isOwn =
    because.length === 0 ||
    !isShift ||
    enumerators.length > 0 ||
    pre.align !== post.align ||
    pre.target !== post.target;
  return { ...diff, because: shown, isOwn };
}
