import { writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { UpdateDescription } from "../../src/index.ts";
import { listPairs } from "../../src/input/listing/pairs.ts";
import { useProgram } from "../cli/program.ts";
import { join } from "../support/paths.ts";
import { syntheticPair } from "./synthetic-pair.ts";
import { buildTree } from "./tree.ts";

const { run, folder } = useProgram();
const COUNT = 50;

it("the benchmark's objects hold what they say, and differ in exactly one function", () => {
  const place = folder();
  const { pre, post, changed } = syntheticPair(COUNT);
  const paths = [join(place, "pre.o"), join(place, "post.o")] as const;
  writeFileSync(paths[0], pre);
  writeFileSync(paths[1], post);
  const { functions, data, exports, findings, verdict } = JSON.parse(
    run(["diff", ...paths]).stdout,
  ) as UpdateDescription;
  expect(functions.map(({ name, status, entry }) => [name, status, entry.kind])).toEqual([
    [changed, "changed", "fentry"],
  ]);
  expect({ data, exports, findings, recommended: verdict.recommended }).toEqual({
    data: [],
    exports: [],
    findings: [],
    recommended: "splice",
  });
  const inspection = JSON.parse(run(["inspect", paths[0], "--format", "json"]).stdout);
  expect(inspection.functions).toHaveLength(COUNT);
  expect(inspection.tables).toMatchObject([{ section: "__bug_table", owned: COUNT, owners: COUNT }]);
});

it("the benchmark's trees have the size that was asked for, and differ where they say", () => {
  const { pre, post, objects, bytes, differ } = buildTree(folder(), { objects: 60, differing: 4, megabytes: 3 });
  const { tasks } = listPairs(pre, post);
  expect([tasks.length, objects, differ.length]).toEqual([60, 60, 4]);
  expect(bytes / 3e6).toBeCloseTo(1, 0);
  const settled = tasks.filter(({ same }) => same === false).map(({ key }) => key);
  expect(settled).toEqual([...differ].sort());
});
