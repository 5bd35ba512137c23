import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { runDiff } from "../../src/cli/commands/diff.ts";
import type { DiffOptions } from "../../src/cli/diff-options.ts";
import { diffObjects, readObject, renderJson } from "../../src/index.ts";
import { FIXTURES, join, ROOT, readText, relative } from "../support/paths.ts";
import { sampled } from "../support/sample.ts";

/** Every two files of the fixtures that are a pair: objects, modules, linked images. */
const pairs = readdirSync(FIXTURES, { recursive: true, encoding: "utf8" })
  .filter((path) => /(^|[/\\])pre(\.(o|ko|elf|so))?$/.test(path) && existsSync(join(FIXTURES, post(path))))
  .filter((path) => isElf(join(FIXTURES, path)))
  .map((path) => path.replaceAll("\\", "/"))
  .sort();

function post(path: string): string {
  return path.replace(/pre(\.\w+)?$/, "post$1");
}

function isElf(path: string): boolean {
  try {
    return readFileSync(path).subarray(1, 4).toString() === "ELF";
  } catch {
    return false;
  }
}

describe("diffObjects() gives what the command prints, byte for byte", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "elfsplice-library-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  // Every run of the command listens to signals.
  afterEach(() => {
    for (const signal of ["SIGINT", "SIGTERM"]) process.removeAllListeners(signal);
  });
  const printed = async (pre: string, options: Partial<DiffOptions> = {}): Promise<string> => {
    const output = join(folder, "update.json");
    const all = { output, format: "json", oldCode: "needed", quiet: true, ...options } as const;
    expect(await runDiff(pre, post(pre), all)).toBe(0);
    return readText(output);
  };

  it("over the pairs of many topics, those with types and those of modules among them", () => {
    expect(pairs.length).toBeGreaterThan(150);
    expect(pairs.filter((path) => path.startsWith("layout/")).length).toBeGreaterThan(10);
  });

  it.each(sampled(pairs, 6))("%s", async (path) => {
    const pre = relative(ROOT, join(FIXTURES, path)).replaceAll("\\", "/");
    const read = (name: string) => readObject(readFileSync(join(ROOT, name)), name);
    const update = renderJson(await diffObjects(read(pre), read(post(pre))));
    expect(await printed(pre)).toBe(update);
    // The way by a listing, as compressed files and a cache take it.
    expect(await printed(pre, { cache: join(folder, "cache") })).toBe(update);
  });

  it("also with contents, all old code and another target", async () => {
    const pre = "fixtures/layout/sta-lock/dwarf5/pre.o";
    const read = (name: string) => readObject(readFileSync(join(ROOT, name)), name);
    const update = await diffObjects(read(pre), read(post(pre)), {
      contents: true,
      oldCode: "all",
      target: "mac80211",
    });
    expect(update.findings.map(({ code }) => code)).toContain("struct-layout-changed");
    expect(await printed(pre, { contents: true, oldCode: "all", target: ["mac80211"] })).toBe(renderJson(update));
  });
});
