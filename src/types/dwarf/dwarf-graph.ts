import type { ElfObject } from "../../elf/object.ts";
import { hex } from "../../hex.ts";
import {
  type FunctionNode,
  type FunctionUse,
  type GraphMember,
  type GraphWarning,
  sizeOf,
  type TypeGraph,
  type TypeKind,
  type TypeNode,
  type VariableNode,
  VOID,
} from "../graph.ts";
import { TAG } from "./constants.ts";
import type { Entry } from "./entry.ts";
import type { Refuse, Unit } from "./units.ts";

/** A function as it is read: what its entries refer to is found when all are read. */
interface FunctionDraft {
  readonly name: string;
  /** The abstract function, or the declaration, that it is an instance of. */
  readonly origin: number | undefined;
  readonly hasCode: boolean;
  readonly code: FunctionNode["code"];
  readonly uses: FunctionUse[];
  /** Numbers of the functions whose bodies were inlined. */
  readonly inlined: number[];
}

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

export interface GraphBuilder {
  unitFrame(name: string): Frame;
  /** Takes in one entry; returns what its children belong to. */
  add(tag: number, id: number, entry: Entry, frame: Frame, unit: Unit): Frame;
  /** A type unit: its signature stands for this entry. */
  sign(signature: bigint, id: number): void;
  readonly refuse: Refuse;
  finish(): TypeGraph;
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

/** Bit fields of DWARF 2 and 3 whose storage is as large as their type, which may stand further on. */
interface Pending {
  readonly members: GraphMember[];
  readonly index: number;
  readonly offset: number;
  readonly bitOffset: number;
}

/** Turns entries into a graph of types. */
export function graphBuilder(object: ElfObject): GraphBuilder {
  const nodes = new Map<number, TypeNode>();
  const functions = new Map<number, FunctionDraft>();
  const variables: { name: string; type: number | undefined; specification: number | undefined; isDefined: boolean }[] =
    [];
  const variableTypes = new Map<number, { name: string; type: number | undefined }>();
  const warnings: GraphWarning[] = [];
  const said = new Set<string>();
  const pending: Pending[] = [];
  /** Signatures of types have numbers of their own, below VOID. */
  const signed = new Map<bigint, number>();
  const entryOf = new Map<number, number>();

  const refuse: Refuse = (detail, section, offset) => {
    if (said.has(detail) || warnings.length >= MOST_WARNINGS) return;
    said.add(detail);
    warnings.push({ section, offset, detail });
  };

  function signatureId(signature: bigint): number {
    let id = signed.get(signature);
    if (id === undefined) {
      id = VOID - 1 - signed.size;
      signed.set(signature, id);
    }
    return id;
  }

  function idOf(reference: number | bigint | undefined): number {
    if (reference === undefined) return VOID;
    return typeof reference === "bigint" ? signatureId(reference) : reference;
  }

  function addType(tag: number, id: number, entry: Entry, frame: Frame): Frame {
    const [kind, keyword] = KINDS.get(tag) as readonly [TypeKind, string];
    const isAggregate = keyword !== "";
    // With or without DW_AT_declaration: an entry with a signature stands for the type of that unit. DWARF 5 section 5.7.
    const stub = entry.signature === undefined ? undefined : signatureId(entry.signature);
    const isForward = isAggregate && entry.isDeclaration;
    const name = tag === TAG.string_type ? stringName(entry) : nameIn(frame, entry, isAggregate || kind === "typedef");
    const node: TypeNode = {
      kind: stub !== undefined ? "transparent" : isForward ? "forward" : kind,
      keyword,
      name,
      scope: frame.function?.name ?? "",
      size: entry.hasStoredLength ? undefined : entry.size,
      align: entry.align,
      type: stub ?? idOf(entry.type),
      // Most nodes are pointers, qualifiers and names: they share their empty lists.
      members: kind === "struct" || kind === "union" ? [] : NO_MEMBERS,
      values: kind === "enum" ? [] : NO_VALUES,
      counts: kind === "array" ? [] : NO_NUMBERS,
      parameters: kind === "function" ? [] : NO_NUMBERS,
      unit: frame.unit,
    };
    nodes.set(id, node);
    if (!isAggregate && kind !== "array" && kind !== "function") return frame;
    return { ...frame, node, prefix: prefixed(frame.prefix, isAggregate ? entry.name : "") };
  }

  function addMember(entry: Entry, { node }: Frame, unit: Unit): void {
    if (node === undefined || entry.isExternal || entry.isDeclaration) return;
    if (node.kind !== "struct" && node.kind !== "union") return;
    const { memberOffset = 0, bitSize, bitOffset, dataBitOffset } = entry;
    if (Number.isNaN(memberOffset))
      refuse(
        `${node.keyword} ${node.name} has a member whose place is computed when the program runs`,
        unit.section.name,
        unit.offset,
      );
    const whole = Number.isNaN(memberOffset) ? undefined : memberOffset * 8;
    const bits = whole === undefined ? undefined : whole + (dataBitOffset ?? 0);
    node.members.push({ name: entry.name, type: idOf(entry.type), bits, bitSize });
    if (bitSize === undefined || bitOffset === undefined || whole === undefined) return;
    const place = { members: node.members, index: node.members.length - 1, offset: memberOffset, bitOffset };
    if (entry.size === undefined) pending.push(place);
    else settle(place, entry.size);
  }

  /** DW_AT_bit_offset counts from the most significant bit of the storage. DWARF 3 section 5.6.6. */
  function settle({ members, index, offset, bitOffset }: Pending, storage: number): void {
    const member = members[index] as GraphMember;
    const inStorage = object.data === "msb" ? bitOffset : storage * 8 - bitOffset - (member.bitSize as number);
    members[index] = { ...member, bits: offset * 8 + inStorage };
  }

  function addFunction(id: number, entry: Entry, frame: Frame): Frame {
    const reference = entry.origin ?? entry.specification;
    const draft: FunctionDraft = {
      name: entry.name,
      origin: typeof reference === "number" ? reference : undefined,
      hasCode: entry.hasCode,
      code: entry.code,
      uses: [],
      inlined: [],
    };
    if (entry.type !== undefined) draft.uses.push({ how: "returns", type: idOf(entry.type), name: "" });
    functions.set(id, draft);
    return { node: undefined, function: draft, prefix: "", unit: frame.unit };
  }

  function addVariable(id: number, entry: Entry, frame: Frame): void {
    const type = entry.type === undefined ? undefined : idOf(entry.type);
    if (frame.node !== undefined) return;
    if (frame.function !== undefined && type !== undefined && frame.isInlined === undefined)
      frame.function.uses.push({ how: "local", type, name: entry.name });
    const name = `${frame.function === undefined ? frame.prefix : ""}${entry.name}`;
    variableTypes.set(id, { name, type });
    const isOutside = frame.function === undefined && entry.isDeclaration;
    if (!entry.isStatic && !isOutside) return;
    const reference = entry.specification ?? entry.origin;
    variables.push({
      name,
      type,
      specification: typeof reference === "number" ? reference : undefined,
      isDefined: entry.isStatic,
    });
  }

  function add(tag: number, id: number, entry: Entry, frame: Frame, unit: Unit): Frame {
    if (entry.isElsewhere)
      refuse("types or names in another file (dwz), which is not read", unit.section.name, unit.offset);
    if (KINDS.has(tag)) return addType(tag, id, entry, frame);
    switch (tag) {
      case TAG.member:
      case TAG.inheritance:
        addMember(entry, frame, unit);
        return frame;
      case TAG.enumerator:
        if (entry.constValue !== undefined && frame.node?.kind === "enum")
          frame.node.values.push({ name: entry.name, value: entry.constValue });
        return frame;
      case TAG.subrange_type:
        if (frame.node?.kind === "array") frame.node.counts.push(entry.count ?? -1);
        return frame;
      case TAG.formal_parameter:
        if (frame.node?.kind === "function") frame.node.parameters.push(idOf(entry.type));
        else if (entry.type !== undefined && frame.isInlined === undefined)
          frame.function?.uses.push({ how: "parameter", type: idOf(entry.type), name: entry.name });
        return frame;
      case TAG.unspecified_parameters:
        if (frame.node?.kind === "function") frame.node.parameters.push(VOID);
        return frame;
      case TAG.subprogram:
        return addFunction(id, entry, frame);
      case TAG.inlined_subroutine:
        if (typeof entry.origin === "number") frame.function?.inlined.push(entry.origin);
        return { ...frame, isInlined: true };
      case TAG.variable:
        addVariable(id, entry, frame);
        return frame;
      case TAG.namespace:
        return { ...frame, prefix: prefixed(frame.prefix, entry.name) };
      default:
        return frame;
    }
  }

  function finish(): TypeGraph {
    for (const [signature, id] of signed) {
      const target = entryOf.get(id);
      if (target !== undefined) nodes.set(id, { ...transparent(target) });
      else refuse(`a type unit with the signature ${hex(signature)}, which is not in this file`, ".debug_info", 0);
    }
    const graph: TypeGraph = {
      source: "DWARF",
      pointerSize: object.class / 8,
      nodes,
      functions: finishFunctions(functions),
      variables: finishVariables(),
      warnings,
    };
    for (const place of pending) {
      const storage = sizeOf(graph, (place.members[place.index] as GraphMember).type);
      if (storage !== undefined) settle(place, storage);
    }
    return graph;
  }

  function finishVariables(): VariableNode[] {
    const byName = new Map<string, VariableNode>();
    for (const { name, type, specification, isDefined } of variables) {
      const from = specification === undefined ? undefined : variableTypes.get(specification);
      const full = name === "" ? (from?.name ?? "") : name;
      const known = byName.get(full);
      const found = type ?? from?.type;
      if (found === undefined || (known !== undefined && !isDefined)) continue;
      byName.set(full, { name: full, type: found, isDefined });
    }
    return [...byName.values()];
  }

  return {
    unitFrame: (name) => ({ node: undefined, function: undefined, prefix: "", unit: name }),
    add,
    sign: (signature, id) => {
      entryOf.set(signatureId(signature), id);
    },
    refuse,
    finish,
  };
}

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

/** Functions with code; an instance has its name and its parameters' types from the abstract function. DWARF 5 section 3.3.8. */
function finishFunctions(drafts: ReadonlyMap<number, FunctionDraft>): FunctionNode[] {
  const originOf = ({ origin }: FunctionDraft): FunctionDraft | undefined =>
    origin === undefined ? undefined : drafts.get(origin);
  const nameOf = (draft: FunctionDraft): string => {
    let found: FunctionDraft | undefined = draft;
    // An instance leads to the abstract function, that to its declaration.
    for (let steps = 0; found !== undefined && steps < 3; steps++, found = originOf(found))
      if (found.name !== "") return found.name;
    return "";
  };
  const usesOf = (draft: FunctionDraft): readonly FunctionUse[] => {
    const origin = originOf(draft);
    return origin === undefined || origin === draft ? draft.uses : [...draft.uses, ...origin.uses];
  };
  const list: FunctionNode[] = [];
  for (const draft of drafts.values()) {
    if (!draft.hasCode) continue;
    const origins = new Set(draft.inlined.map((id) => drafts.get(id)).filter((found) => found !== undefined));
    list.push({
      name: nameOf(draft),
      code: draft.code,
      uses: usesOf(draft),
      inlined: [...origins].map((origin) => ({ name: nameOf(origin), uses: usesOf(origin) })),
    });
  }
  return list;
}
