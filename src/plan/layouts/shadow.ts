import type { LayoutChange, Shadow, ShadowPlan, ShadowUse } from "../../contract/layouts.ts";
import type { Finding } from "../../findings/findings.ts";
import { hex } from "../../hex.ts";
import { byText } from "../../order.ts";
import type { Span } from "../../spans/span.ts";
import { heldType, type Layouts } from "../../types/structs.ts";
import type { PlannedPair } from "../pair/pair.ts";
import { type KnownCall, knownCalls, shadowId, shadowSize, sizeArgument } from "./shadow-calls.ts";
import { checkShadowUse } from "./shadow-checks.ts";

/** Layouts of both sides, where debug information has them. */
export interface SideLayouts {
  readonly pre: Layouts;
  readonly post: Layouts;
}

/** Types whose zeroes are not yet an object: a lock, a list head that points to itself, a counter that starts at one. By the kernel's own names. */
const NEEDS_INIT =
  /^(?:typedef )?(?:struct )?(?:(?:raw_)?spinlock(?:_t)?|(?:raw_|arch_)?spinlock_t|rwlock_t|local_lock_t|mutex|rt_mutex|ww_mutex|rw_semaphore|percpu_rw_semaphore|semaphore|list_head|wait_queue_head(?:_t)?|swait_queue_head|rcuwait|completion|work_struct|delayed_work|rcu_work|kthread_work|kthread_worker|irq_work|tasklet_struct|timer_list|hrtimer|alarm|kref|refcount_t|refcount_struct|percpu_ref|percpu_counter|seqlock_t|seqcount(?:_\w+)?_t|seqcount|srcu_struct|xarray|radix_tree_root|idr|ida|rhashtable|rhltable|kobject|kset|device|bio_list|sk_buff_head|notifier_block|atomic_notifier_head|blocking_notifier_head)$/;

/** Shadow variables that the layout changes ask for, those that post uses, and what is wrong with them. */
export function planShadow(
  pair: PlannedPair,
  layouts: SideLayouts | undefined,
  changes: readonly LayoutChange[],
): { shadow: Shadow | undefined; findings: Finding[] } {
  const pre = knownCalls(pair.diff.pre.table);
  const post = knownCalls(pair.diff.post.table);
  const uses = describeUses(pair, post);
  const plans = layouts === undefined ? [] : planMembers(pair, layouts, changes, { pre, post });
  const findings = checkShadowUse(pair, post, layouts?.post, plans);
  const isEmpty = uses.length === 0 && plans.length === 0;
  return { shadow: isEmpty ? undefined : { plans, uses }, findings };
}

function describeUses({ postLabels, index }: PlannedPair, calls: readonly KnownCall[]): ShadowUse[] {
  const uses = calls
    .filter(({ kind }) => kind === "shadow")
    .map((call): ShadowUse => {
      const [id, size] = [shadowId(call), call.callee.includes("alloc") ? shadowSize(call) : undefined];
      return {
        api: call.callee,
        function: postLabels.get(call.caller) ?? call.caller.name,
        object: index,
        offset: Math.max(0, call.offset),
        ...(id === undefined ? {} : { id: hex(id) }),
        ...(size === undefined ? {} : { size }),
      };
    });
  return uses.sort((a, b) => byText(a.function, b.function) || a.offset - b.offset);
}

interface SideCalls {
  readonly pre: readonly KnownCall[];
  readonly post: readonly KnownCall[];
}

/** One plan for each member that came to a struct whose objects may be alive. */
function planMembers(
  pair: PlannedPair,
  layouts: SideLayouts,
  changes: readonly LayoutChange[],
  calls: SideCalls,
): ShadowPlan[] {
  const taken = new Set(calls.post.filter(({ kind }) => kind === "shadow").map(shadowId));
  let id = 0;
  const plans: ShadowPlan[] = [];
  for (const change of changes) {
    if (change.status !== "changed" || change.kind === "enum" || change.kind === "union") continue;
    if (change.alive !== "heap" && change.alive !== "variable") continue;
    const added = change.members.filter(({ what, post }) => what.includes("added") && (post?.size ?? 0) > 0);
    if (added.length === 0) continue;
    const parent = `${change.kind === "typedef" ? "" : `${change.kind} `}${change.name}`;
    const life = lifeOf(pair, layouts, change, calls);
    for (const { member, post } of wholeMembers(added)) {
      for (id++; taken.has(id); ) id++;
      plans.push({
        parent,
        id,
        member,
        type: post?.type ?? "",
        size: post?.size ?? 0,
        object: pair.index,
        ...constructorOf(layouts.post, change, member, post?.type ?? ""),
        ...lifecycleOf(change, life, post?.type ?? "", post?.bitSize),
        ...life,
      });
    }
  }
  return plans;
}

/** Without members that lie in another added one: `in` brings `in.flags`. */
function wholeMembers(added: readonly LayoutChange["members"][number][]): LayoutChange["members"] {
  const names = new Set(added.map(({ member }) => member));
  return added.filter(({ member }) => {
    const parts = member.replaceAll("[]", "").split(".");
    return !parts.slice(1).some((_, i) => names.has(parts.slice(0, i + 1).join(".")));
  });
}

/** Whether zeroes are enough, told by the names of the types in the member. */
function constructorOf(
  { byKey, graph }: Layouts,
  change: LayoutChange,
  member: string,
  type: string,
): Pick<ShadowPlan, "constructorNeeded" | "constructorBecause"> {
  const start = type.replace(/\[[^\]]*\]/g, "").replace(/^(const|volatile) /, "");
  const seen = new Set([start.includes(" ") ? start : `typedef ${start}`]);
  for (const key of seen) {
    if (NEEDS_INIT.test(key)) {
      const what = key.replace("typedef ", "");
      const within = what === start ? "" : `${start} holds ${what}, which `;
      return {
        constructorNeeded: true,
        constructorBecause: `${within}${within === "" ? `${what} ` : ""}has to be initialised before it is used`,
      };
    }
    for (const held of byKey.get(key)?.[0]?.holds ?? []) seen.add(held);
  }
  // What an anonymous struct holds is only known of the whole parent.
  if (start.includes("{")) {
    const parent = byKey.get(`${change.kind === "typedef" ? "typedef" : change.kind} ${change.name}`)?.[0];
    const inside = parent?.members.find(({ name }) => name === member)?.members ?? [];
    const lock = inside.find((one) => NEEDS_INIT.test(one.type.includes(" ") ? one.type : `typedef ${one.type}`));
    if (lock !== undefined)
      return {
        constructorNeeded: true,
        constructorBecause: `it holds ${lock.type}, which has to be initialised before it is used`,
      };
  }
  const isPointer = /[*&]/.test(type);
  return {
    constructorNeeded: false,
    constructorBecause: `${isPointer ? "a pointer" : type} of zeroes, as klp_shadow_alloc returns it, is a valid ${graph.source === "BTF" ? "value" : "object"}; no type in it is known to need more`,
  };
}

type Life = Pick<ShadowPlan, "allocatedIn" | "freedIn" | "evidence">;

/** Where the parent comes from and goes to: calls with its size, and calls in functions that have a pointer to it. */
function lifeOf(pair: PlannedPair, layouts: SideLayouts, change: LayoutChange, calls: SideCalls): Life {
  const key = `${change.kind === "typedef" ? "typedef" : change.kind} ${change.name}`;
  const evidence = new Map<string, ShadowPlan["evidence"][number] & { isFree: boolean }>();
  for (const side of ["pre", "post"] as const) {
    const size = change[side]?.size;
    const users = pointerUsers(layouts[side], key);
    const labels = side === "pre" ? pair.preLabels : pair.postLabels;
    for (const { kind, callee, caller, offset, arguments: given } of calls[side]) {
      if (kind === "shadow") continue;
      const at = sizeArgument(callee);
      const asked = at === undefined || at < 0 ? undefined : given[at];
      const isSize = kind === "alloc" && typeof asked === "number" && asked === size;
      // A call with another size that is known allocates something else.
      const isOther = kind === "alloc" && typeof asked === "number" && asked !== size;
      if (!isSize && (isOther || !users.has(nameOf(caller)))) continue;
      const label = labels.get(caller) ?? caller.name;
      const one = {
        function: label,
        kind: isSize ? ("size" as const) : ("type" as const),
        callee,
        offset: Math.max(0, offset),
        ...(typeof asked === "number" ? { size: asked } : {}),
        isFree: kind === "free",
      };
      // The same function on both sides: post is what an engineer works on.
      evidence.set(`${label}\0${callee}`, one);
    }
  }
  // Who has a pointer to the parent may allocate something else; where a size tells who allocates it, that decides.
  const isSizeKnown = [...evidence.values()].some(({ kind }) => kind === "size");
  const kept = [...evidence.values()].filter(({ kind, isFree }) => isFree || kind === "size" || !isSizeKnown);
  const list = kept.sort((a, b) => byText(a.function, b.function) || byText(a.callee, b.callee));
  const names = (isFree: boolean): string[] => [
    ...new Set(list.filter((one) => one.isFree === isFree).map((one) => one.function)),
  ];
  return { allocatedIn: names(false), freedIn: names(true), evidence: list.map(({ isFree: _, ...one }) => one) };
}

/** Debug information has the name of the source, symbols may have a suffix of the compiler. */
function nameOf({ name }: Span): string {
  return name.replace(/\.(isra|constprop|part|cold|llvm)(\.\w+)*$/, "");
}

/** Names of the functions that have a pointer to a type: as a parameter, a variable or what they return. */
function pointerUsers(layouts: Layouts, key: string): ReadonlySet<string> {
  const users = new Set<string>();
  for (const { name, uses, inlined } of layouts.graph.functions) {
    const points = [...uses, ...inlined.flatMap((inner) => inner.uses)].some(({ type }) => {
      const held = heldType(layouts, type);
      return held?.by === "pointer" && (held.key === key || held.typedefs.includes(key));
    });
    if (points) users.add(name);
  }
  return users;
}

/** The seed of the choice is Documentation/livepatch/shadow-vars: matching the parent's lifecycle, in-flight parents, a mere flag. */
function lifecycleOf(
  { alive, variables }: LayoutChange,
  { allocatedIn, freedIn }: Life,
  type: string,
  bitSize: number | undefined,
): Pick<ShadowPlan, "lifecycle" | "lifecycleBecause"> {
  const list = (names: readonly string[]): string => names.slice(0, 3).join(", ");
  if (/^(?:volatile )?(?:_Bool|bool)$/.test(type) || bitSize === 1)
    return {
      lifecycle: "flag",
      lifecycleBecause: `${type} only says yes or no: that the shadow variable exists can stand for yes`,
    };
  if (alive === "variable")
    return {
      lifecycle: "get-or-alloc",
      lifecycleBecause: `the variable${variables.length === 1 ? "" : "s"} ${list(variables)} exist${variables.length === 1 ? "s" : ""} already, so no allocation of the parent comes by`,
    };
  if (allocatedIn.length === 0)
    return {
      lifecycle: "get-or-alloc",
      lifecycleBecause:
        "no function of this object is seen to allocate the parent, so its shadow variable has to be attached where it is used",
    };
  if (freedIn.length === 0)
    return {
      lifecycle: "get-or-alloc",
      lifecycleBecause: `${list(allocatedIn)} allocates the parent, but no function of this object is seen to free it`,
    };
  return {
    lifecycle: "with-parent",
    lifecycleBecause: `${list(allocatedIn)} allocates the parent and ${list(freedIn)} frees it; parents that are alive when the update is applied get none, so klp_shadow_get may return NULL`,
  };
}
