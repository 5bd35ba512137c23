import type { LayoutChange, MemberDescription, Shadow, TypeDescription } from "../contract/layouts.ts";
import { append } from "../lists.ts";
import { declaration } from "../types/type-text.ts";

/** `-` is only in pre, `+` only in post, `~` in both but not the same; one space for all else. */
type Mark = " " | "-" | "+" | "~";

/** One line of a struct, and what it says. */
interface Line {
  readonly mark: Mark;
  readonly text: string;
}

/** Where comments begin. */
const COMMENT_COLUMN = 44;
const INDENT = "    ";

/** A struct as pahole shows it: offsets and sizes in bytes, holes, padding. `offset:bit` marks bit fields. */
export function renderType(kind: string, name: string, type: TypeDescription): string[] {
  const { members = [], values = [], target } = type;
  const isTypedef = kind === "typedef";
  if (isTypedef && members.length === 0 && values.length === 0)
    return [`typedef ${declaration(target ?? "void", name)};${sizeNote(type)}`];
  const anonymous = (target ?? "").replace(" {…}", "") || "struct";
  const anonymousName = /^\{(.*)\}$/.test(name) ? "" : `${name} `;
  const head = isTypedef ? `typedef ${anonymous} {` : `${kind} ${anonymousName}{`;
  return [
    head,
    ...values.map(({ name: enumerator, value }) => `${INDENT}${enumerator} = ${BigInt.asIntN(64, parseHex(value))},`),
    ...memberLines(members, 1, kind === "union" || anonymous === "union", () => " ", { end: type.size }).map(
      ({ text }) => text,
    ),
    ...summaryLines(type).map((line) => `${INDENT}${line}`),
    isTypedef ? `} ${name};` : "};",
  ];
}

function parseHex(text: string): bigint {
  return text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text);
}

function sizeNote({ size }: TypeDescription): string {
  return size === undefined ? "" : `  /* size: ${size} */`;
}

function summaryLines({ size, align, members = [] }: TypeDescription): string[] {
  const alignment = align === undefined ? "" : `, alignment: ${align}`;
  const { holes, total } = holesOf(members, size);
  const lost = holes === 0 ? "" : `, holes: ${holes}, sum holes: ${total}`;
  return [
    `/* size: ${size ?? "unknown"}${alignment}${members.length === 0 ? "" : `, members: ${members.length}${lost}`} */`,
  ];
}

function holesOf(members: readonly MemberDescription[], size: number | undefined): { holes: number; total: number } {
  let end = 0;
  let holes = 0;
  let total = 0;
  for (const member of members) {
    const start = Math.floor(startBit(member) / 8);
    if (start > end && size !== undefined) {
      holes++;
      total += start - end;
    }
    end = Math.max(end, Math.ceil(endBit(member) / 8));
  }
  return { holes, total };
}

function startBit({ offset = 0, bitOffset = 0 }: MemberDescription): number {
  return offset * 8 + bitOffset;
}

function endBit(member: MemberDescription): number {
  return startBit(member) + (member.bitSize ?? (member.size ?? 0) * 8);
}

type MarkOf = (path: string) => Mark;

interface Bounds {
  /** Bytes at which the struct ends; undefined where it is not known. */
  readonly end: number | undefined;
  readonly path?: string;
}

function memberLines(
  members: readonly MemberDescription[],
  depth: number,
  isUnion: boolean,
  markOf: MarkOf,
  { end, path = "" }: Bounds,
): Line[] {
  const indent = INDENT.repeat(depth);
  const lines: Line[] = [];
  let at: number | undefined;
  const hole = (to: number): void => {
    if (!isUnion && at !== undefined && to > at)
      lines.push({ mark: " ", text: `${indent}/* ${to - at} bytes hole */` });
  };
  for (const member of members) {
    const own = `${path}${member.name}`;
    hole(Math.floor(startBit(member) / 8));
    const mark = member.name === "" && member.members !== undefined ? " " : markOf(own);
    append(lines, oneMember(member, own, mark, depth, markOf));
    at = Math.max(at ?? 0, Math.ceil(endBit(member) / 8));
  }
  if (end !== undefined && at !== undefined && end > at && !isUnion && depth === 1)
    lines.push({ mark: " ", text: `${indent}/* ${end - at} bytes padding */` });
  return lines;
}

function oneMember(member: MemberDescription, path: string, mark: Mark, depth: number, markOf: MarkOf): Line[] {
  const indent = INDENT.repeat(depth);
  const { name, type, members, bitSize } = member;
  if (members === undefined) {
    const declared = name === "" ? `/* base */ ${type}` : declaration(type, name);
    return [{ mark, text: withPlace(`${indent}${declared}${bitSize === undefined ? "" : `:${bitSize}`};`, member) }];
  }
  const [keyword = "struct", dimensions = ""] = type.split(" {…}");
  const inner = name === "" ? path : `${path}${dimensions === "" ? "" : "[]"}.`;
  const last = `${indent}}${name === "" ? "" : ` ${name}${dimensions}`};`;
  return [
    { mark, text: `${indent}${keyword} {` },
    ...memberLines(members, depth + 1, keyword.endsWith("union"), markOf, { end: undefined, path: inner }),
    { mark, text: withPlace(last, member) },
  ];
}

function withPlace(text: string, { offset, size, bitOffset }: MemberDescription): string {
  const place = offset === undefined ? "?" : `${offset}${bitOffset === undefined ? "" : `:${bitOffset}`}`;
  return `${text.padEnd(COMMENT_COLUMN)} /* ${place.padStart(5)} ${(size === undefined ? "?" : `${size}`).padStart(5)} */`;
}

/** A struct that differs: the members of both sides, each line with its mark. */
function diffLines(layout: LayoutChange): string[] {
  const { kind, name, pre, post, members, enumerators } = layout;
  if (pre === undefined || post === undefined) return [];
  const lines: Line[] = [];
  const isUnion = kind === "union";
  const marks = new Map(members.map(({ member, what }) => [member, what]));
  const renamed = new Set(members.map(({ renamedTo }) => renamedTo));
  const postMark: MarkOf = (path) => {
    const what = marks.get(path);
    if (renamed.has(path)) return "~";
    return what === undefined || what.length === 0 ? " " : what.includes("added") ? "+" : "~";
  };
  const gone = members.filter(({ what }) => what.includes("removed"));
  lines.push({ mark: " ", text: `${kind === "typedef" ? "typedef" : kind} ${name} {` });
  lines.push(
    ...gone.map(
      ({ member, pre: place }): Line => ({
        mark: "-",
        text: withPlace(`${INDENT}${declaration(place?.type ?? "", member)};`, { name: member, type: "", ...place }),
      }),
    ),
  );
  append(lines, memberLines(post.members ?? [], 1, isUnion, postMark, { end: post.size }));
  for (const { name: enumerator, what, pre: from, post: to } of enumerators) {
    const mark = what === "added" ? "+" : what === "removed" ? "-" : "~";
    const value = (text: string | undefined): string => (text === undefined ? "" : parseHex(text).toString());
    lines.push({
      mark,
      text: `${INDENT}${enumerator} = ${what === "changed" ? `${value(from)} → ${value(to)}` : value(to ?? from)},`,
    });
  }
  lines.push({ mark: " ", text: "};" });
  return lines.map(({ mark, text }) => `    ${mark} ${text}`.trimEnd());
}

/** What changed about each member, in words: `moved 16 → 24`. */
function wordsOf(layout: LayoutChange): string[] {
  return layout.members.flatMap(({ member, what, renamedTo, pre, post }) => {
    const words = what.flatMap((one) => {
      if (one === "moved") return [`moved ${placeText(pre)} → ${placeText(post)}`];
      if (one === "resized") return [`resized ${sizeText(pre)} → ${sizeText(post)}`];
      if (one === "retyped") return [`was ${pre?.type}`];
      if (one === "renamed") return [`renamed to ${renamedTo}`];
      return [];
    });
    return words.length === 0 ? [] : [`      ${member} ${words.join(", ")}`];
  });
}

function placeText(place: LayoutChange["members"][number]["pre"]): string {
  return place?.offset === undefined
    ? "?"
    : `${place.offset}${place.bitOffset === undefined ? "" : `:${place.bitOffset}`}`;
}

function sizeText(place: LayoutChange["members"][number]["pre"]): string {
  return place?.bitSize === undefined ? `${place?.size ?? "?"}` : `${place.bitSize} bits`;
}

/** Names listed at most. */
const SHOWN_NAMES = 8;

function nameList(names: readonly string[]): string {
  const rest = names.length - SHOWN_NAMES;
  return `${names.slice(0, SHOWN_NAMES).join(", ")}${rest > 0 ? `, … ${rest} more` : ""}`;
}

/** Lines about the types that differ, for a person. */
export function layoutLines(layouts: readonly LayoutChange[]): string[] {
  return layouts.flatMap((layout) => {
    const { kind, name, status, pre, post, because, alive, touchedBy, variables, own } = layout;
    const size =
      status !== "changed"
        ? `${(pre ?? post)?.size ?? "?"} bytes`
        : pre?.size === post?.size
          ? `${pre?.size ?? "?"} bytes`
          : `${pre?.size ?? "?"} → ${post?.size ?? "?"} bytes`;
    const live =
      status !== "changed" ? "" : alive === "variable" ? `, alive: ${nameList(variables)}` : `, alive: ${alive}`;
    const functions = [...new Set(touchedBy.map((touch) => touch.function))];
    return [
      `  ${status.padEnd(9)} ${kind} ${name}  (${size}${live})`,
      ...(because.length === 0 ? [] : [`      ${own ? "also " : ""}because of ${because.join(", ")}`]),
      ...(status === "changed" && own ? diffLines(layout) : []),
      ...wordsOf(layout),
      ...(functions.length === 0 || status !== "changed" ? [] : [`      touched by ${nameList(functions)}`]),
    ];
  });
}

/** Lines about shadow variables, needed and used. */
export function shadowLines(shadow: Shadow | undefined): string[] {
  if (shadow === undefined) return [];
  const { plans, uses } = shadow;
  return [
    ...plans.flatMap(
      ({
        parent,
        member,
        type,
        size,
        id,
        lifecycle,
        lifecycleBecause,
        constructorNeeded,
        constructorBecause,
        allocatedIn,
        freedIn,
      }) => [
        `  ${parent}: ${declaration(type, member)}, ${size} ${size === 1 ? "byte" : "bytes"}, id ${id}, ${lifecycle}`,
        `      ${lifecycleBecause}`,
        `      ${constructorNeeded ? "constructor needed" : "no constructor"}: ${constructorBecause}`,
        ...(allocatedIn.length === 0 ? [] : [`      allocated in ${nameList(allocatedIn)}`]),
        ...(freedIn.length === 0 ? [] : [`      freed in ${nameList(freedIn)}`]),
      ],
    ),
    ...uses.map(
      ({ api, function: caller, id, size }) =>
        `  used     ${caller}: ${api}${id === undefined ? "" : `, id ${Number(id)}`}${size === undefined ? "" : `, ${size} bytes`}`,
    ),
  ];
}
