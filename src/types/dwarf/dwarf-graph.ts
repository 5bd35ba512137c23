import type { ElfObject } from "../../elf/object.ts";
import { getOrAdd } from "../../grouping.ts";
import { hex } from "../../hex.ts";
import { type GraphWarning, type TypeGraph, type TypeKind, type TypeNode, VOID } from "../graph.ts";
import { TAG } from "./constants.ts";
import type { Entry } from "./entry.ts";
import { type FunctionDraft, FunctionDrafts } from "./function-drafts.ts";
import { MemberDrafts } from "./member-drafts.ts";
import type { Refuse, Unit } from "./units.ts";
import { VariableDrafts } from "./variable-drafts.ts";

/** What the entries below one entry belong to. */
export interface Frame {
  readonly node: TypeNode | undefined;
  readonly function: FunctionDraft | undefined;
  /** Namespace and class in front of names: `a::b::`. */
  readonly prefix: string;
  readonly unit: string;
  /** Whether this is the body of an inlined function, whose entries only repeat those of its origin. */
  readonly isInlined?: true;
}

const KINDS: ReadonlyMap<number, readonly [kind: TypeKind, keyword: string]> = new Map([
  [TAG.base_type, ["base", ""]],
  [TAG.unspecified_type, ["base", ""]],
  [TAG.string_type, ["base", ""]],
  [TAG.pointer_type, ["pointer", ""]],
  [TAG.ptr_to_member_type, ["pointer", ""]],
  [TAG.reference_type, ["reference", ""]],
  [TAG.rvalue_reference_type, ["reference", ""]],
  [TAG.structure_type, ["struct", "struct"]],
  [TAG.class_type, ["struct", "class"]],
  [TAG.union_type, ["union", "union"]],
  [TAG.enumeration_type, ["enum", "enum"]],
  [TAG.typedef, ["typedef", ""]],
  [TAG.array_type, ["array", ""]],
  [TAG.subroutine_type, ["function", ""]],
  [TAG.const_type, ["const", ""]],
  [TAG.volatile_type, ["volatile", ""]],
  [TAG.restrict_type, ["restrict", ""]],
  [TAG.atomic_type, ["atomic", ""]],
]);

const NO_MEMBERS: TypeNode["members"] = [];
const NO_VALUES: TypeNode["values"] = [];
const NO_NUMBERS: number[] = [];

/** Longest prefix of namespaces that is kept: nesting costs the square of its depth otherwise. */
const LONGEST_PREFIX = 1024;
/** Findings of one kind reported at most. */
const MOST_WARNINGS = 16;

/** Takes in one entry; returns what its children belong to. */
type Handler = (graph: GraphBuilder, id: number, entry: Entry, frame: Frame, unit: Unit) => Frame;

/** Turns entries into a graph of types, functions and variables. */
export class GraphBuilder {
  readonly #object: ElfObject;
  readonly #nodes = new Map<number, TypeNode>();
  readonly #functions = new FunctionDrafts();
  readonly #variables = new VariableDrafts();
  readonly #members: MemberDrafts;
  readonly #warnings: GraphWarning[] = [];
  readonly #said = new Set<string>();
  readonly #producers = new Set<string>();
  /** Signatures of types have numbers of their own, below VOID. */
  readonly #signed = new Map<bigint, number>();
  readonly #entryOf = new Map<number, number>();

  constructor(object: ElfObject) {
    this.#object = object;
    this.#members = new MemberDrafts(object.data);
  }

  unitFrame(name: string): Frame {
    return { node: undefined, function: undefined, prefix: "", unit: name };
  }

  /** Takes in one entry; returns what its children belong to. */
  add(tag: number, id: number, entry: Entry, frame: Frame, unit: Unit): Frame {
    if (entry.isElsewhere)
      this.refuse("types or names in another file (dwz), which is not read", unit.section.name, unit.offset);
    if (KINDS.has(tag)) return this.#addType(tag, id, entry, frame);
    return HANDLERS.get(tag)?.(this, id, entry, frame, unit) ?? frame;
  }

  /** A type unit: its signature stands for this entry. */
  sign(signature: bigint, id: number): void {
    this.#entryOf.set(this.#signatureId(signature), id);
  }

  /** What made a unit. */
  made(producer: string): void {
    this.#producers.add(producer);
  }

  readonly refuse: Refuse = (detail, section, offset) => {
    if (this.#said.has(detail) || this.#warnings.length >= MOST_WARNINGS) return;
    this.#said.add(detail);
    this.#warnings.push({ section, offset, detail });
  };

  finish(): TypeGraph {
    for (const [signature, id] of this.#signed) {
      const target = this.#entryOf.get(id);
      if (target !== undefined) this.#nodes.set(id, transparent(target));
      else this.refuse(`a type unit with the signature ${hex(signature)}, which is not in this file`, ".debug_info", 0);
    }
    const graph: TypeGraph = {
      source: "DWARF",
      pointerSize: this.#object.class / 8,
      nodes: this.#nodes,
      functions: this.#functions.finish(),
      variables: this.#variables.finish(),
      warnings: this.#warnings,
      producers: [...this.#producers],
    };
    this.#members.finish(graph);
    return graph;
  }

  addMember(entry: Entry, { node }: Frame, unit: Unit): void {
    if (node === undefined || entry.isExternal || entry.isDeclaration) return;
    if (node.kind !== "struct" && node.kind !== "union") return;
    if (entry.memberOffset !== undefined && Number.isNaN(entry.memberOffset))
      this.refuse(
        `${node.keyword} ${node.name} has a member whose place is computed when the program runs`,
        unit.section.name,
        unit.offset,
      );
    this.#members.add(entry, node.members, this.#idOf(entry.type));
  }

  addParameter(entry: Entry, frame: Frame): void {
    if (frame.node?.kind === "function") frame.node.parameters.push(this.#idOf(entry.type));
    else if (entry.type !== undefined && frame.isInlined === undefined)
      frame.function?.uses.push({ how: "parameter", type: this.#idOf(entry.type), name: entry.name });
  }

  addFunction(id: number, entry: Entry, frame: Frame): Frame {
    const draft = this.#functions.add(id, entry, entry.type === undefined ? undefined : this.#idOf(entry.type));
    return { node: undefined, function: draft, prefix: "", unit: frame.unit };
  }

  addVariable(id: number, entry: Entry, frame: Frame): void {
    const type = entry.type === undefined ? undefined : this.#idOf(entry.type);
    if (frame.node !== undefined) return;
    if (frame.function !== undefined && type !== undefined && frame.isInlined === undefined)
      frame.function.uses.push({ how: "local", type, name: entry.name });
    const isLocal = frame.function !== undefined;
    this.#variables.add(id, entry, `${isLocal ? "" : frame.prefix}${entry.name}`, type, isLocal);
  }

  #addType(tag: number, id: number, entry: Entry, frame: Frame): Frame {
    const [kind, keyword] = KINDS.get(tag) as readonly [TypeKind, string];
    const isAggregate = keyword !== "";
    // With or without DW_AT_declaration: an entry with a signature stands for the type of that unit. DWARF 5 section 5.7.
    const stub = entry.signature === undefined ? undefined : this.#signatureId(entry.signature);
    const isForward = isAggregate && entry.isDeclaration;
    const name = tag === TAG.string_type ? stringName(entry) : nameIn(frame, entry, isAggregate || kind === "typedef");
    const node: TypeNode = {
      kind: stub !== undefined ? "transparent" : isForward ? "forward" : kind,
      keyword,
      name,
      scope: frame.function?.name ?? "",
      size: entry.hasStoredLength ? undefined : entry.size,
      align: entry.align,
      type: stub ?? this.#idOf(entry.type),
      // Most nodes are pointers, qualifiers and names: they share their empty lists.
      members: kind === "struct" || kind === "union" ? [] : NO_MEMBERS,
      values: kind === "enum" ? [] : NO_VALUES,
      counts: kind === "array" ? [] : NO_NUMBERS,
      parameters: kind === "function" ? [] : NO_NUMBERS,
      unit: frame.unit,
    };
    this.#nodes.set(id, node);
    if (!isAggregate && kind !== "array" && kind !== "function") return frame;
    return { ...frame, node, prefix: prefixed(frame.prefix, isAggregate ? entry.name : "") };
  }

  #signatureId(signature: bigint): number {
    return getOrAdd(this.#signed, signature, () => VOID - 1 - this.#signed.size);
  }

  #idOf(reference: number | bigint | undefined): number {
    if (reference === undefined) return VOID;
    return typeof reference === "bigint" ? this.#signatureId(reference) : reference;
  }
}

const addMember: Handler = (graph, _id, entry, frame, unit) => {
  graph.addMember(entry, frame, unit);
  return frame;
};

/** Entries that are not types, by tag. */
const HANDLERS: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [TAG.member, addMember],
  [TAG.inheritance, addMember],
  [
    TAG.enumerator,
    (_graph, _id, entry, frame) => {
      if (entry.constValue !== undefined && frame.node?.kind === "enum")
        frame.node.values.push({ name: entry.name, value: entry.constValue });
      return frame;
    },
  ],
  [
    TAG.subrange_type,
    (_graph, _id, entry, frame) => {
      if (frame.node?.kind === "array") frame.node.counts.push(entry.count ?? -1);
      return frame;
    },
  ],
  [
    TAG.formal_parameter,
    (graph, _id, entry, frame) => {
      graph.addParameter(entry, frame);
      return frame;
    },
  ],
  [
    TAG.unspecified_parameters,
    (_graph, _id, _entry, frame) => {
      if (frame.node?.kind === "function") frame.node.parameters.push(VOID);
      return frame;
    },
  ],
  [TAG.subprogram, (graph, id, entry, frame) => graph.addFunction(id, entry, frame)],
  [
    TAG.inlined_subroutine,
    (_graph, _id, entry, frame) => {
      if (typeof entry.origin === "number") frame.function?.inlined.push(entry.origin);
      return { ...frame, isInlined: true };
    },
  ],
  [
    TAG.variable,
    (graph, id, entry, frame) => {
      graph.addVariable(id, entry, frame);
      return frame;
    },
  ],
  [TAG.namespace, (_graph, _id, entry, frame) => ({ ...frame, prefix: prefixed(frame.prefix, entry.name) })],
]);

function nameIn({ prefix }: Frame, { name }: Entry, isScoped: boolean): string {
  return name === "" || !isScoped ? name : `${prefix}${name}`;
}

/** DW_TAG_string_type has a length, and seldom a name; GCC says 0 where the length changes as the program runs. DWARF 5 section 5.11. */
function stringName({ name, size, hasStoredLength }: Entry): string {
  if (name !== "") return name;
  return `character(len=${hasStoredLength || !size ? "*" : size})`;
}

function prefixed(prefix: string, name: string): string {
  return name === "" || prefix.length > LONGEST_PREFIX ? prefix : `${prefix}${name}::`;
}

function transparent(type: number): TypeNode {
  return {
    kind: "transparent",
    keyword: "",
    name: "",
    scope: "",
    size: undefined,
    align: undefined,
    type,
    members: [],
    values: [],
    counts: [],
    parameters: [],
    unit: "",
  };
}
