import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { UpdateDescription } from "../../src/index.ts";
import { FIXTURES, join, ROOT } from "../support/paths.ts";
import { needPrograms } from "../support/tools.ts";
import { linesOf, objectOf, pairOf, useProgram } from "./program.ts";

const { run, folder, bundle } = useProgram();
const golden = (name: string): string => join(FIXTURES, name, "expected.json");
const parsed = (name: string): UpdateDescription => JSON.parse(readFileSync(golden(name), "utf8"));

/** Writes a document beside nothing else; returns its path. */
function written(value: unknown): string {
  const file = join(folder(), "update.json");
  writeFileSync(file, typeof value === "string" ? value : JSON.stringify(value));
  return file;
}

/** A folder with the two objects of a fixture in it, as its description calls them. */
function rootOf(name: string): string {
  const place = folder();
  for (const side of ["pre.o", "post.o"]) cpSync(join(FIXTURES, name, side), join(place, side));
  return place;
}

describe("a sound description", () => {
  it("is one line on standard output and nothing else", () => {
    const { status, stdout, stderr } = run(["check", golden("text/body")]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(linesOf(stdout)).toEqual([expect.stringMatching(/^ok: ksplice_\w+: 1 function, 1 patch, verdict splice$/)]);
  });

  it.each([[["--contents"]], [["--statement"]], [["--old-code", "all"]]])("is what diff %j prints", (options) => {
    const file = join(folder(), "update.json");
    run(["diff", ...pairOf("loop-driver/ioctl"), "--output", file, ...options]);
    const { status, stdout } = run(["check", file, "--root", "."]);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^ok: .*2 object files as described/)]);
  });

  it("comes on standard input too", () => {
    const input = readFileSync(golden("text/body"));
    const { status, stdout } = spawnSync(process.execPath, [bundle(), "check", "-"], { input, encoding: "utf8" });
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^ok: /)]);
  });

  it("--format json says so in JSON", () => {
    const { status, stdout, stderr } = run(["check", golden("text/body"), "--format", "json"]);
    expect([status, stderr, JSON.parse(stdout)]).toEqual([0, "", { ok: true, problems: [] }]);
  });
});

describe("something other than a description: one line, status 2, nothing on standard output", () => {
  const envelope = { payloadType: "application/vnd.in-toto+json", payload: "e30=", signatures: [] };
  const statement = { _type: "https://in-toto.io/Statement/v1", subject: [], predicateType: "x:y", predicate: {} };
  it.each<[teaches: string, content: unknown, problem: RegExp]>([
    ["an empty file", "", /not JSON/],
    ["half a description", readFileSync(golden("text/body"), "utf8").slice(0, 1000), /not JSON/],
    ["a list", [], /not an update description/],
    ["null", "null", /not an update description/],
    ["other JSON", { name: "elfsplice", version: "1.0.0" }, /not an update description/],
    ["another major version", { ...parsed("text/body"), schemaVersion: "2.0" }, /of version 2\.0; .* knows 1\.x/],
    ["a signed envelope", envelope, /a signed envelope: verify its signature/],
    ["a statement about something else", statement, /an in-toto statement about x:y/],
    ["a statement of another version", { ...statement, _type: "https://in-toto.io/Statement/v2" }, /Statement\/v2/],
  ])("%s", (_teaches, content, problem) => {
    const file = written(content);
    for (const format of ["text", "json"]) {
      const { status, stdout, stderr } = run(["check", file, "--format", format]);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(linesOf(stderr)).toEqual([expect.stringMatching(problem)]);
      expect(stderr).toContain(file);
    }
  });

  it.each([
    ["absent.json", /absent\.json: cannot be read: no such file/],
    ["fixtures", /fixtures: a directory; a JSON document is needed/],
  ])("%s", (path, problem) => {
    const { status, stdout, stderr } = run(["check", path]);
    expect([status, stdout, linesOf(stderr)]).toEqual([2, "", [expect.stringMatching(problem)]]);
  });
});

describe("problems: one line each on standard error, status 1", () => {
  it("of the schema: path and what is wrong, and then nothing else is looked at", () => {
    const update = parsed("text/body");
    const file = written({ ...update, changes: [{ ...update.changes[0], patches: [{ type: "text" }] }] });
    const { status, stdout, stderr } = run(["check", file]);
    expect([status, stdout]).toEqual([1, ""]);
    expect(linesOf(stderr)[0]).toBe(
      "elfsplice: schema: $.changes[0].patches[0].oldLabel: expected string, received undefined",
    );
  });

  it("twenty of them, and how many more there are; all of them in JSON", () => {
    const file = written({ ...parsed("text/body"), exports: Array.from({ length: 30 }, () => 1) });
    const { stderr, status } = run(["check", file]);
    expect([status, linesOf(stderr).length, linesOf(stderr)[20]]).toEqual([1, 21, "elfsplice: and 10 more"]);
    expect(JSON.parse(run(["check", file, "--format", "json"]).stdout).problems).toHaveLength(30);
  });

  it("very many of them are no reason to fail in another way", () => {
    const row = { class: "line-number", label: "f", object: 9, pre: "1", post: "2", evidence: "" };
    const file = written({ ...parsed("text/body"), noise: Array.from({ length: 300_000 }, () => row) });
    const { status, stderr } = run(["check", file]);
    expect([status, linesOf(stderr).at(-1)]).toEqual([1, "elfsplice: and 299980 more"]);
  });

  it("of a reference, also with its path in a statement", () => {
    const update = parsed("text/body");
    const broken = { ...update, functions: update.functions.map((one) => ({ ...one, object: 5 })) };
    expect(linesOf(run(["check", written(broken)]).stderr)).toEqual([
      "elfsplice: reference: $.functions[0].object: no object 5: there are 1",
    ]);
    const { stdout } = run(["diff", ...pairOf("text/body"), "--statement", "--quiet"]);
    const statement = JSON.parse(stdout);
    statement.predicate.functions[0].object = 5;
    statement.subject.pop();
    const { stderr } = run(["check", written(statement)]);
    expect(linesOf(stderr)).toEqual([
      expect.stringMatching(/^elfsplice: statement: \$\.subject: .* is missing$/),
      "elfsplice: reference: $.predicate.functions[0].object: no object 5: there are 1",
    ]);
  });

  it("--quiet leaves only the status", () => {
    const file = written({ ...parsed("text/body"), id: "other" });
    expect(run(["check", file, "--quiet"])).toEqual({ status: 1, stdout: "", stderr: "" });
  });

  it("names in the document do not reach the terminal as they are", () => {
    const file = written({ ...parsed("text/body"), id: "\u001b[31m\nok: all is well" });
    const { stderr, status } = run(["check", file]);
    expect([status, linesOf(stderr).length]).toEqual([1, 1]);
    expect(stderr).toContain("\\x1b[31m\\x0aok");
  });
});

describe("--root holds the objects against the description", () => {
  it("which they are", () => {
    const { status, stdout } = run(["check", golden("text/body"), "--root", rootOf("text/body")]);
    expect([status, stdout]).toEqual([0, expect.stringContaining("2 object files as described")]);
  });

  it.each<[teaches: string, spoils: (root: string) => void, problem: RegExp]>([
    ["one is missing", (root) => rmSync(join(root, "pre.o")), /\$\.objects\[0\]\.pre\.path: pre\.o: no such file/],
    [
      "one has a byte more",
      (root) => writeFileSync(join(root, "post.o"), "x", { flag: "a" }),
      /\$\.objects\[0\]\.post\.size: post\.o: \d+ bytes, described as \d+$/,
    ],
    [
      "one has another byte",
      (root) => {
        const bytes = readFileSync(join(root, "post.o"));
        bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
        writeFileSync(join(root, "post.o"), bytes);
      },
      /\$\.objects\[0\]\.post\.sha256: post\.o: has another SHA-256 than the one described/,
    ],
    [
      "one is a folder",
      (root) => {
        rmSync(join(root, "pre.o"));
        mkdirSync(join(root, "pre.o"));
      },
      /pre\.path: pre\.o: not a regular file$/,
    ],
  ])("%s", (_teaches, spoils, problem) => {
    const root = rootOf("text/body");
    spoils(root);
    const { status, stdout, stderr } = run(["check", golden("text/body"), "--root", root]);
    expect([status, stdout, linesOf(stderr)]).toEqual([1, "", [expect.stringMatching(problem)]]);
  });

  it.runIf(process.platform !== "win32").each<[teaches: string, path: string, prepare: (root: string) => void]>([
    ["by ..", "../outside.o", () => {}],
    ["by a link", "link.o", (root) => symlinkSync("../outside.o", join(root, "link.o"))],
    ["by a linked folder", "up/outside.o", (root) => symlinkSync("..", join(root, "up"))],
  ])(
    "a path that leads out of the root %s is a problem, and nothing is told of what is there",
    (_way, path, prepare) => {
      const root = rootOf("text/body");
      writeFileSync(join(root, "../outside.o"), readFileSync(join(root, "pre.o")));
      prepare(root);
      const update = parsed("text/body");
      const [pair] = update.objects;
      const file = written({ ...update, objects: [{ ...pair, pre: { ...pair?.pre, path } }] });
      const { status, stderr } = run(["check", file, "--root", root]);
      expect([status, linesOf(stderr)]).toEqual([
        1,
        [expect.stringMatching(/pre\.path: .*: its path leads out of the folder given with --root$/)],
      ]);
    },
  );

  it.runIf(existsSync("/dev/zero"))("a device or a FIFO in the place of an object is not read", ({ skip }) => {
    needPrograms(skip, "mkfifo");
    const root = rootOf("text/body");
    rmSync(join(root, "pre.o"));
    expect(spawnSync("mkfifo", [join(root, "pre.o")]).status).toBe(0);
    const { status, stderr } = run(["check", golden("text/body"), "--root", root]);
    expect([status, linesOf(stderr)]).toEqual([1, [expect.stringMatching(/pre\.o: not a regular file$/)]]);
    const update = parsed("text/body");
    const [pair] = update.objects;
    for (const path of ["/dev/zero", join(root, "pre.o")]) {
      const file = written({ ...update, objects: [{ ...pair, pre: { ...pair?.pre, path } }] });
      const match = run(["match", file, "--run", objectOf("text/body")]);
      expect([match.status, linesOf(match.stderr)]).toEqual([
        2,
        [expect.stringContaining(`${path}: not a regular file`)],
      ]);
    }
    expect(linesOf(run(["check", "/dev/zero"]).stderr)).toEqual([
      "elfsplice: /dev/zero: a device; a JSON document is needed",
    ]);
  });

  it("an absolute path is under no root", () => {
    const update = parsed("text/body");
    const [pair] = update.objects;
    const absolute = { ...pair, pre: { ...pair?.pre, path: join(FIXTURES, "text/body/pre.o") } };
    const place = rootOf("text/body");
    rmSync(join(place, "pre.o"));
    expect(run(["check", written({ ...update, objects: [absolute] }), "--root", place]).status).toBe(0);
  });

  it("a root that is none is wrong usage", () => {
    for (const root of ["absent", "package.json"]) {
      const { status, stdout, stderr } = run(["check", golden("text/body"), "--root", root]);
      expect([status, stdout, linesOf(stderr)]).toEqual([2, "", [expect.stringContaining(`--root ${root}: `)]]);
    }
  });

  it("a member of an archive that is not there is a problem", () => {
    const update = parsed("text/body");
    const [pair] = update.objects;
    const file = written({ ...update, objects: [{ ...pair, pre: { ...pair?.pre, path: "lib.a", member: "x.o" } }] });
    const { status, stderr } = run(["check", file, "--root", ROOT]);
    expect([status, linesOf(stderr)]).toEqual([
      1,
      expect.arrayContaining([expect.stringMatching(/lib\.a\(x\.o\): no such file/)]),
    ]);
  });
});

describe("gates", () => {
  const refused = golden("init/init-text-refused");
  it.each<[teaches: string, file: string, options: string[], lines: RegExp[]]>([
    ["met", golden("text/body"), ["--require", "splice", "--max-functions", "1", "--allow-targets", "a,vmlinux"], []],
    ["a rung", refused, ["--require", "splice"], [/^elfsplice: gate require: splice is needs-work/]],
    ["a severity", refused, ["--fail-on", "error"], [/^elfsplice: gate fail-on: error: init-text-changed: /]],
    [
      "targets, the option given twice",
      refused,
      ["--allow-targets", "a, b", "--allow-targets", "c"],
      [/allowed: a, b, c$/],
    ],
    [
      "several: every one is told",
      golden("text/body"),
      ["--require", "none", "--max-functions", "0", "--allow-targets", "loop"],
      [/gate require/, /gate max-functions: 1 functions?, 0 allowed/, /gate allow-targets: changes vmlinux/],
    ],
  ])("%s", (_teaches, file, options, lines) => {
    const { status, stdout, stderr } = run(["check", file, ...options]);
    expect(status).toBe(lines.length === 0 ? 0 : 1);
    expect(stdout === "").toBe(lines.length > 0);
    expect(stderr === "" ? [] : linesOf(stderr)).toEqual(lines.map((line) => expect.stringMatching(line)));
  });

  it("--format json tells them too, without a path", () => {
    const { status, stdout } = run(["check", refused, "--require", "none", "--format", "json"]);
    const { ok, problems } = JSON.parse(stdout);
    expect([status, ok, problems]).toEqual([1, false, [{ check: "require", message: expect.any(String) }]]);
  });

  it.each([
    [
      "a code that is none, with those that are near",
      ["--fail-on", "init-text-chnged"],
      /did you mean init-text-changed/,
    ],
    ["a code like no other", ["--fail-on", "qqqqqqqq"], /give error, warning, note, or a code/],
    ["a count that is none", ["--max-functions", "-1"], /--max-functions -1: not a whole number/],
    ["a rung that is none", ["--require", "reboot"], /Allowed choices are none, splice,/],
  ])("%s: wrong usage", (_teaches, options, problem) => {
    const { status, stdout, stderr } = run(["check", refused, ...options]);
    expect([status, stdout]).toEqual([2, ""]);
    expect(linesOf(stderr)[0]).toMatch(problem);
  });
});

describe("diff --statement", () => {
  it("is the same on standard output and in a file, and another document than without", () => {
    const file = join(folder(), "statement.json");
    const { stdout } = run(["diff", ...pairOf("text/body"), "--quiet", "--statement"]);
    expect(run(["diff", ...pairOf("text/body"), "--quiet", "--statement", "-o", file]).status).toBe(0);
    expect(readFileSync(file, "utf8")).toBe(stdout);
    expect(JSON.parse(stdout).predicate).toEqual(JSON.parse(run(["diff", ...pairOf("text/body"), "-q"]).stdout));
  });

  it("is JSON only", () => {
    const { status, stdout, stderr } = run(["diff", ...pairOf("text/body"), "--statement", "--format", "text"]);
    expect([status, stdout, linesOf(stderr)]).toEqual([2, "", [expect.stringContaining("--statement is JSON")]]);
  });
});
