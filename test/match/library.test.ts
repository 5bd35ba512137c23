import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, it } from "vitest";
import pkg from "../../package.json" with { type: "json" };
import { diffObjects, matchSubject, matchUpdate, objectName, placeUpdate, readObject } from "../../src/index.ts";
import { buildElf } from "../support/elf-builder.ts";
import { join, ROOT } from "../support/paths.ts";
import { schemaErrors } from "../support/schema.ts";

const folder = mkdtempSync(join(tmpdir(), "elfsplice-library-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const objectOf = (result: string): Uint8Array =>
  buildElf({
    sections: [{ name: ".text.f", code: `b8${result}000000c3` }],
    symbols: [{ name: "f", section: ".text.f", type: "func", bind: "global", size: 6 }],
  });

describe("matching as a library", () => {
  it("needs nothing but what the package exports: diff, match, place", async () => {
    const run = join(folder, "image");
    writeFileSync(
      run,
      buildElf({
        type: "exec",
        sections: [{ name: ".text", code: `b801000000c3${"cc".repeat(16)}`, addr: 0x1000 }],
        segments: [{ section: ".text", vaddr: 0x1000, flags: 5 }],
        symbols: [{ name: "f", section: ".text", value: 0x1000, type: "func", bind: "global", size: 6 }],
      }),
    );
    const pre = readObject(objectOf("01"), "pre/f.o");
    const update = await diffObjects(pre, readObject(objectOf("02"), "post/f.o"));
    const subject = matchSubject(pre, objectName("pre/f.o", "post/f.o"));
    const result = matchUpdate([subject], { run, update, loadAddress: 0x2000n });
    expect(result).toMatchObject({ outcome: "matched", abort: null });
    const placed = placeUpdate(update, result);
    expect(placed.changes[0]?.patches[0]).toMatchObject({ oldAddress: "0x1000", trampoline: "e9fb0f0000" });
    expect(schemaErrors(placed)).toEqual([]);
    expect(update.changes[0]?.patches[0]).not.toHaveProperty("oldAddress");
  });

  it("has its schemas among the package's exports, each made from a file in src", () => {
    for (const name of ["./schema.json", "./match.schema.json"] as const) {
      const path = pkg.exports[name].replace("./dist/", "src/contract/");
      expect(existsSync(join(ROOT, path)), path).toBe(true);
    }
  });
});
