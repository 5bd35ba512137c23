import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { join, ROOT } from "./support/paths.ts";
import { IS_FULL } from "./support/sample.ts";

describe.runIf(IS_FULL)("a machine with Node alone (in full runs)", () => {
  it("collects every test: a missing tool makes a test skip, not a file fail", { timeout: 300_000 }, () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(ROOT, "node_modules/vitest/vitest.mjs"), "list", "--filesOnly=false", "--json"],
      { cwd: ROOT, encoding: "utf8", maxBuffer: 1 << 28, env: { ...process.env, PATH: "" } },
    );
    expect(stderr).not.toMatch(/ENOENT|Error/);
    expect(status).toBe(0);
    expect((JSON.parse(stdout) as unknown[]).length).toBeGreaterThan(5000);
  });
});
