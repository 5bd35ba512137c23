import type { ObjectDiff } from "../diff/diff.ts";
import { SHF, SHN, STB } from "../elf/constants.ts";
import type { ElfObject } from "../elf/object.ts";
import { type DynamicSymbol, type DynamicSymbols, readDynamicSymbols, type Version } from "../elf/versions.ts";
import { getOrAdd } from "../grouping.ts";
import { becomes, type Fact, placeChange } from "./fact.ts";

/** What other files can ask of an image, and what it asks of them: names with versions. */
export function versionFacts(diff: ObjectDiff): Fact[] {
  const [before, after] = [readDynamicSymbols(diff.pre.table.object), readDynamicSymbols(diff.post.table.object)];
  return [
    ...exportFacts(diff, before, after),
    ...importFacts(before, after),
    ...definedVersions(before, after),
    ...neededVersions(before, after),
  ];
}

function exportFacts(diff: ObjectDiff, before: DynamicSymbols, after: DynamicSymbols): Fact[] {
  const [old, now] = [exportsByName(before), exportsByName(after)];
  const [preKnown, postKnown] = [namesIn(diff.pre.table.object), namesIn(diff.post.table.object)];
  const facts: Fact[] = [];
  for (const name of new Set([...old.keys(), ...now.keys()])) {
    const [from, to] = [old.get(name) ?? [], now.get(name) ?? []];
    // What only one side defines at all is told with the function or variable itself.
    const isOneSided = from.length === 0 || to.length === 0;
    if (isOneSided && !(from.length === 0 ? preKnown : postKnown).has(name)) continue;
    const [was, is] = [versionsOf(from), versionsOf(to)];
    if (was !== is) {
      const words =
        was === ""
          ? "it becomes an export"
          : is === ""
            ? "it is not an export any more"
            : `the export ${becomes(was, is)}`;
      facts.push(symbolFact(name, `${words}: what looks it up by name gets another answer`));
      continue;
    }
    for (const [i, one] of from.entries()) {
      const detail = exportChange(diff, one, to[i] as DynamicSymbol);
      if (detail !== undefined) facts.push(symbolFact(name, detail));
    }
  }
  return facts;
}

function exportChange(diff: ObjectDiff, one: DynamicSymbol, other: DynamicSymbol): string | undefined {
  if (one.type !== other.type) return `the type of its export ${one.type} becomes ${other.type} (STT_*)`;
  if (one.other !== other.other) return `st_other of its export ${one.other} becomes ${other.other}`;
  if ((one.bind === STB.GNU_UNIQUE) !== (other.bind === STB.GNU_UNIQUE))
    return `the binding of its export ${one.bind} becomes ${other.bind} (STB_*)`;
  if (one.section === undefined || other.section === undefined) {
    const isSame = one.section === other.section && one.value === other.value;
    return isSame ? undefined : `its export ${becomes(`0x${one.value.toString(16)}`, `0x${other.value.toString(16)}`)}`;
  }
  const [from, to] = [diff.pre.table.object.sections[one.section], diff.post.table.object.sections[other.section]];
  // Of thread-locals the value is an offset: they are compared as variables.
  if ([from, to].some((section) => section !== undefined && (section.flags & SHF.TLS) !== 0n)) return undefined;
  const place = placeChange(diff, one.value, other.value);
  return place === undefined ? undefined : `it stands for another place: ${place}`;
}

function importFacts(before: DynamicSymbols, after: DynamicSymbols): Fact[] {
  const now = new Map(importsOf(after).map((symbol) => [symbol.name, symbol]));
  return importsOf(before).flatMap((one): Fact[] => {
    const other = now.get(one.name);
    if (other === undefined) return [];
    if (bound(one) !== bound(other)) return [symbolFact(one.name, `the import ${becomes(bound(one), bound(other))}`)];
    const [was, is] = [one, other].map(({ bind }) => bind === STB.WEAK);
    if (was === is) return [];
    return [symbolFact(one.name, `the import becomes ${is ? "weak: it may be absent" : "strong: it must be there"}`)];
  });
}

function importsOf({ symbols }: DynamicSymbols): readonly DynamicSymbol[] {
  return symbols.filter(({ isDefined }) => !isDefined);
}

function bound({ name, version, library }: DynamicSymbol): string {
  return version === "" ? `${name} of any version` : `${name}@${version} of ${library || "any library"}`;
}

/** Programs that were linked to a version of this image are not started without it. */
function definedVersions(before: DynamicSymbols, after: DynamicSymbols): Fact[] {
  return versionChanges(before.defined, after.defined, ".gnu.version_d", ({ name, flags, parents }) => {
    const above = parents.length === 0 ? "" : ` after ${parents.join(", ")}`;
    return `${name}${above}${(flags & 2) !== 0 ? " (weak)" : ""}`;
  });
}

/** Versions that imports of one side only need come and go with them. */
function neededVersions(before: DynamicSymbols, after: DynamicSymbols): Fact[] {
  const used = (side: DynamicSymbols): ReadonlySet<string> =>
    new Set(importsOf(side).map(({ library, version }) => `${library} ${version}`));
  const [old, now] = [used(before), used(after)];
  const isPlain = ({ library, name }: Version): boolean =>
    old.has(`${library} ${name}`) !== now.has(`${library} ${name}`);
  const rest = ({ needed }: DynamicSymbols): readonly Version[] => needed.filter((version) => !isPlain(version));
  return versionChanges(rest(before), rest(after), ".gnu.version_r", ({ name, library, flags }) => {
    return `${name} of ${library}${(flags & 2) !== 0 ? " (weak)" : ""}`;
  });
}

function versionChanges(
  old: readonly Version[],
  now: readonly Version[],
  section: string,
  wordsOf: (version: Version) => string,
): Fact[] {
  // The first version is the file's own name, which DT_SONAME tells.
  const own = (list: readonly Version[]): string[] => list.filter(({ flags }) => (flags & 1) === 0).map(wordsOf);
  const [before, after] = [own(old), own(now)];
  const [had, has] = [new Set(before), new Set(after)];
  const gone = before.filter((words) => !has.has(words));
  const added = after.filter((words) => !had.has(words));
  if (gone.length === 0 && added.length === 0) return [];
  return [{ weight: "changed", subject: section, detail: becomes(gone.join(", "), added.join(", ")) }];
}

function exportsByName({ symbols }: DynamicSymbols): ReadonlyMap<string, readonly DynamicSymbol[]> {
  const byName = new Map<string, DynamicSymbol[]>();
  for (const symbol of symbols) if (symbol.isDefined) getOrAdd(byName, symbol.name, () => []).push(symbol);
  for (const list of byName.values()) list.sort((a, b) => (a.version < b.version ? -1 : a.version > b.version ? 1 : 0));
  return byName;
}

/** `f@@V2, f@V1`: the versions of a name that is exported, the one that is got without asking marked. */
function versionsOf(symbols: readonly DynamicSymbol[]): string {
  return symbols
    .map(({ name, version, isHidden }) => (version === "" ? name : `${name}${isHidden ? "@" : "@@"}${version}`))
    .join(", ");
}

/** Names that `.symtab` defines, without their versions. */
function namesIn({ symbols }: ElfObject): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { name, shndx } of symbols) {
    if (shndx === SHN.UNDEF || name === "") continue;
    const at = name.indexOf("@");
    names.add(at > 0 ? name.slice(0, at) : name);
  }
  return names;
}

function symbolFact(subject: string, detail: string): Fact {
  return { weight: "changed", subject, detail };
}
