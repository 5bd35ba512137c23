import { readFileSync } from "node:fs";
import type { UpdateDescription } from "../../src/contract/description.ts";
import { readObject } from "../../src/elf/object.ts";
import { diffObjects } from "../../src/plan/update.ts";
import type { LayoutDiff } from "../../src/types/diff.ts";
import type { Layouts, MemberLayout } from "../../src/types/structs.ts";
import { readLayouts } from "../../src/types/types.ts";
import { buildElf } from "./elf-builder.ts";
import { FIXTURES, join } from "./paths.ts";

type Side = "pre" | "post";

export function layoutFixture(name: string, side: Side): string {
  return join(FIXTURES, "layout", name, `${side}.o`);
}

/** Layouts of one side of a fixture, `sta-lock/dwarf5`. */
export async function layoutsOfFixture(name: string, side: Side = "post"): Promise<Layouts> {
  const layouts = await readLayouts(readObject(readFileSync(layoutFixture(name, side)), `${side}.o`));
  if (layouts === undefined) throw new Error(`${name}: no types`);
  return layouts;
}

/** The whole description of a fixture's pair, layouts and shadow variables included. */
export function describeLayoutPair(name: string): Promise<UpdateDescription> {
  const read = (side: Side) => readFileSync(layoutFixture(name, side));
  return describeTypedPair(read("pre"), read("post"));
}

/** The same of two files' contents. */
export function describeTypedPair(pre: Uint8Array, post: Uint8Array): Promise<UpdateDescription> {
  return diffObjects(readObject(pre, "pre.o"), readObject(post, "post.o"), { target: "vmlinux" });
}

/** `16 6 addr unsigned char[6]`, `16:3 4 b:5 unsigned int`, nested members indented. */
export function memberWords(members: readonly MemberLayout[], indent = ""): string[] {
  return members.flatMap(({ name, type, offset, size, bitOffset, bitSize, members: inner }) => {
    const place = `${offset}${bitOffset === undefined ? "" : `:${bitOffset}`} ${size}`;
    const called = `${name}${bitSize === undefined ? "" : `:${bitSize}`}`;
    return [`${indent}${place} ${called} ${type}`, ...memberWords(inner ?? [], `${indent}  `)];
  });
}

/** `ps_lock added`, `rx resized` … and below them what made the type differ. */
export function changeWords({ key, members, enumerators, because, isOwn }: LayoutDiff): string {
  const words = [
    ...members.map(
      ({ member, what, renamedTo }) =>
        `${member} ${what.join("+")}${renamedTo === undefined ? "" : ` to ${renamedTo}`}`,
    ),
    ...enumerators.map(({ name, what }) => `${name} ${what}`),
  ];
  const cause = because.length === 0 ? "" : ` [${isOwn ? "also " : ""}because of ${because.join(", ")}]`;
  return `${key}: ${words.join(", ")}${cause}`;
}

/** A word, least significant byte first, in hexadecimal. */
export function u32(value: number): string {
  return value.toString(16).padStart(8, "0").match(/../g)?.reverse().join("") ?? "";
}

/** An object with BTF of these types, three or more words each. Linux: Documentation/bpf/btf.rst. */
export function btfObject(types: readonly (readonly number[])[], strings = "\0"): Uint8Array {
  const words = types.flat().map(u32).join("");
  const text = Buffer.from(strings).toString("hex");
  const sizes = [0, words.length / 2, words.length / 2, text.length / 2].map(u32).join("");
  return buildElf({ sections: [{ name: ".BTF", content: `9feb0100${u32(24)}${sizes}${words}${text}` }] });
}
