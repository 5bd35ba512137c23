import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, inject, it } from "vitest";
import { join } from "../support/paths.ts";
import { mainOf } from "../support/program-thread.ts";
import { sampled } from "../support/sample.ts";
import { CASES, type Case } from "./cases.ts";
import { called, execute, FORMS, lacking, MACHINES, type Machine } from "./execute.ts";

/** Set to try every case on every machine in every form; otherwise, in full runs, each case once, and each form has its turn. */
const isFull = process.env["EXECUTE_ALL"] !== undefined;
const ARCHES = process.env["EXECUTE_ARCH"]?.split(",") ?? (isFull ? Object.keys(MACHINES) : ["x86-64", "aarch64"]);

const HEAD = "#include <stdarg.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n";
const MAIN = `${HEAD}int level_of_main = 6; int run(int);
__attribute__((noinline)) int help_of_main(int n) { return n * n - level_of_main; }
int main(void) { for (int n = -2; n < 10; n++) { int r = run(n); printf("%d: %d\\n", n, r); } return 0; }
`;

function postOf({ source, edits, title }: Case): string {
  return edits.reduce((text, [before, after]) => {
    if (!text.includes(before)) throw new Error(`${title}: the source has no ${before}`);
    return text.replace(before, after);
  }, source);
}

describe("a patch, applied to the program that was linked before it", () => {
  const folder = mkdtempSync(join(tmpdir(), "elfsplice-executed-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const splice = called(mainOf(inject("program")));
  for (const arch of ARCHES) {
    const machine = MACHINES[arch] as Machine;
    const why = lacking(machine);
    for (const [i, entry] of sampled([...CASES.entries()], 5)) {
      if (!isFull && i % ARCHES.length !== ARCHES.indexOf(arch)) continue;
      for (const [j, form] of FORMS.entries()) {
        if (!isFull && j !== Math.floor(i / ARCHES.length) % FORMS.length) continue;
        if (entry.needsLookup && form.link.includes("-static")) continue;
        const title = `${entry.title}: ${arch} ${form.name}${why === undefined ? "" : ` (${why})`}`;
        it.skipIf(why !== undefined)(title, async () => {
          const files = [
            { name: "part", pre: `${HEAD}${entry.source}\n`, post: `${HEAD}${postOf(entry)}\n` },
            { name: "main", pre: MAIN, post: MAIN },
          ];
          const outcome = await execute(splice, machine, form, { files }, join(folder, `${arch}-${i}-${j}`), ["-O2"]);
          if (entry.refused === undefined) expect(outcome).toEqual({ kind: "as-post", why: "" });
          else {
            expect(outcome.kind).not.toBe("as-post");
            expect(outcome.why).toMatch(entry.refused);
          }
        });
      }
    }
  }
});
