/* Members of one name in two archives: which of them are the same. */

import { createHash } from "node:crypto";
import { STB, STT } from "../../elf/constants.ts";
import { readObject } from "../../elf/object.ts";
import { pairOnEvidence } from "../../evidence.ts";
import { append } from "../../lists.ts";
import { readStored } from "./file.ts";
import type { Member } from "./members.ts";

/** Two members that belong together, and what the pair is called. */
export interface MemberPair {
  readonly name: string;
  readonly pre: Member | undefined;
  readonly post: Member | undefined;
}

/** Members of one name on each side, in the order of their archives. */
interface Namesakes {
  readonly pre: Member[];
  readonly post: Member[];
}

/**
 * The members of two archives in pairs, sorted by nothing. A name that each archive has once is one pair; of several members of
 * one name, those with equal contents belong together, then those that define the same symbols, and the rest go by their order.
 */
export function pairMembersOf(pre: readonly Member[], post: readonly Member[]): MemberPair[] {
  const groups = new Map<string, Namesakes>();
  const groupOf = (name: string): Namesakes => {
    const group = groups.get(name) ?? { pre: [], post: [] };
    groups.set(name, group);
    return group;
  };
  for (const [name, member] of baseNames(pre)) groupOf(name).pre.push(member);
  for (const [name, member] of baseNames(post)) groupOf(name).post.push(member);
  const pairs: MemberPair[] = [];
  const taken = new Set<string>();
  const later: MemberPair[] = [];
  for (const group of groups.values()) {
    for (const pair of pairNamesakes(group)) {
      const { member } = (pair.post ?? (pair.pre as Member)).ref;
      const named = { name: member as string, pre: pair.pre, post: pair.post };
      if (pair.post === undefined) later.push(named);
      else {
        taken.add(named.name);
        pairs.push(named);
      }
    }
  }
  for (const pair of later) {
    const name = freeName(pair.name, taken);
    taken.add(name);
    pairs.push({ ...pair, name });
  }
  return pairs;
}

/** A removed member keeps its name unless another one has it now. */
function freeName(name: string, taken: ReadonlySet<string>): string {
  let free = name;
  for (let number = 2; taken.has(free); number++) free = `${name.replace(/~\d+$/, "")}~${number}`;
  return free;
}

/** Each member with the name that stands in its header: the second of one name is called `name~2` here. */
function baseNames(members: readonly Member[]): [string, Member][] {
  const names = new Set(members.map(({ ref }) => ref.member));
  return members.map((member) => {
    const name = member.ref.member as string;
    const base = name.replace(/~\d+$/, "");
    return [base !== name && names.has(base) ? base : name, member];
  });
}

type Half = Pick<MemberPair, "pre" | "post">;

function pairNamesakes({ pre, post }: Namesakes): Half[] {
  if (pre.length < 2 && post.length < 2) return [{ pre: pre[0], post: post[0] }];
  const left = { pre: [...pre], post: [...post] };
  const pairs: Half[] = [];
  const take = (found: readonly (readonly [Member, Member])[]): void => {
    const done = new Set(found.flat());
    append(
      pairs,
      found.map(([a, b]) => ({ pre: a, post: b })),
    );
    left.pre = left.pre.filter((member) => !done.has(member));
    left.post = left.post.filter((member) => !done.has(member));
  };
  const bytes = new Map<Member, Uint8Array>();
  const bytesOf = (member: Member): Uint8Array => {
    const known = bytes.get(member) ?? readStored(member.ref);
    bytes.set(member, known);
    return known;
  };
  take(equalOnes(left, bytesOf));
  if (left.pre.length > 0 && left.post.length > 0) {
    const symbols = (member: Member): ReadonlySet<string> => definedIn(member, bytesOf(member));
    take(pairOnEvidence(left.pre, left.post, symbols, symbols, false));
  }
  const rest = Math.min(left.pre.length, left.post.length);
  take(Array.from({ length: rest }, (_, i): [Member, Member] => [left.pre[i] as Member, left.post[i] as Member]));
  return [
    ...pairs,
    ...left.pre.map((a) => ({ pre: a, post: undefined })),
    ...left.post.map((b) => ({ pre: undefined, post: b })),
  ];
}

/** Members with equal contents, those of one content in their order; only sizes that both sides have are read. */
function equalOnes({ pre, post }: Namesakes, bytesOf: (member: Member) => Uint8Array): [Member, Member][] {
  const sizes = new Set(pre.map(({ ref }) => ref.size));
  const waiting = new Map<string, Member[]>();
  const key = (member: Member): string => createHash("sha256").update(bytesOf(member)).digest("hex");
  for (const member of post.filter(({ ref }) => sizes.has(ref.size))) {
    const own = key(member);
    waiting.set(own, [...(waiting.get(own) ?? []), member]);
  }
  const own = new Set(post.map(({ ref }) => ref.size));
  return pre
    .filter(({ ref }) => own.has(ref.size))
    .flatMap((member): [Member, Member][] => {
      const twin = waiting.get(key(member))?.shift();
      return twin === undefined ? [] : [[member, twin]];
    });
}

/** Names that an object defines; none for a file that is not an object, which is reported when it is read for itself. */
function definedIn({ ref }: Member, bytes: Uint8Array): ReadonlySet<string> {
  try {
    const { symbols } = readObject(bytes, ref.path, ref.member);
    const isName = ({ type, section, name }: (typeof symbols)[number]): boolean =>
      name !== "" && type !== STT.SECTION && type !== STT.FILE && section !== undefined;
    return new Set(symbols.filter(isName).map(({ bind, name }) => (bind === STB.LOCAL ? `local ${name}` : name)));
  } catch {
    return new Set();
  }
}
