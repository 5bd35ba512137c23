import { isCode } from "../spans/section-kind.ts";
import type { Span } from "../spans/span.ts";
import { groupFree, uniquePairs } from "./groups.ts";
import { contentsKey } from "./mask.ts";
import { family, type PairingPass } from "./pairing.ts";
import { targetsKey } from "./target-key.ts";

/** Functions and read-only data that do and hold the same under another name; which one of several equal ones it was cannot be told. */
export const pairRenamed: PairingPass = (pre, _post, pairing) => {
  const { arch } = pre.table;
  const key =
    (isPost: boolean) =>
    (span: Span): string | undefined => {
      if (span.symbol === undefined || span.size === 0) return undefined;
      if (!(isCode(span.kind) && span.kind !== "fragment") && span.kind !== "rodata") return undefined;
      return [family(span.kind), span.size, contentsKey(span, arch), targetsKey(span, pairing, isPost)].join("\n");
    };
  return uniquePairs(groupFree(pairing, key(false), key(true)));
};
