/* What becomes of two inputs once it is known what they are. */

import type { Kind } from "../kind.ts";
import type { InputRef } from "./file.ts";
import type { ProbedFile } from "./probe.ts";
import type { Skipped } from "./tree.ts";

/** The input of each side; missing where an object was added or removed. */
export interface Inputs {
  readonly pre: InputRef | undefined;
  readonly post: InputRef | undefined;
}

/**
 * `analyse`: objects, and with `refused` why the other side is not one; `refuse`: neither is, and why; `nothing`: there is
 * nothing to say, as of an archive, whose members are looked at.
 */
export type Decision =
  | { readonly kind: "analyse"; readonly inputs: Inputs; readonly refused: string | undefined }
  | { readonly kind: "refuse"; readonly why: string }
  | { readonly kind: "nothing" };

/** `inputs` are those that can be analysed, `whys` say of the others why not. */
export function decide(
  inputs: Inputs,
  whys: { readonly pre?: string | undefined; readonly post?: string | undefined },
): Decision {
  const why = whys.post ?? whys.pre;
  if (inputs.pre !== undefined || inputs.post !== undefined) return { kind: "analyse", inputs, refused: why };
  return why === undefined ? { kind: "nothing" } : { kind: "refuse", why };
}

/** How a pair that is not analysed is listed; `count`: only its number is told. */
export const REFUSED: Readonly<
  Record<"same" | "differs", Readonly<Record<"named" | "unnamed", Skipped["kind"] | "count">>>
> = {
  same: { named: "no-object", unnamed: "count" },
  differs: { named: "differs", unnamed: "other" },
};

/** Why a file is not analysed; undefined for an object, and for an archive, whose members are. */
export function whyFileRefused(file: ProbedFile | undefined): string | undefined {
  if (file === undefined || isAnalysable(file.kind) || isArchive(file.kind)) return undefined;
  if (file.kind === "bitcode") return "LLVM bitcode, not machine code";
  return file.ref.size === 0 ? "an empty file" : "not an ELF file";
}

/** Why a member is not analysed; undefined for an object. */
export function whyMemberRefused(member: ProbedFile | undefined): string | undefined {
  return member !== undefined && isArchive(member.kind) ? "an archive in an archive" : whyFileRefused(member);
}

export function isArchive(kind: Kind | undefined): boolean {
  return kind === "archive" || kind === "thin";
}

/** Whether a member is an object: members have no names to go by. */
export function isAnalysable(kind: Kind | undefined): boolean {
  return kind === "object" || kind === "image";
}

export function withSides(why: string, { pre, post }: Inputs): string {
  return pre === undefined ? `${why}, and new` : post === undefined ? `${why}, and gone` : why;
}
