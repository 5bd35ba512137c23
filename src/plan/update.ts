import type { UpdateDescription } from "../contract/description.ts";
import { diffSpans, type ObjectDiff } from "../diff/diff.ts";
import type { ElfObject } from "../elf/object.ts";
import type { LayoutPlan } from "./layouts/layouts.ts";
import { planFragment } from "./pair/fragment.ts";
import type { TableTypes } from "./switch-over/ops-tables.ts";
import { assembleUpdate } from "./update/assemble.ts";
import type { SuppressionRule } from "./update/part.ts";

/** What the caller may decide. */
export interface UpdateOptions {
  /** Name of the update; default: derived from the hashes of the inputs. */
  readonly id?: string | undefined;
  /** What is patched: vmlinux (default) or a module's name. */
  readonly target?: string | undefined;
  /** Include the bytes of the code sections. */
  readonly contents?: boolean | undefined;
  /** Which old code to keep. Default: what the patches and the new code refer to. */
  readonly oldCode?: "needed" | "all" | undefined;
  /** What to leave alone. */
  readonly suppress?: readonly SuppressionRule[] | undefined;
  /** Names the types and members of tables of functions; default: their offsets. */
  readonly tableTypes?: TableTypes | undefined;
  /** What planLayouts() found; default: layouts are not compared. */
  readonly layoutPlan?: LayoutPlan | undefined;
}

/** Compares two relocatable objects and describes the update that leads from one to the other. */
export function diffObjects(pre: ElfObject, post: ElfObject, options: UpdateOptions = {}): UpdateDescription {
  return planUpdate(diffSpans(pre, post), options);
}

/** Turns the comparison of one pair of objects into the description of the update. */
export function planUpdate(diff: ObjectDiff, options: UpdateOptions = {}): UpdateDescription {
  return assembleUpdate([planFragment(diff, { ...options, links: false })], options);
}
