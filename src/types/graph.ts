/*
 * Types as DWARF and BTF agree on them: a graph of nodes that refer to one another by number. Everything above reads only this.
 */

/** What a node is; `forward` stands for a struct, union or enum that is only declared, `transparent` for a tag of another type (BTF_KIND_TYPE_TAG). */
export type TypeKind =
  | "base"
  | "pointer"
  | "reference"
  | "struct"
  | "union"
  | "enum"
  | "typedef"
  | "array"
  | "function"
  | "const"
  | "volatile"
  | "restrict"
  | "atomic"
  | "transparent"
  | "forward";

/** A member of a struct or union as debug information has it. */
export interface GraphMember {
  /** Empty for anonymous structs and unions. */
  readonly name: string;
  readonly type: number;
  /** Bits from the start of the struct to the member, in the order of memory; undefined when only the running program knows. */
  readonly bits: number | undefined;
  /** Width of a bit field; undefined for whole members. */
  readonly bitSize: number | undefined;
}

export interface TypeNode {
  readonly kind: TypeKind;
  /** `struct`, `union`, `enum` or `class`; what is printed in front of the name. */
  readonly keyword: string;
  /** With namespaces; empty for anonymous ones. */
  readonly name: string;
  /** The function in which it is declared; empty outside. */
  readonly scope: string;
  /** Bytes; undefined where it follows from the type below. */
  readonly size: number | undefined;
  /** Explicit alignment in bytes. */
  readonly align: number | undefined;
  /** What it refers to: the target, the element, the value that a function returns; VOID for void. */
  type: number;
  readonly members: GraphMember[];
  readonly values: { readonly name: string; readonly value: bigint }[];
  /** Elements of each dimension of an array; −1 where it is open. */
  readonly counts: number[];
  /** Parameters of a function type; VOID at the end stands for `...`. */
  readonly parameters: number[];
  /** Source file of the unit that defines it. */
  readonly unit: string;
}

/** No type, as in `void *`. */
export const VOID = -1;

/** How a function comes by a type. */
export type UseKind = "parameter" | "local" | "returns";

export interface FunctionUse {
  readonly how: UseKind;
  readonly type: number;
  /** Of the parameter or variable; empty for what is returned. */
  readonly name: string;
}

/** A function that has code, with the types of its parameters and variables. */
export interface FunctionNode {
  readonly name: string;
  /** Where its code begins; undefined when debug information does not tell. */
  readonly code: { readonly section: number; readonly offset: number } | undefined;
  readonly uses: readonly FunctionUse[];
  /** What functions that were inlined into it use. */
  readonly inlined: readonly { readonly name: string; readonly uses: readonly FunctionUse[] }[];
}

/** A variable that lives as long as the program. */
export interface VariableNode {
  readonly name: string;
  readonly type: number;
  /** False for `extern` ones that another object defines. */
  readonly isDefined: boolean;
}

/** What could not be read of the debug information. */
export interface GraphWarning {
  readonly section: string;
  readonly offset: number;
  readonly detail: string;
}

export interface TypeGraph {
  readonly source: "DWARF" | "BTF";
  /** Bytes of a pointer. */
  readonly pointerSize: number;
  /** Types by number, in the order of the debug information. */
  readonly nodes: ReadonlyMap<number, TypeNode>;
  readonly functions: readonly FunctionNode[];
  readonly variables: readonly VariableNode[];
  readonly warnings: readonly GraphWarning[];
  /** What the units say made them, each once. */
  readonly producers: readonly string[];
}

/** No C type nests deeper; a longer chain leads in a circle. */
export const DEEPEST = 128;

function isTransparent({ kind }: TypeNode): boolean {
  switch (kind) {
    case "typedef":
    case "const":
    case "volatile":
    case "restrict":
    case "atomic":
    case "transparent":
      return true;
    default:
      return false;
  }
}

/** The number of the type that is meant by value: below typedefs, qualifiers and arrays. */
export function valueType(graph: TypeGraph, type: number): number {
  for (let depth = 0; depth < DEEPEST; depth++) {
    const node = graph.nodes.get(type);
    if (node === undefined || !(isTransparent(node) || node.kind === "array")) return type;
    type = node.type;
  }
  return VOID;
}

/** Elements of an array of all dimensions; 0 where one is open. */
function elements({ counts }: TypeNode): number {
  return counts.reduce((product, count) => product * Math.max(0, count), 1);
}

/** Bytes of a type; undefined for void, functions, declarations and circles. */
export function sizeOf(graph: TypeGraph, type: number): number | undefined {
  let factor = 1;
  for (let depth = 0; depth < DEEPEST; depth++) {
    const node = graph.nodes.get(type);
    if (node === undefined) return undefined;
    if (node.kind === "array") {
      if (node.size !== undefined) return node.size * factor;
      factor *= elements(node);
    } else if (node.kind === "pointer" || node.kind === "reference") {
      return (node.size ?? graph.pointerSize) * factor;
    } else if (!isTransparent(node)) {
      return node.size === undefined ? undefined : node.size * factor;
    }
    type = node.type;
  }
  return undefined;
}
