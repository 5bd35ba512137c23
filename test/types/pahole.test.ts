/* pahole reads the same objects: where it is installed, every member of every struct lies where it says. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { layoutsNamed, type MemberLayout } from "../../src/types/structs.ts";
import { layoutFixture, layoutsOfFixture } from "../support/layouts.ts";
import { FIXTURES, join } from "../support/paths.ts";
import { sampled } from "../support/sample.ts";
import { isInstalled } from "../support/tools.ts";

const folder = join(FIXTURES, "layout");
const pairs = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) =>
    readdirSync(join(folder, name), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${name}/${entry.name}`),
  )
  .sort();

/** Structs and unions by their names, each with its size and a line for each member, inner ones first: `name bits width`. */
function paholeStructs(file: string, isBtf: boolean): Map<string, string[]> {
  const { stdout } = spawnSync("pahole", [...(isBtf ? ["-F", "btf"] : ["-F", "dwarf"]), file], { encoding: "utf8" });
  const structs = new Map<string, string[]>();
  let lines: string[] | undefined;
  for (const line of stdout.split("\n")) {
    const head = /^(?:typedef )?(struct|union)\b(?: (\w+))?\s*\{/.exec(line);
    if (head !== null) {
      lines = [];
      if (head[2] !== undefined) structs.set(`${head[1]} ${head[2]}`, lines);
    }
    const size = /^\t\/\* size: (\d+)/.exec(line);
    if (size !== null) lines?.push(`size ${size[1]}`);
    const member = /^\t+(.*?);?\s*\/\*\s+(\d+)(?::\s*(\d+))?\s+(\d+)\s+\*\/$/.exec(line);
    if (member === null) continue;
    const [, declared = "", offset, bit, bytes] = member;
    const width = /:(\d+)$/.exec(declared);
    const text = declared.replace(/:\d+$/, "");
    const pointer = /\(\*\s*(\w+)/.exec(text)?.[1];
    const name = text === "}" ? "" : (pointer ?? /(\w+)(?:\[[^\]]*\])*$/.exec(text)?.[1] ?? "");
    const bits = Number(offset) * 8 + Number(bit ?? 0);
    lines?.push(`${name} ${bits} ${width === null ? Number(bytes) * 8 : width[1]}`);
  }
  return structs;
}

function ourLines(members: readonly MemberLayout[]): string[] {
  return members.flatMap(({ name, offset = 0, size = 0, bitOffset = 0, bitSize, members: inner = [] }) => [
    ...ourLines(inner),
    `${name} ${offset * 8 + bitOffset} ${bitSize ?? size * 8}`,
  ]);
}

/** What pahole 1.24 cannot read or does not show: split units, zstd, type units of GCC, LoongArch, structs in functions, types of Fortran; anonymous structs of clang, which it shows twice. */
const UNREADABLE =
  /\/(split|compressed-zstd|types4|types5|clang4-types|loongarch64)$|^union\/clang5$|^(unused|fortran-bounds)\//;

describe.skipIf(!isInstalled("pahole"))("pahole agrees (skipped where it is not installed)", () => {
  const readable = pairs.filter((name) => !UNREADABLE.test(name));

  it("on at least 20 pairs", () => {
    expect(readable.length).toBeGreaterThanOrEqual(20);
  });

  it.each(sampled(readable, 4))("%s", async (name) => {
    for (const side of ["pre", "post"] as const) {
      const theirs = paholeStructs(layoutFixture(name, side), name.endsWith("/btf"));
      expect(theirs.size).toBeGreaterThan(0);
      const layouts = await layoutsOfFixture(name, side);
      for (const [key, lines] of theirs) {
        const [layout] = layoutsNamed(layouts, key);
        // The size is said of structs only.
        const size = lines.some((line) => line.startsWith("size ")) ? [`size ${layout?.size}`] : [];
        expect([...ourLines(layout?.members ?? []), ...size], key).toEqual(lines);
      }
    }
  });
});
