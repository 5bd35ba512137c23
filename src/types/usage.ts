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
  const contacts = new Contacts(layouts);
  const containers = containersOf(layouts, keys, contacts);
  const uses = usesOf(layouts, keys, contacts, containers, isChanged);
  const variables = variablesOf(layouts, contacts);
  // From here on the debug information is not looked at again, but for lists.
  return {
    touches: (key) => unique(uses.touches.get(key) ?? []),
    variables: (key) => [...contacts.withHolders(key)].flatMap((one) => variables.byValue.get(one) ?? []).sort(byText),
    alive(key) {
      const all = [...contacts.withHolders(key)];
      if (all.some((one) => variables.byValue.has(one))) return "variable";
      const isPointed = all.some((one) => uses.pointed.has(one) || variables.pointed.has(one));
      if (isPointed || isPointedAt(layouts, all)) return "heap";
      return all.some((one) => uses.onStack.has(one)) ? "stack" : "nowhere";
    },
  };
}

/** What types hold or point to. */
class Contacts {
  readonly #layouts: Layouts;
  readonly #ofType = new Map<number, readonly Contact[]>();
  readonly #holders = new Map<string, Set<string>>();

  constructor(layouts: Layouts) {
    this.#layouts = layouts;
    for (const [key, variants] of layouts.byKey)
      for (const { holds } of variants)
        for (const held of holds) getOrAdd(this.#holders, held, () => new Set<string>()).add(key);
  }

  of(type: number): readonly Contact[] {
    return getOrAdd(this.#ofType, type, () => {
      const held = type === VOID ? undefined : heldType(this.#layouts, elementType(this.#layouts, type));
      return held === undefined ? [] : [held.key, ...held.typedefs].map((key) => ({ key, by: held.by }));
    });
  }

  /** The type and all that hold one of it, however deep. */
  withHolders(key: string): Set<string> {
    const all = new Set([key]);
    for (const one of all) for (const holder of this.#holders.get(one) ?? []) all.add(holder);
    return all;
  }
}

/** Uses by functions; `pointed` and `onStack` are the types of which objects must exist for that. */
interface Uses {
  readonly touches: ReadonlyMap<string, readonly Touch[]>;
  readonly pointed: ReadonlySet<string>;
  readonly onStack: ReadonlySet<string>;
}

function usesOf(
  { graph }: Layouts,
  keys: ReadonlySet<string>,
  contacts: Contacts,
  containers: ReadonlyMap<string, readonly Contained[]>,
  isChanged: IsChanged,
): Uses {
  const touches = new Map<string, Touch[]>();
  const pointed = new Set<string>();
  const onStack = new Set<string>();
  const addUse = (node: FunctionNode, use: FunctionUse, how: Touch["how"], via: string): void => {
    for (const { key, by } of contacts.of(use.type)) {
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
  };
  for (const node of graph.functions) {
    for (const use of node.uses) addUse(node, use, use.how, use.name);
    for (const { name, uses } of node.inlined) for (const use of uses) addUse(node, use, "inlined", name);
  }
  for (const inner of containers.values()) for (const { key, by } of inner) if (by === "pointer") pointed.add(key);
  return { touches, pointed, onStack };
}

/** Names of the variables that are of a type, by its key, and the types that variables point to. */
function variablesOf(
  layouts: Layouts,
  contacts: Contacts,
): { readonly byValue: ReadonlyMap<string, readonly string[]>; readonly pointed: ReadonlySet<string> } {
  const byValue = new Map<string, string[]>();
  const pointed = new Set<string>();
  for (const { name, type } of layouts.graph.variables) {
    const key = valueKey(layouts, type);
    for (const contact of contacts.of(type)) if (contact.by === "pointer") pointed.add(contact.key);
    const isValue = contacts.of(type).some(({ by }) => by === "value");
    if (key !== undefined && isValue) addTo(byValue, key, name);
  }
  return { byValue, pointed };
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
  contacts: Contacts,
): ReadonlyMap<string, readonly Contained[]> {
  const containers = new Map<string, Contained[]>();
  const { nodes } = layouts.graph;
  /** For each type that holds one of the given types by value, however deep, which; each given type holds itself. */
  const inside = new Map<string, string[]>();
  for (const key of keys) for (const holder of contacts.withHolders(key)) addTo(inside, holder, key);
  const visit = (owner: string, members: readonly { name: string; type: number }[], depth: number): void => {
    for (const { name, type } of members) {
      for (const { key, by } of contacts.of(type))
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
