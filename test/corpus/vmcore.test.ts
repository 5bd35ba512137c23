import { spawnSync } from "node:child_process";
import { closeSync, openSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeVmcore } from "../support/elf-vmcore.ts";
import { matchFiles } from "../support/match-objects.ts";
import { CORPUS, HAS_CORPUS, join, objectsBelow } from "../support/paths.ts";
import { HAS_RUN_IMAGE, unpackRunImage } from "../support/run-image.ts";
import { isInstalled } from "../support/tools.ts";

describe.skipIf(!HAS_RUN_IMAGE || !HAS_CORPUS)(
  "real objects against a core of the kernel they were linked into (skipped where the corpus is absent)",
  () => {
    const objects = HAS_CORPUS ? objectsBelow(join(CORPUS, "kernel-pairs/34-big-object/pre")) : [];
    const counts = { text: 374, matched: 374, ambiguous: 0, unmatched: 0, overridden: 0 };
    let run: ReturnType<typeof unpackRunImage>;
    let core: string;
    beforeAll(() => {
      run = unpackRunImage();
      core = join(run.folder, "vmcore");
      writeVmcore(run.vmlinux, run.systemMap, core);
    }, 60_000);
    afterAll(() => rmSync(run.folder, { recursive: true, force: true }));

    it("needs neither System.map nor vmlinux: the kernel lists its symbols itself", () => {
      const result = matchFiles(objects, { run: core });
      expect(result).toMatchObject({ outcome: "matched", counts, run: { kind: "core", release: "6.1.192" } });
      const other = matchFiles(objects, { run: run.vmlinux, systemMap: run.systemMap });
      const places = (of: typeof result) => of.sections.map(({ label, runAddress }) => [label, runAddress]);
      expect(places(result)).toEqual(places(other));
    });

    it.skipIf(!isInstalled("makedumpfile")).each([
      ["zlib", ["-c", "-d", "0"]],
      ["lzo, without pages of zeros", ["-l", "-d", "1"]],
      ["zlib, flattened", ["-F", "-c", "-d", "0"]],
      ["ELF, flattened", ["-F", "-E", "-d", "0"]],
    ])(
      "matches what makedumpfile makes of it: %s (skipped where it is absent)",
      (_how, options) => {
        const path = join(run.folder, "dump");
        const toPipe = options.includes("-F");
        const out = openSync(path, "w");
        const { status } = spawnSync("makedumpfile", [...options, core, ...(toPipe ? [] : ["-f", path])], {
          stdio: ["ignore", toPipe ? out : "ignore", "ignore"],
        });
        closeSync(out);
        expect(status).toBe(0);
        expect(matchFiles(objects, { run: path })).toMatchObject({ outcome: "matched", counts });
        rmSync(path);
      },
      60_000,
    );
  },
);
