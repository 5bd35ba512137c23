import type { Section } from "../../elf/object.ts";
import { addTo } from "../../grouping.ts";
import { isCode } from "../../spans/section-kind.ts";
import type { SpanMatch } from "../span-match.ts";

/** Name of the rule for code that other places would fit too. */
export const NEIGHBOURS_RULE = {
  name: "section-neighbours",
  why: "the linker keeps a section of an object together, so what matched around the code says which of several equal places is its own",
  source: "gABI chapter 4, Sections; GNU ld, Input Section Basics",
} as const;

/** One neighbour could be another's code that happens to be equal. */
const FEWEST = 2;

/**
 * Where a span is by the code of its section that matched; undefined where too little did, or where the section did not stay as
 * it was because the run system's code was linked or laid out in another way.
 */
export function addressBesides({ span }: SpanMatch, mates: readonly SpanMatch[], fewest = FEWEST): bigint | undefined {
  let start: bigint | undefined;
  let count = 0;
  for (const { span: mate, address } of mates) {
    if (address === undefined || mate === span) continue;
    const implied = address - BigInt(mate.offset);
    if (start !== undefined && implied !== start) return undefined;
    start = implied;
    count++;
  }
  return start === undefined || count < fewest ? undefined : start + BigInt(span.offset);
}

/** Code of each section of one object that is matched. */
export function matchedBySection(matches: readonly (SpanMatch | undefined)[]): ReadonlyMap<Section, SpanMatch[]> {
  const mates = new Map<Section, SpanMatch[]>();
  for (const match of matches) {
    if (match?.status !== "matched" || !isCode(match.span.kind)) continue;
    addTo(mates, match.span.section, match);
  }
  return mates;
}
