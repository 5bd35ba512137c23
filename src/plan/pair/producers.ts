import type { ObjectPair } from "../../contract/description.ts";
import type { ElfObject } from "../../elf/object.ts";
import { differingOptions, readProducer } from "../../elf/producer.ts";
import type { Finding } from "../../findings/findings.ts";

/** What a comparison of the two sides' compilers adds to the description. */
export interface ProducerPlan {
  readonly object: Pick<ObjectPair, "compilers" | "options">;
  readonly findings: readonly Finding[];
}

/**
 * Whether both sides were made in one way: a compiler of another version, or another option, changes code that the patch does not
 * touch, and new code may not fit the code that runs.
 */
export function compareProducers(
  preObject: ElfObject,
  postObject: ElfObject,
  name: string,
  debug: Readonly<Record<"pre" | "post", readonly string[]>> = { pre: [], post: [] },
): ProducerPlan {
  const [pre, post] = [readProducer(preObject, debug.pre), readProducer(postObject, debug.post)];
  const findings: Finding[] = [];
  const where = { object: 0, name } as const;
  const compilers =
    pre.compiler !== undefined && post.compiler !== undefined && pre.compiler !== post.compiler
      ? { pre: pre.compiler, post: post.compiler }
      : undefined;
  if (compilers !== undefined)
    findings.push({ code: "compiler-differs", where, detail: `${compilers.pre} becomes ${compilers.post}` });
  // Other compilers have other options: that they differ says nothing more.
  const detail = compilers === undefined ? differingOptions(pre, post) : "";
  if (detail !== "") findings.push({ code: "options-differ", where, detail });
  const options = detail === "" ? undefined : { pre: [...(pre.options ?? [])], post: [...(post.options ?? [])] };
  return {
    object: { ...(compilers === undefined ? {} : { compilers }), ...(options === undefined ? {} : { options }) },
    findings,
  };
}
