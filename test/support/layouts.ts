import { readFileSync } from "node:fs";
import { diffSpans } from "../../src/diff/diff.ts";
import { readObject } from "../../src/elf/object.ts";
import type { LayoutDiff } from "../../src/layout/diff.ts";
import type { Layouts, MemberLayout } from "../../src/layout/structs.ts";
import { readLayouts } from "../../src/layout/types.ts";
import type { UpdateDescription } from "../../src/plan/description.ts";
import { planLayouts } from "../../src/plan/layouts.ts";
import { planPair } from "../../src/plan/pair.ts";
import { planUpdate } from "../../src/plan/update.ts";
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
export async function describeLayoutPair(name: string, postName = name): Promise<UpdateDescription> {
  const read = (of: string, side: Side) => readObject(readFileSync(layoutFixture(of, side)), `${side}.o`);
  const diff = diffSpans(read(name, "pre"), read(postName, "post"));
  return planUpdate(diff, { layoutPlan: await planLayouts(planPair(diff, 0, "unit.o", "vmlinux")) });
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
