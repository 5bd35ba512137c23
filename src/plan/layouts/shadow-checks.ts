import type { ShadowPlan } from "../../contract/layouts.ts";
import type { Finding, FindingCode } from "../../findings/findings.ts";
import { addTo } from "../../grouping.ts";
import { byText } from "../../order.ts";
import { sizeOf } from "../../types/graph.ts";
import { heldType, type Layouts } from "../../types/structs.ts";
import { type PlannedPair, spanFinding } from "../pair/pair.ts";
import { type KnownCall, shadowId, shadowSize } from "./shadow-calls.ts";

/** All that is done with one id. */
interface Variable {
  readonly id: number;
  readonly allocations: readonly KnownCall[];
  readonly gets: readonly KnownCall[];
  readonly frees: readonly KnownCall[];
}

/** What is wrong with the use of the shadow API in post. Only ids and sizes that the code tells are judged. Linux: kernel/livepatch/shadow.c. */
export function checkShadowUse(
  pair: PlannedPair,
  calls: readonly KnownCall[],
  layouts: Layouts | undefined,
  plans: readonly ShadowPlan[],
): Finding[] {
  const shadow = calls.filter(({ kind }) => kind === "shadow");
  if (shadow.length === 0) return [];
  const allocators = new Set(calls.filter(({ kind }) => kind === "alloc").map(({ caller }) => caller));
  const unknown = shadow.filter((call) => shadowId(call) === undefined);
  const findings: Finding[] = [];
  const say = (code: FindingCode, { caller, offset }: KnownCall, detail: string): void => {
    findings.push(spanFinding(pair, code, caller, "post", detail, { offset: Math.max(0, offset) }));
  };
  for (const variable of variablesOf(shadow)) {
    const { id, allocations, gets, frees } = variable;
    const [first] = allocations;
    if (first === undefined) {
      const [get] = gets;
      if (get !== undefined && !unknown.some(isAllocation)) say("shadow-not-allocated", get, `${id}`);
      continue;
    }
    if (frees.length === 0 && !unknown.some(isFree)) say("shadow-not-freed", first, `${id}`);
    const sizes = new Map<number, KnownCall>();
    for (const call of allocations) {
      const size = shadowSize(call);
      if (size !== undefined && !sizes.has(size)) sizes.set(size, call);
    }
    if (sizes.size > 1) {
      const words = [...sizes].map(([size, { caller }]) => `${size} bytes in ${caller.name}`);
      say("shadow-two-sizes", [...sizes.values()][1] as KnownCall, `with id ${id} of ${words.join(" and ")}`);
    }
    const pointerSize = pair.diff.post.table.object.class / 8;
    const small = sizes.get(pointerSize);
    const larger = small === undefined ? undefined : largerType(variable, pointerSize, layouts, plans);
    if (small !== undefined && larger !== undefined)
      say("shadow-pointer-size", small, `${pointerSize} bytes, for ${larger.type}, which has ${larger.size}`);
    for (const call of allocations)
      if (call.callee === "klp_shadow_alloc" && !allocators.has(call.caller))
        say("shadow-needs-get-or-alloc", call, "the parent is not allocated");
  }
  return findings;
}

function isAllocation({ callee }: KnownCall): boolean {
  return callee === "klp_shadow_alloc" || callee === "klp_shadow_get_or_alloc";
}

function isFree({ callee }: KnownCall): boolean {
  return callee === "klp_shadow_free" || callee === "klp_shadow_free_all";
}

/** Calls by id, in the order of the ids. */
function variablesOf(calls: readonly KnownCall[]): Variable[] {
  const byId = new Map<number, KnownCall[]>();
  for (const call of calls) {
    const id = shadowId(call);
    if (id === undefined) continue;
    addTo(byId, id, call);
  }
  return [...byId]
    .sort(([a], [b]) => a - b)
    .map(([id, list]) => ({
      id,
      allocations: list.filter(isAllocation),
      gets: list.filter(({ callee }) => callee === "klp_shadow_get"),
      frees: list.filter(isFree),
    }));
}

/**
 * The type that a shadow variable seems to have, when it is larger than a pointer: of an added member, or the only one that
 * every function with this id has a local pointer to, the parents that they are given aside.
 */
function largerType(
  { allocations, gets }: Variable,
  pointerSize: number,
  layouts: Layouts | undefined,
  plans: readonly ShadowPlan[],
): { type: string; size: number } | undefined {
  if (layouts === undefined) return undefined;
  const [plan, second] = plans;
  if (plan !== undefined && second === undefined && plan.size > pointerSize)
    return { type: plan.type, size: plan.size };
  const { graph } = layouts;
  const callers = new Set([...allocations, ...gets].map(({ caller }) => caller.name.replace(/\..*$/, "")));
  const given = new Set<string>();
  const perFunction: Map<string, { type: string; size: number }>[] = [];
  for (const { name, uses } of graph.functions) {
    if (!callers.has(name)) continue;
    const local = new Map<string, { type: string; size: number }>();
    for (const { how, type } of uses) {
      const pointer = graph.nodes.get(type);
      const held = heldType(layouts, type);
      if (pointer?.kind !== "pointer" || held === undefined) continue;
      if (how !== "local") given.add(held.key);
      else local.set(held.key, { type: layouts.text(pointer.type), size: sizeOf(graph, pointer.type) ?? 0 });
    }
    perFunction.push(local);
  }
  const [first = new Map<string, { type: string; size: number }>(), ...others] = perFunction;
  const common = [...first].filter(([key]) => !given.has(key) && others.every((local) => local.has(key)));
  const [only] = common.sort(([a], [b]) => byText(a, b));
  return common.length === 1 && only !== undefined && only[1].size > pointerSize ? only[1] : undefined;
}
