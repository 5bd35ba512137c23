/*
 * What the order of an archive's members decides. A linker that looks for a name takes the first member that defines it; a
 * later member that defines it too is never asked. So two archives with the same members can give two programs.
 */

import { SHN, STB } from "../../elf/constants.ts";
import { readObject } from "../../elf/object.ts";
import { FormatError, UnsupportedError } from "../../errors.ts";
import { getOrAdd } from "../../grouping.ts";
import { readStored } from "./file.ts";
import type { Member } from "./members.ts";
import type { MemberPair } from "./namesakes.ts";

/** An archive whose members stand in another order, and what a linker makes of it. */
export interface ArchiveOrder {
  /** Key of the archive. */
  readonly path: string;
  /** Names that another member defines first; none where only the order differs. */
  readonly names: readonly NameTaken[];
}

/** A name that several members define. */
interface NameTaken {
  readonly name: string;
  /** The member that a linker took, and the one that it takes now. */
  readonly pre: string;
  readonly post: string;
}

/** What a change of the order, or members that are new or gone, do to names that several members define; undefined: nothing. */
export function compareOrder(
  path: string,
  before: readonly Member[],
  after: readonly Member[],
  pairs: readonly MemberPair[],
  heedsMembership: boolean,
): ArchiveOrder | undefined {
  const names = new Map<Member, string>();
  for (const { name, pre, post } of pairs) for (const member of [pre, post]) if (member) names.set(member, name);
  const [old, now] = [before, after].map((list) => list.map((member) => names.get(member) as string)) as [
    string[],
    string[],
  ];
  const [had, has] = [new Set(old), new Set(now)];
  const isReordered = old.filter((name) => has.has(name)).join("\n") !== now.filter((name) => had.has(name)).join("\n");
  const isOther = heedsMembership && (old.length !== now.length || old.some((name) => !has.has(name)));
  // Nothing to choose where both sides have the same members in the same order: what each defines is compared member by member.
  if (!isReordered && !isOther) return undefined;
  const taken = namesTaken(definers(before, names), definers(after, names));
  return isReordered || taken.length > 0 ? { path, names: taken } : undefined;
}

/** For each name the members that define it, in their order. */
function definers(members: readonly Member[], names: ReadonlyMap<Member, string>): ReadonlyMap<string, string[]> {
  const found = new Map<string, string[]>();
  for (const member of members)
    for (const name of definedIn(member)) getOrAdd(found, name, () => []).push(names.get(member) as string);
  return found;
}

/** Global names that a member defines; none where it is not an object that can be read, which is told elsewhere. */
function definedIn({ ref }: Member): ReadonlySet<string> {
  try {
    const { symbols } = readObject(readStored(ref), ref.path, ref.member);
    const own = symbols.filter(({ bind, shndx, name }) => bind !== STB.LOCAL && shndx !== SHN.UNDEF && name !== "");
    return new Set(own.map(({ name }) => name));
  } catch (error) {
    if (error instanceof FormatError || error instanceof UnsupportedError) return new Set();
    throw error;
  }
}

function namesTaken(old: ReadonlyMap<string, string[]>, now: ReadonlyMap<string, string[]>): NameTaken[] {
  const taken: NameTaken[] = [];
  for (const [name, before] of old) {
    const after = now.get(name);
    const [pre, post] = [before[0], after?.[0]];
    if (pre === undefined || post === undefined || pre === post) continue;
    // A name that one member defined, and another one does now, has moved: that is told with the members.
    if (before.length > 1 || (after?.length ?? 0) > 1) taken.push({ name, pre, post });
  }
  return taken;
}
