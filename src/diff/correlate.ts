import { STB } from "../elf/constants.ts";
import { isAnonymousName, numberedBase, withoutDefault } from "../spans/names.ts";
import { isComparedByContents, isState } from "../spans/section-kind.ts";
import type { Span } from "../spans/span.ts";
import { isStringSpan } from "../spans/strings.ts";
import { groupFree, narrowedPairs } from "./groups.ts";
import { contentsKey } from "./mask.ts";
import { pairByPlace } from "./pair-by-place.ts";
import { pairByReference } from "./pair-by-reference.ts";
import { isNamed, localNamePass, suffixPass } from "./pair-locals.ts";
import { pairRenamed } from "./pair-renamed.ts";
import { family, type Pair, type PairedBy, type Pairing, type PairingPass, type Side } from "./pairing.ts";
import { pairScopes, type Scopes, type ScopesOf } from "./scopes.ts";
import { staticLocalPass, unclearState } from "./static-locals.ts";

/** Names that both objects define globally: also where one side has more aliases, or another canonical one. */
const pairGlobals: PairingPass = (_pre, _post, pairing) => {
  const byName = new Map<string, Map<string, Span>>();
  for (const span of pairing.free.post) {
    for (const { symbol } of span.symbols) {
      if (symbol.bind === STB.LOCAL) continue;
      const relatives = byName.get(family(span.kind));
      if (relatives === undefined) byName.set(family(span.kind), new Map([[withoutDefault(symbol.name), span]]));
      else relatives.set(withoutDefault(symbol.name), span);
    }
  }
  const taken = new Set<Span>();
  const pairs: Pair[] = [];
  for (const span of pairing.free.pre) {
    const relatives = byName.get(family(span.kind));
    if (relatives === undefined) continue;
    for (const { symbol } of span.symbols) {
      const twin = symbol.bind === STB.LOCAL ? undefined : relatives.get(withoutDefault(symbol.name));
      if (twin === undefined || taken.has(twin)) continue;
      taken.add(twin);
      pairs.push([span, twin]);
      break;
    }
  }
  return pairs;
};

/** What a constant's relocations are for, by names: what holds an address, or the place of a thread-local, has no contents of its own. */
function namedTargets({ relocations }: Span): string {
  return relocations
    .map(({ offset, howto, target, symbol, targetOffset, targetAddend }) => {
      const name = target?.name ?? symbol?.name ?? "";
      const distance = target === undefined ? targetAddend : targetOffset;
      return `${offset} ${howto.name} ${numberedBase(name) ?? name}+${distance}`;
    })
    .join(" ");
}

/** Strings and constants: equal bytes are the same thing wherever they lie. */
const pairContents: PairingPass = (pre, _post, pairing) => {
  const key = (span: Span): string | undefined => {
    if (span.kind === "constant") return `constant ${contentsKey(span, pre.table.arch)} ${namedTargets(span)}`;
    // Zeros behind a text are the next thing's alignment.
    return isStringSpan(span) || span.kind === "export-string"
      ? `text ${contentsKey(span, pre.table.arch).replace(/\0+$/, "")}`
      : undefined;
  };
  const groups = groupFree(pairing, key);
  return groups.flatMap((group) => narrowedPairs(group, (span) => span.section.name));
};

/** What still has a twin of the same name and kind when everything else was tried: paired in order. */
const pairInOrder: PairingPass = (pre, _post, pairing) => {
  const key = (span: Span): string | undefined => {
    if (isComparedByContents(span.kind) || isStringSpan(span)) return undefined;
    // A named variable that nothing told by now is another one than those that are left on the other side.
    if (isNamed(span) && isState(span.kind) && span.symbol?.bind === STB.LOCAL) return undefined;
    if (isNamed(span)) return `${family(span.kind)} ${numberedBase(span.name) ?? span.name}`;
    if (isState(span.kind)) return `${span.kind} ${span.name} ${contentsKey(span, pre.table.arch)}`;
    return isAnonymousName(span.name) ? undefined : `${span.kind} ${span.name} ${span.offset}`;
  };
  const groups = groupFree(pairing, key).filter((group) => group.pre.length === group.post.length);
  return groups.flatMap((group) => narrowedPairs(group, (span) => contentsKey(span, pre.table.arch)));
};

/** The passes in their order. Each pairs only what no earlier one paired. */
function passesFor(scopesOf: ScopesOf): readonly (readonly [PairedBy, PairingPass])[] {
  return [
    ["global-name", pairGlobals],
    ["contents", pairContents],
    ["local-name", localNamePass(scopesOf)],
    ["compiler-suffix", suffixPass(scopesOf)],
    // From here on every function that kept its name has its pair: data can be told by who uses it.
    ["static-local", staticLocalPass("first", scopesOf)],
    ["reference", pairByReference],
    ["rename", pairRenamed],
    // A renamed function brings its own statics and tables with it; a static local those that point to it.
    ["static-local", staticLocalPass("middle", scopesOf)],
    ["static-local", staticLocalPass("middle", scopesOf)],
    ["static-local", staticLocalPass("last", scopesOf)],
    ["reference", pairByReference],
    ["order", pairInOrder],
    // From here on all that has neighbours with twins can be told by its place.
    ["order", pairByPlace],
  ];
}

/** The same file on both sides: each span is itself, whatever names are there twice. */
function identity({ table: { spans } }: Side, post: Side): Pairing {
  return {
    postOf: [...post.table.spans],
    preOf: [...spans],
    by: spans.map(() => "contents" as const),
    free: { pre: [], post: [] },
    unclear: new Map(),
  };
}

function isSameFile(pre: Side, post: Side): boolean {
  return Buffer.compare(pre.table.object.bytes, post.table.object.bytes) === 0;
}

/** Finds for each pre span the post span that is the same thing. */
export function correlate(pre: Side, post: Side): Pairing {
  if (isSameFile(pre, post)) return identity(pre, post);
  const postOf: (Span | undefined)[] = new Array(pre.table.spans.length);
  const preOf: (Span | undefined)[] = new Array(post.table.spans.length);
  const by: (PairedBy | undefined)[] = new Array(pre.table.spans.length);
  let free: Pairing["free"] = { pre: pre.table.spans, post: post.table.spans };
  let scopes: Scopes | undefined;
  const scopesOf: ScopesOf = (pairing) => {
    scopes ??= pairScopes(pre, post, pairing);
    return scopes;
  };
  for (const [name, pass] of passesFor(scopesOf)) {
    for (const [preSpan, postSpan] of pass(pre, post, { postOf, preOf, by, free })) {
      if (postOf[preSpan.id] !== undefined || preOf[postSpan.id] !== undefined) continue;
      postOf[preSpan.id] = postSpan;
      preOf[postSpan.id] = preSpan;
      by[preSpan.id] = name;
    }
    free = {
      pre: free.pre.filter((span) => postOf[span.id] === undefined),
      post: free.post.filter((span) => preOf[span.id] === undefined),
    };
    if (free.pre.length === 0 || free.post.length === 0) break;
  }
  const pairing = { postOf, preOf, by, free };
  return { ...pairing, unclear: unclearState(pre, post, pairing, scopesOf) };
}
