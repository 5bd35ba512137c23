import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { join } from "../support/paths.ts";
import { IS_FULL, sampled } from "../support/sample.ts";
import { COMPILERS, compareForms, compilerFor, type FormOutcome } from "./forms.ts";

/** Set by `npm run forms`: how many programs of which seeds on which architectures. */
const FIRST = Number(process.env["FORMS_SEED"] ?? 1);
const COUNT = Number(process.env["FORMS_COUNT"] ?? (IS_FULL ? 4 : 1));
const ARCHES = process.env["FORMS_ARCH"]?.split(",") ?? sampled(Object.keys(COMPILERS), 8);
const KEEP = process.env["FORMS_KEEP"];
const isSample = process.env["FORMS_COUNT"] === undefined;

describe("a random program with a random patch names the same functions in every form", () => {
  const folder = KEEP ?? mkdtempSync(join(tmpdir(), "elfsplice-forms-"));
  for (const arch of ARCHES) {
    const compiler = compilerFor(arch);
    const title = `${arch}, ${COUNT} programs from seed ${FIRST}`;
    it.skipIf(compiler === undefined)(
      `${title} (skipped where no compiler links a program)`,
      { timeout: 36e5 },
      async () => {
        const counts = new Map<string, Count>();
        const words: string[] = [];
        for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
          const own = join(folder, `${arch}-${seed}`);
          for (const outcome of await compareForms(compiler ?? [], seed, own)) note(outcome, seed, counts, words);
          if (KEEP === undefined) rmSync(own, { recursive: true, force: true });
        }
        if (!isSample) {
          console.log(words.join("\n"));
          for (const [form, { programs, missed, unwitnessed, more }] of counts) {
            const counted = `missed in ${missed}, objects say more in ${unwitnessed}, more in ${more}`;
            console.log(`TOTAL ${arch} ${form}: ${programs} programs, ${counted}`);
          }
        }
        expect(words.filter((line) => line.includes(" missed: "))).toEqual([]);
      },
    );
  }
});

interface Count {
  programs: number;
  missed: number;
  unwitnessed: number;
  more: number;
}

function note(outcome: FormOutcome, seed: number, counts: Map<string, Count>, words: string[]): void {
  const { form } = outcome;
  const count = counts.get(form) ?? { programs: 0, missed: 0, unwitnessed: 0, more: 0 };
  counts.set(form, count);
  count.programs++;
  for (const kind of ["missed", "unwitnessed", "more"] as const) {
    if (outcome[kind].length === 0) continue;
    count[kind]++;
    words.push(`seed ${seed} ${form} ${kind}: ${outcome[kind].join(", ")}`);
  }
}
