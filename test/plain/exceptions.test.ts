import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sampled } from "../support/sample.ts";
import { needPrograms } from "../support/tools.ts";
import { compiled, inFolder, verdictOf } from "./matrix.ts";

function unit(caught: string): string {
  return `
struct Early {}; struct Late {}; struct Guard { Guard(); ~Guard(); };
int ext(int);
int one(int x) { try { return ext(x); } catch (Early &) { return 1; } }
int two(int x) { try { return ext(x) + 1; } catch (${caught} &) { return 2; } }
int three(int x) { Guard guard; return ext(x); }
int plain(int x) { return ext(x) + 3; }
`;
}

async function verdict(flags: readonly string[], pre: string, post: string): Promise<string> {
  return inFolder(async (folder) => {
    const objects: Uint8Array[] = [];
    for (const [side, text] of [
      ["pre", pre],
      ["post", post],
    ] as const) {
      writeFileSync(join(folder, "unit.cc"), text);
      objects.push(
        await compiled("clang", ["-O2", "-funwind-tables", "-fno-pic", ...flags], folder, "unit.cc", `${side}.o`),
      );
    }
    return verdictOf(objects[0] as Uint8Array, objects[1] as Uint8Array);
  });
}

/** Arm in both instruction sets has `.ARM.exidx` and `.ARM.extab`, the others `.eh_frame` and `.gcc_except_table`. */
const TARGETS = [
  "arm-linux-gnueabihf",
  "thumbv7-linux-gnueabihf",
  "armeb-linux-gnueabihf",
  "aarch64-linux-gnu",
  "x86_64-linux-gnu",
];
const ROWS = TARGETS.flatMap((target) =>
  ["-ffunction-sections", "-fno-function-sections"].map((s) => [target, s] as const),
);

describe("exception tables follow their function", () => {
  it.for(sampled(ROWS, 3))("%s %s: another type is caught", async ([target, sections], { skip }) => {
    needPrograms(skip, "clang");
    expect(await verdict([`--target=${target}`, sections], unit("Early"), unit("Late"))).toBe("changed=_Z3twoi");
  });

  it.for(sampled(ROWS, 3))("%s %s: a neighbour's tables move", async ([target, sections], { skip }) => {
    needPrograms(skip, "clang");
    const before = "int zero(int x) { try { return ext(x) * 3; } catch (...) { return 5; } }";
    const post = unit("Early").replace("int one", `${before}\nint one`);
    expect(await verdict([`--target=${target}`, sections], unit("Early"), post)).toBe("new=_Z4zeroi");
  });
});
