import { sizeOf, type TypeGraph, type TypeNode, VOID, valueType } from "./graph.ts";
import { type TypeText, typePrinter } from "./type-text.ts";

/** A member of a struct or union, with its place in the outermost one. */
export interface MemberLayout {
  /** Empty for anonymous structs and unions, and for base classes. */
  readonly name: string;
  /** As C has it, without the name. */
  readonly type: string;
  /** Bytes from the start of the struct; of a bit field, to the storage unit of its type. Undefined when it is computed at run time. */
  readonly offset: number | undefined;
  /** Bytes; of a bit field, those of its type. Undefined where the type is not known. */
  readonly size: number | undefined;
  /** Bits from `offset`, in the order of memory. */
  readonly bitOffset?: number;
  readonly bitSize?: number;
  /** Of a member whose type is an anonymous struct or union. */
  readonly members?: readonly MemberLayout[];
}

export interface EnumeratorLayout {
  readonly name: string;
  readonly value: bigint;
}

/** How a struct, union, enum or typedef lies in memory. */
export interface TypeLayout {
  readonly kind: "struct" | "union" | "enum" | "typedef";
  /** `struct`, `class`, `union`, `enum`; empty for typedefs. */
  readonly keyword: string;
  /** Of an anonymous enum, `{FIRST, …}`. */
  readonly name: string;
  /** The function in which it is declared; empty outside. */
  readonly scope: string;
  /** Source file of the unit that defines it; empty where that is not told. */
  readonly unit: string;
  /** Bytes. */
  readonly size: number | undefined;
  /** Explicit alignment in bytes; undefined where it follows from the members. */
  readonly align: number | undefined;
  readonly members: readonly MemberLayout[];
  readonly values: readonly EnumeratorLayout[];
  /** What a typedef stands for. */
  readonly target: string | undefined;
  /** Keys of the types that it holds by value. */
  readonly holds: ReadonlySet<string>;
  /** Number of the node. */
  readonly id: number;
}

/** What tells types apart: `struct sta_info`, `typedef spinlock_t`, `struct tmp in f`. */
export function keyOf({ keyword, kind, name, scope }: Pick<TypeLayout, "keyword" | "kind" | "name" | "scope">): string {
  return `${kind === "typedef" ? "typedef" : keyword} ${name}${scope === "" ? "" : ` in ${scope}`}`;
}

/** All named types of a graph by key; several where units define one name differently. */
export interface Layouts {
  readonly graph: TypeGraph;
  readonly byKey: ReadonlyMap<string, readonly TypeLayout[]>;
  readonly text: TypeText;
  /** Key of the type at a node, undefined for a type without a layout. */
  keyAt(type: number): string | undefined;
}

/** Anonymous structs in anonymous structs: more than anyone nests, and more members than anyone writes. */
const DEEPEST_ANONYMOUS = 32;
const MOST_MEMBERS = 1 << 16;

/** Lays out every named type of a graph. */
export function layoutsOf(graph: TypeGraph): Layouts {
  const text = typePrinter(graph);
  const byKey = new Map<string, TypeLayout[]>();
  const prints = new Map<string, Set<string>>();
  for (const [id, node] of graph.nodes) {
    if (!isDefinition(node)) continue;
    const layout = layoutOf(graph, text, id, node);
    if (layout === undefined) continue;
    const key = keyOf(layout);
    const print = fingerprint(layout);
    const seen = prints.get(key);
    if (seen === undefined) {
      prints.set(key, new Set([print]));
      byKey.set(key, [layout]);
    } else if (!seen.has(print)) {
      seen.add(print);
      byKey.get(key)?.push(layout);
    }
  }
  return { graph, byKey, text, keyAt: (type) => keyAtNode(graph, type) };
}

function keyAtNode(graph: TypeGraph, type: number): string | undefined {
  const node = graph.nodes.get(type);
  return node === undefined || !(isDefinition(node) || node.kind === "forward") ? undefined : keyOfNode(node);
}

function keyOfNode(node: TypeNode): string {
  const first = node.values[0]?.name;
  const name = node.name === "" && first !== undefined ? `{${first}, …}` : node.name;
  return keyOf({
    kind: node.kind === "typedef" ? "typedef" : "struct",
    keyword: node.keyword,
    name,
    scope: node.scope,
  });
}

function isDefinition({ kind, name, values }: TypeNode): boolean {
  if (kind === "enum") return name !== "" || values.length > 0;
  return (kind === "struct" || kind === "union" || kind === "typedef") && name !== "";
}

function layoutOf(graph: TypeGraph, text: TypeText, id: number, node: TypeNode): TypeLayout | undefined {
  const holds = new Set<string>();
  const kind = node.kind as TypeLayout["kind"];
  const body = kind === "typedef" ? anonymousBelow(graph, node.type) : node;
  const budget = { left: MOST_MEMBERS };
  const members = body === undefined ? [] : membersOf(graph, text, body, 0, holds, budget, 0);
  if (kind === "typedef" && body === undefined) addHeld(graph, node.type, holds);
  const first = node.values[0]?.name;
  return {
    kind,
    keyword: node.keyword,
    name: node.name === "" ? `{${first}, …}` : node.name,
    scope: node.scope,
    unit: node.unit,
    size: kind === "typedef" ? sizeOf(graph, node.type) : node.size,
    align: body?.align ?? node.align,
    members,
    values: body?.values ?? [],
    target: kind === "typedef" ? text(node.type) : undefined,
    holds,
    id,
  };
}

/** The struct, union or enum without a name that a type is, qualifiers aside. */
function anonymousBelow(graph: TypeGraph, type: number): TypeNode | undefined {
  for (let depth = 0; depth < DEEPEST_ANONYMOUS; depth++) {
    const node = graph.nodes.get(type);
    if (node === undefined || node.kind === "typedef") return undefined;
    if (node.kind === "struct" || node.kind === "union" || node.kind === "enum")
      return node.name === "" ? node : undefined;
    if (node.kind === "pointer" || node.kind === "reference" || node.kind === "function" || node.type === VOID)
      return undefined;
    type = node.type;
  }
  return undefined;
}

/** Every type with a name that lies in a value of this type, through typedefs: `spinlock_t`, then `struct spinlock`. */
function addHeld(graph: TypeGraph, type: number, holds: Set<string>): void {
  for (let depth = 0; depth < DEEPEST_ANONYMOUS; depth++) {
    const node = graph.nodes.get(type);
    if (node === undefined) return;
    if (isDefinition(node)) holds.add(keyOfNode(node));
    if (node.kind === "pointer" || node.kind === "reference" || node.kind === "function") return;
    if (node.kind === "struct" || node.kind === "union" || node.kind === "enum" || node.type === VOID) return;
    type = node.type;
  }
}

function membersOf(
  graph: TypeGraph,
  text: TypeText,
  { members }: TypeNode,
  base: number,
  holds: Set<string>,
  budget: { left: number },
  depth: number,
): MemberLayout[] {
  const list: MemberLayout[] = [];
  for (const { name, type, bits, bitSize } of members) {
    if (budget.left-- <= 0) break;
    const size = sizeOf(graph, type);
    const start = bits === undefined ? undefined : base * 8 + bits;
    const whole = { name, type: text(type), size };
    if (bitSize !== undefined && start !== undefined) {
      list.push({ ...whole, ...bitPlace(start, bitSize, size ?? 1) });
      continue;
    }
    const offset = start === undefined ? undefined : Math.floor(start / 8);
    const body = anonymousBelow(graph, type);
    if (body === undefined || body.kind === "enum" || depth >= DEEPEST_ANONYMOUS) {
      addHeld(graph, type, holds);
      list.push({ ...whole, offset });
    } else {
      list.push({ ...whole, offset, members: membersOf(graph, text, body, offset ?? 0, holds, budget, depth + 1) });
    }
  }
  return list;
}

/** A bit field counts from the storage unit of its type, or from the byte it begins in where packing lets it cross units. */
function bitPlace(
  start: number,
  bitSize: number,
  size: number,
): Pick<MemberLayout, "offset" | "bitOffset" | "bitSize"> {
  const unit = size > 0 ? size : 1;
  const aligned = Math.floor(start / (8 * unit)) * unit;
  const offset = start - aligned * 8 + bitSize <= unit * 8 ? aligned : Math.floor(start / 8);
  return { offset, bitOffset: start - offset * 8, bitSize };
}

/** Everything that makes two layouts the same: place, not numbers of nodes. */
export function fingerprint({ size, align, members, values, target, kind }: TypeLayout): string {
  const parts = [kind, size, align, target];
  const add = (list: readonly MemberLayout[]): void => {
    for (const member of list) {
      parts.push(member.name, member.type, member.offset, member.size, member.bitOffset, member.bitSize);
      if (member.members !== undefined) {
        parts.push("{");
        add(member.members);
        parts.push("}");
      }
    }
  };
  add(members);
  for (const { name, value } of values) parts.push(name, value.toString());
  return parts.join("\0");
}

/** Layouts by the name a person uses: with or without `struct`. */
export function layoutsNamed(layouts: Layouts, name: string): TypeLayout[] {
  const wanted = name.trim().replace(/\s+/g, " ");
  return [...layouts.byKey].flatMap(([key, variants]) =>
    variants.filter(
      (layout) => layout.name === wanted || key === wanted || `${layout.keyword} ${layout.name}` === wanted,
    ),
  );
}

/** Key of the struct or union that a value, or what a pointer points to, is; and whether by pointer. */
export function heldType(
  layouts: Layouts,
  type: number,
): { key: string; by: "value" | "pointer"; typedefs: readonly string[] } | undefined {
  const { graph } = layouts;
  let by: "value" | "pointer" = "value";
  const typedefs: string[] = [];
  for (let depth = 0; depth < DEEPEST_ANONYMOUS; depth++) {
    const node = graph.nodes.get(type);
    if (node === undefined || node.kind === "function") return undefined;
    if (node.kind === "typedef") typedefs.push(keyOfNode(node));
    if (node.kind === "pointer" || node.kind === "reference") {
      by = "pointer";
      typedefs.length = 0;
    }
    if (node.kind === "struct" || node.kind === "union" || node.kind === "enum" || node.kind === "forward") {
      const key = node.name === "" ? (typedefs.at(-1) ?? "") : keyOfNode(node);
      return key === "" ? undefined : { key, by, typedefs };
    }
    if (node.type === VOID) return undefined;
    type = node.type;
  }
  return undefined;
}

/** The type of a variable without its arrays, as a key. */
export function valueKey(layouts: Layouts, type: number): string | undefined {
  return heldType(layouts, valueType(layouts.graph, type))?.key;
}
