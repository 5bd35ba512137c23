import type { ObjectDiff } from "../diff/diff.ts";
import type { LayoutPlan } from "../plan/layouts/layouts.ts";
import { planPair } from "../plan/pair/pair.ts";
import { hasTypes, usesShadow } from "../types/presence.ts";

/** Layouts and shadow variables; their readers are loaded only where an object has something to say about them. */
export async function layoutPlan(diff: ObjectDiff, name: string, target: string): Promise<LayoutPlan | undefined> {
  const objects = [diff.pre.table.object, diff.post.table.object];
  if (!objects.some((object) => hasTypes(object) || usesShadow(object))) return undefined;
  const { planLayouts } = await import("../plan/layouts/layouts.ts");
  return planLayouts(planPair(diff, 0, name, target));
}
