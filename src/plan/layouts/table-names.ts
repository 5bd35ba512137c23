import { numberedBase } from "../../spans/names.ts";
import type { Span } from "../../spans/span.ts";
import { sizeOf, type TypeGraph, type TypeNode, valueType } from "../../types/graph.ts";
import type { Layouts } from "../../types/structs.ts";
import type { TableNames, TableResolver } from "../switch-over/ops-tables.ts";

/** More members than any table of functions has, arrays of them included. */
const MOST_MEMBERS = 4096;
/** Structs in structs: deeper than anyone nests tables. */
const DEEPEST_TABLE = 8;

/** Names tables of functions by their variables' types: `struct block_device_operations`, with `open` at 0. Variables of one name with different types have none. */
export function tableNames({ graph, text }: Layouts): TableResolver {
  const types = typesByVariable(graph);
  const known = new Map<number, TableNames | undefined>();
  return ({ name }: Span): TableNames | undefined => {
    const type = types.get(name) ?? types.get(numberedBase(name) ?? name);
    if (type === undefined) return undefined;
    if (!known.has(type)) known.set(type, namesOf(graph, type, text(type)));
    return known.get(type);
  };
}

/** The type of each variable that the object defines; undefined where several of one name differ. */
function typesByVariable(graph: TypeGraph): ReadonlyMap<string, number | undefined> {
  const types = new Map<string, number | undefined>();
  for (const { name, type, isDefined } of graph.variables) {
    if (!isDefined) continue;
    types.set(name, types.has(name) && types.get(name) !== type ? undefined : type);
  }
  return types;
}

function namesOf(graph: TypeGraph, type: number, text: string): TableNames | undefined {
  const members = new Map<number, string>();
  addMembers(graph, type, 0, "", members, 0);
  return members.size === 0 ? undefined : { type: text.replace(/^const /, ""), members };
}

function addMembers(
  graph: TypeGraph,
  type: number,
  start: number,
  prefix: string,
  members: Map<number, string>,
  depth: number,
): void {
  if (members.size >= MOST_MEMBERS || depth > DEEPEST_TABLE) return;
  const element = valueType(graph, type);
  const node = graph.nodes.get(element);
  if (node === undefined) return;
  const size = sizeOf(graph, element) ?? 0;
  const total = sizeOf(graph, type) ?? size;
  const count = size > 0 ? Math.floor(total / size) : 1;
  if (count !== 1 || isArray(graph, type)) {
    for (let i = 0; i < count && members.size < MOST_MEMBERS; i++)
      addElement(graph, node, start + i * size, `${prefix}[${i}]`, members, depth);
    return;
  }
  addElement(graph, node, start, prefix, members, depth);
}

function addElement(
  graph: TypeGraph,
  node: TypeNode,
  start: number,
  prefix: string,
  members: Map<number, string>,
  depth: number,
): void {
  if (node.kind !== "struct" && node.kind !== "union") {
    // Of a union the first member names the place.
    if (prefix !== "" && !members.has(start)) members.set(start, prefix);
    return;
  }
  for (const { name, type, bits, bitSize } of node.members) {
    if (bits === undefined || bitSize !== undefined) continue;
    const path = name === "" ? prefix : prefix === "" ? name : `${prefix}.${name}`;
    addMembers(graph, type, start + bits / 8, path, members, depth + 1);
  }
}

/** Whether a type is an array below its typedefs and qualifiers: also one of a single element. */
function isArray(graph: TypeGraph, type: number): boolean {
  for (let depth = 0; depth < DEEPEST_TABLE; depth++) {
    const node = graph.nodes.get(type);
    if (node === undefined || node.kind === "array") return node !== undefined;
    if (node.kind === "struct" || node.kind === "union" || node.kind === "pointer" || node.kind === "base")
      return false;
    type = node.type;
  }
  return false;
}
