import type { LayoutChange } from "../../contract/layouts.ts";

/** Names for numbers that are the place of a member, or the size of a type, and changed with it. */
export interface MovedMembers {
  nameOf(change: { readonly kind: string; readonly pre: string; readonly post: string }): string | undefined;
}

/** The members and types whose places and sizes differ between both sides. */
export function movedMembers(layouts: readonly LayoutChange[]): MovedMembers {
  const places = new Map<string, string>();
  const sizes = new Map<string, string>();
  const note = (map: Map<string, string>, pre: number | undefined, post: number | undefined, name: string): void => {
    const key = `${pre} ${post}`;
    if (pre !== undefined && post !== undefined && pre !== post && !map.has(key)) map.set(key, name);
  };
  for (const { kind, name, members, pre, post } of layouts) {
    for (const { member, pre: from, post: to } of members)
      note(places, from?.offset, to?.offset, `${kind} ${name}.${member}`);
    note(sizes, pre?.size, post?.size, `sizeof(${kind} ${name})`);
  }
  return {
    nameOf: ({ kind, pre, post }) =>
      kind === "displacement" ? places.get(`${pre} ${post}`) : sizes.get(`${pre} ${post}`),
  };
}
