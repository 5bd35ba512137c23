import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, inject, it } from "vitest";
import { join } from "../support/paths.ts";
import { mainOf } from "../support/program-thread.ts";
import { IS_FULL } from "../support/sample.ts";
import { called, execute, FORMS, lacking, MACHINES, type Machine, type Outcome } from "./execute.ts";
import { randomSources } from "./random.ts";

/** Set by `npm run proof`: how many programs from which seed on which architectures. */
const FIRST = Number(process.env["PROOF_SEED"] ?? 1);
const COUNT = Number(process.env["PROOF_COUNT"] ?? (IS_FULL ? 8 : 1));
const ARCHES = process.env["PROOF_ARCH"]?.split(",") ?? ["x86-64"];
const KEEP = process.env["PROOF_KEEP"];
const isSample = process.env["PROOF_COUNT"] === undefined;
/** How kpatch and Ksplice have a kernel built; every tenth run of programs has what compilers do by themselves. */
const SECTIONS = ["-ffunction-sections", "-fdata-sections"];
const OPTIMIZE = ["-O2", "-O0", "-O1", "-Os", "-O3"];

describe("a random patch, applied to a random program, makes it do what the new source says", () => {
  const folder = KEEP ?? mkdtempSync(join(tmpdir(), "elfsplice-proof-"));
  const splice = called(mainOf(inject("program")));
  for (const arch of ARCHES) {
    const machine = MACHINES[arch] as Machine;
    const why = lacking(machine);
    const title = `${arch}, ${COUNT} programs from seed ${FIRST}${why === undefined ? "" : ` (${why})`}`;
    it.skipIf(why !== undefined)(title, { timeout: 36e5 }, async () => {
      const words: string[] = [];
      const counts = new Map<Outcome["kind"], number>();
      for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
        const form = FORMS[seed % FORMS.length] as (typeof FORMS)[number];
        const flag = OPTIMIZE[Math.floor(seed / FORMS.length) % OPTIMIZE.length] as string;
        const flags = Math.floor(seed / (FORMS.length * OPTIMIZE.length)) % 10 === 0 ? [flag] : [flag, ...SECTIONS];
        const own = join(folder, `${arch}-${seed}`);
        const { patch, files } = randomSources(seed);
        const { kind, why: reason } = await execute(splice, machine, form, { files }, own, flags);
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
        if (kind !== "as-post")
          words.push(`${kind}: ${arch} seed ${seed} ${form.name} ${flags.join(" ")} (${patch}): ${reason}`);
        if (KEEP === undefined || kind === "as-post") rmSync(own, { recursive: true, force: true });
      }
      if (!isSample)
        console.log([...words, `TOTAL ${arch}: ${[...counts].map(([k, n]) => `${k} ${n}`).join(", ")}`].join("\n"));
      expect(words.filter((line) => /^(wrong|not-reversed|not-applied|value-missing)/.test(line))).toEqual([]);
    });
  }
});
