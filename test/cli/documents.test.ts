import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCheck } from "../../src/cli/commands/check.ts";
import { runCompare } from "../../src/cli/commands/compare.ts";
import { runKexec } from "../../src/cli/commands/kexec.ts";
import { runMatch } from "../../src/cli/commands/match.ts";
import { runMerge } from "../../src/cli/commands/merge.ts";
import { FormatError, UnsupportedError, UsageError } from "../../src/errors.ts";
import { diffObjects, readObject, renderJson, toStatement, type UpdateDescription } from "../../src/index.ts";
import { FIXTURES, join } from "../support/paths.ts";

const folder = mkdtempSync(join(tmpdir(), "elfsplice-documents-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string): string => join(folder, name);
const quiet = { quiet: true, output: file("out"), format: "json" } as const;
const PAIR = ["live-update/series-subsystem/pre.o", "live-update/series-subsystem/post.o"] as const;
const VMLINUX = join(FIXTURES, "kexec/odd-segments/vmlinux");

/** Every command that takes an update description or a part of one, given a file; none of them has a reader of its own. */
const COMMANDS: Readonly<Record<string, (path: string) => Promise<number>>> = {
  check: (path) => runCheck(path, quiet),
  "compare, as the older one": (path) => runCompare(path, file("good.json"), quiet),
  "compare, as the newer one": (path) => runCompare(file("good.json"), path, quiet),
  match: (path) => runMatch([path], { ...quiet, run: join(FIXTURES, PAIR[0]) }),
  "kexec --participants": (path) => runKexec(VMLINUX, { ...quiet, participants: [path] }),
  merge: (path) => runMerge([path], { ...quiet, instructions: true }),
};
/** Those that take a whole description. */
const READERS = Object.entries(COMMANDS).filter(([name]) => name !== "merge");

beforeAll(async () => {
  const [pre, post] = PAIR.map((name) => join(FIXTURES, name)).map((path) => readObject(readFileSync(path), path));
  if (pre === undefined || post === undefined) throw new Error("no fixture");
  const update = await diffObjects(pre, post);
  const [change] = update.changes;
  if (change === undefined) throw new Error("the fixture changes nothing");
  const write = (name: string, value: unknown): void => writeFileSync(file(name), renderJson(value));
  write("good.json", update);
  write("good-without-ending", update);
  write("statement.json", toStatement(update));
  write("empty-change.json", { changes: [{}], objects: [] });
  write("empty.json", {});
  write("list.json", []);
  write("null.json", null);
  write("part-of-change.json", { ...update, changes: [{ ...change, newCode: {} }] });
  write("no-findings.json", { ...update, findings: undefined });
  write("participants.json", { ...update, liveUpdate: { participants: [{ name: 1 }] } });
  write("other-major.json", { ...update, schemaVersion: "7.0" });
  write("other-statement.json", { ...toStatement(update), predicateType: "urn:other" });
  write("stranger.json", withReplacement(update, "not-there"));
  writeFileSync(file("broken.json"), '{"schemaVersion":');
  writeFileSync(file("not-json.json"), "\x7fELF");
});

function withReplacement(update: UpdateDescription, replacement: string): UpdateDescription {
  const changes = update.changes.map((change) => ({
    ...change,
    patches: change.patches.map((patch) => ({ ...patch, replacement })),
  }));
  return { ...update, changes };
}

/** The refusal of a command: an error of ours, which ends it with status 2; a status where it did not refuse. */
async function refusal(command: (path: string) => Promise<number>, name: string): Promise<string> {
  try {
    return `status ${await command(file(name))}`;
  } catch (error) {
    if (error instanceof FormatError || error instanceof UnsupportedError || error instanceof UsageError)
      return error.message;
    throw error;
  }
}

describe.each(Object.entries(COMMANDS))("%s refuses in one line, with status 2", (_name, command) => {
  it.each([
    "empty.json",
    "empty-change.json",
    "list.json",
    "null.json",
    "broken.json",
    "not-json.json",
    "missing.json",
    "other-major.json",
    "other-statement.json",
  ])("%s", async (name) => {
    const line = await refusal(command, name);
    expect(line).toMatch(/^.*\.json: [^\n]+$/);
  });
});

describe.each(READERS)("%s holds a description against the schema", (name, command) => {
  it.each(["part-of-change.json", "no-findings.json", "participants.json"])("%s", async (path) => {
    const line = await refusal(command, path);
    // To say what is wrong is what check is for: it reports all of it, with status 1.
    if (name === "check") expect(line).toBe("status 1");
    else expect(line).toMatch(/^[^\n]*\$\.[^\n]+$/);
  });
  it("takes an in-toto statement, and a description whose name has no ending", async () => {
    expect(await refusal(command, "statement.json")).toBe(await refusal(command, "good.json"));
    expect(await refusal(command, "good-without-ending")).toBe(await refusal(command, "good.json"));
    expect(await refusal(command, "good.json")).toMatch(/^status/);
  });
});

describe("what follows references refuses those that lead nowhere", () => {
  it.each(["match", "kexec --participants"])("%s", async (name) => {
    const line = await refusal(COMMANDS[name] as (path: string) => Promise<number>, "stranger.json");
    expect(line).toMatch(/\$\.changes\[0\]\.patches\[0\]\.replacement: no section or symbol not-there/);
  });
});
