import type { ObjectDiff } from "../diff/diff.ts";
import { ET, SHF, SHN, STB, STV, visibilityOf } from "../elf/constants.ts";
import type { ElfObject, ElfSymbol } from "../elf/object.ts";
import { groupBy } from "../grouping.ts";
import { withoutDefault } from "../spans/names.ts";
import type { Span } from "../spans/span.ts";
import { becomes, type Fact } from "./fact.ts";

/** Name of the section whose flags ask for the stack. GNU ld, "-z execstack". */
const STACK = ".note.GNU-stack";

/** What a linker makes of a relocatable object beside its sections: the stack, and what it asks of others. */
export function linkingFacts(diff: ObjectDiff): Fact[] {
  const [pre, post] = [diff.pre.table.object, diff.post.table.object];
  if (pre.type !== ET.REL) return [];
  const facts: Fact[] = [];
  const [was, is] = [stack(pre), stack(post)];
  if (was !== is) facts.push({ weight: "changed", subject: `the stack (${STACK})`, detail: becomes(was, is) });
  return [
    ...facts,
    ...undefinedFacts(pre, post),
    ...idleNames(diff, "pre"),
    ...idleNames(diff, "post"),
    ...nameFacts(diff),
    ...aliasFacts(diff),
  ];
}

/** An object without the section makes linkers assume that its code needs what the machine's stack is by default. */
function stack({ sections }: ElfObject): string {
  const section = sections.find(({ name }) => name === STACK);
  if (section === undefined) return "not asked for, so that it may be executable";
  return (section.flags & SHF.EXECINSTR) === 0n ? "not executable" : "executable";
}

/** How names that are defined elsewhere are asked for. */
function undefinedFacts(pre: ElfObject, post: ElfObject): Fact[] {
  const [before, after] = [asked(pre), asked(post)];
  const facts: Fact[] = [];
  for (const [subject, old] of before) {
    const now = after.get(subject);
    if (now === undefined) continue;
    if ((old.bind === STB.WEAK) !== (now.bind === STB.WEAK)) {
      const detail = `the reference becomes ${now.bind === STB.WEAK ? "weak: it may be absent, and its address 0" : "strong: it must be there"}`;
      facts.push({ weight: "changed", subject, detail });
    }
    const [seen, seenNow] = [visibilityOf(old.other), visibilityOf(now.other)];
    if (seen !== seenNow) {
      const isNarrower = seenNow === STV.HIDDEN || seenNow === STV.INTERNAL;
      const detail = `the visibility of the reference ${becomes(`${seen}`, `${seenNow}`)} (STV_*)`;
      facts.push({ weight: isNarrower ? "changed" : "noted", subject, detail });
    }
  }
  return facts;
}

/** Names asked for that no record of the side uses. */
function idleNames(diff: ObjectDiff, side: "pre" | "post"): Fact[] {
  const [own, other] = side === "pre" ? [diff.pre.table, diff.post.table] : [diff.post.table, diff.pre.table];
  const known = new Set(other.object.symbols.map(({ name }) => name));
  const idle = new Set([...asked(own.object).keys()].filter((name) => !known.has(name)));
  if (idle.size === 0) return [];
  for (const { relocations, entries } of own.spans)
    for (const list of [relocations, ...entries.map((entry) => entry.relocations)])
      for (const { symbol } of list) if (symbol !== undefined) idle.delete(symbol.name);
  for (const { relocations } of own.exports)
    for (const { symbol } of relocations) if (symbol !== undefined) idle.delete(symbol.name);
  const detail =
    side === "pre"
      ? "a linker was asked for it, and is no longer"
      : "a linker is asked for it now, though no code or data here refers to it";
  return [...idle].map((subject) => ({ weight: "noted", subject, detail }));
}

/** Global names by which others may link to what is the same on both sides, and that only one side has. */
function nameFacts({ pre, post, pairing }: ObjectDiff): Fact[] {
  const facts: Fact[] = [];
  const [old, now] = [globals(pre.table.object), globals(post.table.object)];
  for (const twin of post.table.spans) {
    const span = pairing.preOf[twin.id];
    if (span === undefined) continue;
    for (const { symbol } of twin.symbols) {
      const { name: subject, bind } = symbol;
      if (bind === STB.LOCAL || old.has(subject) || subject.includes("@")) continue;
      // A thing that has another name is told as renamed.
      if (symbol === twin.symbol && span.name !== subject) continue;
      const detail = hasName(span, subject)
        ? "local becomes global: others can link to it"
        : `it is another name of ${span.name} now`;
      facts.push({ weight: "noted", subject, detail });
    }
    for (const { symbol } of span.symbols) {
      const { name: subject, bind } = symbol;
      if (bind === STB.LOCAL || now.has(subject) || !hasName(twin, subject)) continue;
      facts.push({
        weight: "changed",
        subject,
        detail: "global becomes local: others get another definition, or none",
      });
    }
  }
  for (const { name: subject, shndx, bind } of post.table.object.symbols)
    if (shndx === SHN.ABS && bind !== STB.LOCAL && !old.has(subject) && !subject.startsWith("__crc_"))
      facts.push({ weight: "noted", subject, detail: "it is a new absolute symbol" });
  return [...facts, ...versionNames(old, now)];
}

/**
 * References that go by another name of the same place: where one of the names is weak, a linker may give the other a definition
 * of its own. Only of code and data that stay, record by record.
 */
function aliasFacts({ pre, pairing, result }: ObjectDiff): Fact[] {
  const facts: Fact[] = [];
  for (const span of pre.table.spans) {
    const twin = pairing.postOf[span.id];
    if (
      twin === undefined ||
      result.outcomes[span.id] !== "unchanged" ||
      span.relocations.length !== twin.relocations.length
    )
      continue;
    for (const [i, { symbol: old }] of span.relocations.entries()) {
      const now = twin.relocations[i]?.symbol;
      if (old === undefined || now === undefined || old.name === now.name) continue;
      if (old.bind === STB.LOCAL || now.bind === STB.LOCAL || (old.bind !== STB.WEAK && now.bind !== STB.WEAK))
        continue;
      facts.push({ weight: "changed", subject: span.name, detail: `it refers to ${now.name} instead of ${old.name}` });
      break;
    }
  }
  return facts;
}

function hasName({ symbols }: Span, name: string): boolean {
  return symbols.some(({ symbol }) => symbol.name === name);
}

/** Versions under which a name is defined; which of them is the default is told with the function. GNU as, ".symver". */
function versionNames(old: ReadonlySet<string>, now: ReadonlySet<string>): Fact[] {
  const byBase = (names: ReadonlySet<string>): ReadonlyMap<string, string[]> =>
    groupBy(
      [...names].filter((name) => name.indexOf("@") > 0),
      (name) => name.slice(0, name.indexOf("@")),
    );
  const [before, after] = [byBase(old), byBase(now)];
  const words = (names: readonly string[] = []): string => [...new Set(names.map(withoutDefault))].sort().join(", ");
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((subject): Fact[] => {
    const [was, is] = [words(before.get(subject)), words(after.get(subject))];
    return was === is ? [] : [{ weight: "changed", subject, detail: `its versions: ${becomes(was, is)}` }];
  });
}

function globals({ symbols }: ElfObject): ReadonlySet<string> {
  const own = symbols.filter(({ bind, shndx }) => bind !== STB.LOCAL && shndx !== SHN.UNDEF);
  return new Set(own.map(({ name }) => name));
}

/** Names that are defined elsewhere. */
function asked({ symbols }: ElfObject): ReadonlyMap<string, ElfSymbol> {
  const own = symbols.filter(({ bind, shndx, name }) => bind !== STB.LOCAL && shndx === SHN.UNDEF && name !== "");
  return new Map(own.map((symbol) => [symbol.name, symbol]));
}
