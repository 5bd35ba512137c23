import type { ChangeTables } from "../../contract/code.ts";
import type { Architecture, ObjectPair } from "../../contract/description.ts";
import type { PairFragment } from "../../contract/part.ts";
import type { Finding } from "../../findings/findings.ts";

/* What pairs contribute that need no analysis. Most of a build is equal on both sides: this file loads no analysis. */

/** A file as the description names it. */
export type PairFile = NonNullable<ObjectPair["pre"]>;

/** A pair that is known by its files only. */
export interface PairOfFiles {
  readonly name: string;
  readonly target?: string | undefined;
  readonly pre?: PairFile | undefined;
  readonly post?: PairFile | undefined;
}

/** What a pair contributes whose bytes are the same: its name, and its architecture, which counts if no pair of the update differs. */
export function sameFragment({ name, target = "vmlinux", pre, post }: PairOfFiles, arch?: Architecture): PairFragment {
  const object: ObjectPair = {
    name,
    ...(pre === undefined ? {} : { pre }),
    ...(post === undefined ? {} : { post }),
    target,
    status: "identical",
  };
  return { name, target, ...(arch === undefined ? {} : { arch }), object, ...NOTHING };
}

/** What a pair contributes that differs and cannot be read: an error finding with the words of `error`. */
export function unreadableFragment({ name, target = "vmlinux", pre, post }: PairOfFiles, error: Error): PairFragment {
  const status = pre === undefined ? "added" : post === undefined ? "removed" : "changed";
  const object: ObjectPair = {
    name,
    ...(pre === undefined ? {} : { pre }),
    ...(post === undefined ? {} : { post }),
    target,
    status,
  };
  const findings: Finding[] = [{ code: "object-unreadable", where: { object: 0, name }, detail: error.message }];
  return { name, target, object, ...NOTHING, findings };
}

const NOTHING = {
  functions: [],
  data: [],
  exports: [],
  noise: [],
  change: null,
  howtos: {},
  findings: [],
  hasChanges: false,
} satisfies Partial<PairFragment>;

/**
 * Whether the code that runs after the patch is other code. A function that is deleted counts even where no trap is written
 * over it: what is entered through a pointer or by another object would otherwise be said to be as before.
 */
export function asksForChange(
  plan: Pick<PairFragment, "functions" | "exports"> & { readonly patches: readonly unknown[] },
): boolean {
  return (
    plan.patches.length > 0 ||
    plan.exports.length > 0 ||
    plan.functions.some(
      ({ status, reasons }) =>
        status === "new" || status === "deleted" || reasons.some(({ kind }) => kind === "bug-flags"),
    )
  );
}

/** Whether nothing would be written, loaded or called. */
export function isEmptyChange({ patches, newCode, hooks }: ChangeTables): boolean {
  return patches.length === 0 && newCode.sections.length === 0 && Object.keys(hooks).length === 0;
}
