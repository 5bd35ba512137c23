import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, it } from "vitest";
import { listPairs } from "../../../src/input/listing/pairs.ts";
import { buildAr } from "../../support/ar-builder.ts";
import { buildElf } from "../../support/elf-builder.ts";
import { join } from "../../support/paths.ts";

/* A linker takes the first member that defines a name: the order of members can be all that differs. */

const folder = mkdtempSync(join(tmpdir(), "elfsplice-order-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Members by name: the names that they define, weak with a `?`. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  "a.o": ["f"],
  "b.o": ["f", "g"],
  "c.o": ["h"],
  "w.o": ["g?"],
};

function archive(side: string, members: readonly string[]): string {
  const parts = members.map((name) => {
    const names = MEMBERS[name] ?? [];
    const symbols = names.map((own) => ({
      name: own.replace("?", ""),
      section: ".text",
      type: "func" as const,
      bind: own.endsWith("?") ? ("weak" as const) : ("global" as const),
      size: 1,
    }));
    return { name: `${name}/`, contents: buildElf({ sections: [{ name: ".text", code: "c3" }], symbols }) };
  });
  const path = join(folder, side);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "lib.a"), buildAr(parts));
  return path;
}

describe("the order of an archive's members", () => {
  it.each<[string, string[], string[], string[] | undefined]>([
    ["is the same", ["a.o", "b.o"], ["a.o", "b.o"], undefined],
    ["decides which f is linked", ["a.o", "b.o"], ["b.o", "a.o"], ["f: a.o, b.o now"]],
    ["decides that a weak one is", ["b.o", "w.o"], ["w.o", "b.o"], ["g: b.o, w.o now"]],
    ["decides nothing where no two define one name", ["a.o", "c.o"], ["c.o", "a.o"], []],
    ["lets a new member take a name", ["b.o"], ["a.o", "b.o"], ["f: b.o, a.o now"]],
    ["lets no new member behind take one", ["b.o"], ["b.o", "a.o"], undefined],
    ["gives a name back when a member goes", ["a.o", "b.o"], ["b.o"], ["f: a.o, b.o now"]],
  ])("%s", (_what, before, after, expected) => {
    for (const within of ["", "lib.a"]) {
      const [pre, post] = [archive("pre", before), archive("post", after)];
      const { orders } = listPairs(join(pre, within), join(post, within));
      const words = orders.flatMap(({ names }) => names.map(({ name, pre, post }) => `${name}: ${pre}, ${post} now`));
      expect(orders.length === 0 ? undefined : words).toEqual(expected);
    }
  });
});
