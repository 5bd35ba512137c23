import { isCode } from "../spans/section-kind.ts";
import type { Span } from "../spans/span.ts";
import { groupFree, uniquePairs } from "./groups.ts";
import { contentsKey } from "./mask.ts";
import { family, type PairingPass } from "./pairing.ts";
import { targetsKey } from "./target-key.ts";

/** Functions and read-only data that do and hold the same under another name; which one of several equal ones it was cannot be told. */
export const pairRenamed: PairingPass = (pre, _post, pairing) => {
  const { arch } = pre.table;
  // What has no pair yet is told by what it holds: two tables of one form differ by the functions in them.
  const freeContents = (span: Span, isPost: boolean): string[] =>
    span.relocations.map(({ target }) => {
      const twin = target && (isPost ? pairing.preOf[target.id] : pairing.postOf[target.id]);
      return target === undefined || twin !== undefined ? "" : contentsKey(target, arch);
    });
  const key =
    (isPost: boolean) =>
    (span: Span): string | undefined => {
      if (span.symbol === undefined || span.size === 0) return undefined;
      if (!(isCode(span.kind) && span.kind !== "fragment") && span.kind !== "rodata") return undefined;
      const targets = targetsKey(span, pairing, isPost);
      return [family(span.kind), span.size, contentsKey(span, arch), targets, ...freeContents(span, isPost)].join("\n");
    };
  return uniquePairs(groupFree(pairing, key(false), key(true)));
};
