/*
 * What a pair of files differs in beside the contents of what is loaded: headers, entries of tables that the loader and the linker
 * read, names, versions, attributes, and sections that nothing loads. Contents are the account's.
 */
import type { ObjectDiff } from "../diff/diff.ts";
import { ET } from "../elf/constants.ts";
import { arrayFacts } from "./arrays.ts";
import { attributeFacts } from "./attributes.ts";
import { dynamicFacts } from "./dynamic.ts";
import type { Fact } from "./fact.ts";
import { linkingFacts } from "./linking.ts";
import { propertyFacts } from "./properties.ts";
import { sectionFacts } from "./sections.ts";
import { headerFacts } from "./segments.ts";
import { unloadedFacts } from "./unloaded.ts";
import { versionFacts } from "./versions.ts";

export type { Fact } from "./fact.ts";

/** Subjects of one finding that are named. */
const SHOWN = 4;

/** All facts that differ; those that say the same of several things are one. */
export function compareFacts(diff: ObjectDiff): Fact[] {
  const isLinked = diff.pre.table.object.type !== ET.REL;
  const facts = [
    ...headerFacts(diff),
    ...(isLinked ? [...dynamicFacts(diff), ...versionFacts(diff)] : [...linkingFacts(diff), ...sectionFacts(diff)]),
    ...arrayFacts(diff),
    ...attributeFacts(diff),
    ...propertyFacts(diff),
    ...unloadedFacts(diff),
  ];
  const alike = new Map<string, Fact[]>();
  for (const fact of facts) {
    const key = `${fact.weight} ${fact.detail}`;
    const list = alike.get(key);
    if (list === undefined) alike.set(key, [fact]);
    else list.push(fact);
  }
  return [...alike.values()].map((list) => {
    const [first] = list as [Fact, ...Fact[]];
    const subjects = [...new Set(list.map(({ subject }) => subject))];
    const rest = subjects.length - SHOWN;
    const subject = `${subjects.slice(0, SHOWN).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
    return { ...first, subject };
  });
}
