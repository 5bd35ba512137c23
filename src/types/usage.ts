import { addTo, getOrAdd } from "../grouping.ts";
import { byText } from "../order.ts";
import { type FunctionNode, type FunctionUse, type UseKind, VOID } from "./graph.ts";
import { heldType, type Layouts, valueKey } from "./structs.ts";

/** How a function comes into contact with a type. */
export interface Touch {
  readonly function: FunctionNode;
  /** `inlined`: by a function whose body it contains; `member`: by a struct that holds or points to one. */
  readonly how: UseKind | "inlined" | "member";
  readonly by: "value" | "pointer";
  /** Name of the parameter or variable, of the inlined function, or `struct outer.member`. */
  readonly via: string;
}

/** Where objects of a type may live. `heap`: pointers to it exist, so there are such objects. */
export type Alive = "variable" | "heap" | "stack" | "nowhere";

export interface Usage {
  /** Functions that touch a type, in the order of the debug information, each once per way. */
  touches(key: string): readonly Touch[];
  /** Variables that are of this type or hold one. */
  variables(key: string): readonly string[];
  alive(key: string): Alive;
}

/** Whose machine code differs: only of these it is worth saying that they may reach a type through a member's pointer. */
export type IsChanged = (node: FunctionNode) => boolean;

interface Contact {
  readonly key: string;
  readonly by: "value" | "pointer";
}

/** Who uses which of the given types, as far as debug information tells. */
export function usageOf(layouts: Layouts, keys: ReadonlySet<string>, isChanged: IsChanged): Usage {
  const { graph } = layouts;
  const contacts = new Map<number, readonly Contact[]>();
  const contactsOf = (type: number): readonly Contact[] => {
    let known = contacts.get(type);
    if (known === undefined) {
      const held = type === VOID ? undefined : heldType(layouts, elementType(layouts, type));
      known = held === undefined ? [] : [held.key, ...held.typedefs].map((key) => ({ key, by: held.by }));
      contacts.set(type, known);
    }
    return known;
  };
  const holders = new Map<string, Set<string>>();
  for (const [key, variants] of layouts.byKey)
    for (const { holds } of variants)
      for (const held of holds) getOrAdd(holders, held, () => new Set<string>()).add(key);
  const containers = containersOf(layouts, keys, contactsOf, withHolders);
  const touches = new Map<string, Touch[]>();
  const pointed = new Set<string>();
  const onStack = new Set<string>();

  function addUse(node: FunctionNode, use: FunctionUse, how: Touch["how"], via: string): void {
    for (const { key, by } of contactsOf(use.type)) {
      if (keys.has(key)) {
        addTo(touches, key, { function: node, how, by, via });
        if (by === "pointer") pointed.add(key);
        else if (use.how === "local") onStack.add(key);
      }
      for (const { key: inner, member, by: way } of containers.get(key) ?? []) {
        if (way === "pointer" && !isChanged(node)) continue;
        addTo(touches, inner, { function: node, how: "member", by: way, via: `${key}.${member}` });
      }
    }
  }

  for (const node of graph.functions) {
    for (const use of node.uses) addUse(node, use, use.how, use.name);
    for (const { name, uses } of node.inlined) for (const use of uses) addUse(node, use, "inlined", name);
  }
  for (const inner of containers.values()) for (const { key, by } of inner) if (by === "pointer") pointed.add(key);

  const variables = new Map<string, string[]>();
  const pointerVariables = new Set<string>();
  for (const { name, type } of graph.variables) {
    const key = valueKey(layouts, type);
    for (const contact of contactsOf(type)) if (contact.by === "pointer") pointerVariables.add(contact.key);
    const isValue = contactsOf(type).some(({ by }) => by === "value");
    if (key !== undefined && isValue) addTo(variables, key, name);
  }

  /** The type and all that hold one of it, however deep. */
  function withHolders(key: string): Set<string> {
    const all = new Set([key]);
    for (const one of all) for (const holder of holders.get(one) ?? []) all.add(holder);
    return all;
  }
  const variablesOf = (key: string): string[] =>
    [...withHolders(key)].flatMap((one) => variables.get(one) ?? []).sort(byText);

  return {
    touches: (key) => unique(touches.get(key) ?? []),
    variables: variablesOf,
    alive(key) {
      const all = [...withHolders(key)];
      if (all.some((one) => variables.has(one))) return "variable";
      if (all.some((one) => pointed.has(one) || pointerVariables.has(one)) || isPointedAt(layouts, all)) return "heap";
      return all.some((one) => onStack.has(one)) ? "stack" : "nowhere";
    },
  };
}

/** The type of an array's elements, where the array is not behind a pointer. */
function elementType({ graph }: Layouts, type: number): number {
  let node = graph.nodes.get(type);
  for (let depth = 0; depth < 32 && node?.kind === "array"; depth++) {
    type = node.type;
    node = graph.nodes.get(type);
  }
  return type;
}

interface Contained {
  readonly key: string;
  readonly member: string;
  readonly by: "value" | "pointer";
}

/** For each struct, which of the given types its members are or point to. */
function containersOf(
  layouts: Layouts,
  keys: ReadonlySet<string>,
  contactsOf: (type: number) => readonly Contact[],
  withHolders: (key: string) => ReadonlySet<string>,
): ReadonlyMap<string, readonly Contained[]> {
  const containers = new Map<string, Contained[]>();
  const { nodes } = layouts.graph;
  /** For each type that holds one of the given types by value, however deep, which; each given type holds itself. */
  const inside = new Map<string, string[]>();
  for (const key of keys) for (const holder of withHolders(key)) addTo(inside, holder, key);
  const visit = (owner: string, members: readonly { name: string; type: number }[], depth: number): void => {
    for (const { name, type } of members) {
      for (const { key, by } of contactsOf(type))
        for (const held of inside.get(key) ?? [])
          if (held !== owner) addTo(containers, owner, { key: held, member: name, by });
      const inner = nodes.get(elementType(layouts, type));
      const isAnonymous = (inner?.kind === "struct" || inner?.kind === "union") && inner.name === "";
      if (isAnonymous && depth < 32) visit(owner, inner.members, depth + 1);
    }
  };
  for (const [key, variants] of layouts.byKey)
    for (const { id, kind } of variants)
      if (kind === "struct" || kind === "union") visit(key, nodes.get(id)?.members ?? [], 0);
  return containers;
}

/** Whether a struct points to another of its own type: lists do. */
function isPointedAt(layouts: Layouts, keys: readonly string[]): boolean {
  const { nodes } = layouts.graph;
  return keys.some((key) =>
    (layouts.byKey.get(key) ?? []).some(({ id }) =>
      nodes.get(id)?.members.some(({ type }) => {
        const held = heldType(layouts, type);
        return held?.by === "pointer" && held.key === key;
      }),
    ),
  );
}

function unique(touches: readonly Touch[]): Touch[] {
  const seen = new Set<string>();
  return touches.filter(({ function: node, how, by, via }) => {
    const key = `${node.name}\0${how}\0${by}\0${via}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
