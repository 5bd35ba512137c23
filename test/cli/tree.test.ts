import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { integrityProblems, renderJson, type UpdateDescription } from "../../src/index.ts";
import { syntheticPair } from "../bench/synthetic-pair.ts";
import { buildAr } from "../support/ar-builder.ts";
import { treeFragments } from "../support/many-pairs.ts";
import { join } from "../support/paths.ts";
import { type Files, useTrees } from "../support/trees.ts";
import { linesOf, objectOf, useProgram } from "./program.ts";

const { run, runProcess, folder } = useProgram();
const makeTree = useTrees();
const PRE = readFileSync(objectOf("text/body"));
const POST = readFileSync(objectOf("text/body", "post"));
const OTHER = readFileSync(objectOf("statics/renamed", "pre"));

let count = 0;
/** A folder with `pre` and `post`, in which programs are run. */
function trees(pre: Files, post: Files): string {
  const name = `t${count++}`;
  makeTree(`${name}/pre`, pre);
  return join(makeTree(`${name}/post`, post), "..");
}

function diff(cwd: string, ...args: string[]) {
  const { status, stdout, stderr } = run(["diff", "pre", "post", ...args], { cwd });
  return { status, stderr, stdout, update: () => JSON.parse(stdout) as UpdateDescription };
}

const statuses = ({ objects }: UpdateDescription) => objects.map(({ name, target, status }) => [name, target, status]);
const findings = (update: UpdateDescription) => update.findings.map(({ code, where }) => [code, where.name]);

describe("two trees", () => {
  const sides: [Files, Files] = [
    {
      "a.o": PRE,
      "same.o": PRE,
      "gone.o": OTHER,
      "drivers/m.ko": PRE,
      "notes.txt": "x",
      "lib.a": buildAr([{ name: "x.o/", contents: PRE }]),
    },
    {
      "a.o": POST,
      "same.o": PRE,
      "new.o": OTHER,
      "drivers/m.ko": POST,
      "notes.txt": "y",
      "lib.a": buildAr([{ name: "x.o/", contents: POST }]),
    },
  ];

  it("are one description, with what was added, removed and left the same, and each module a change of its own", () => {
    const { status, update, stderr } = diff(trees(...sides));
    expect(status).toBe(0);
    expect(statuses(update())).toEqual([
      ["a.o", "vmlinux", "changed"],
      ["drivers/m.ko", "m", "changed"],
      ["gone.o", "vmlinux", "removed"],
      ["lib.a(x.o)", "vmlinux", "changed"],
      ["new.o", "vmlinux", "added"],
      ["same.o", "vmlinux", "identical"],
    ]);
    expect(update().changes.map(({ target }) => target)).toEqual(["m", "vmlinux"]);
    expect(update().objects[0]?.pre).toMatchObject({ path: "pre/a.o", size: PRE.length });
    expect(integrityProblems(update())).toEqual([]);
    const [first = ""] = linesOf(stderr);
    expect(first).toMatch(/^elfsplice: 6 objects \(3 changed, 1 added, 1 removed, 1 identical\), verdict: /);
    expect(linesOf(stderr).length).toBeLessThanOrEqual(10);
  });

  it("give the same bytes for every number of threads", () => {
    const cwd = trees(...sides);
    const outputs = ["1", "2", "5"].map((jobs) => diff(cwd, "--jobs", jobs).stdout);
    expect(new Set(outputs).size).toBe(1);
    expect(diff(cwd).stdout).toBe(outputs[0]);
  });

  it("pass check with --root, their members and compressed modules too", () => {
    const cwd = trees(
      { ...sides[0], "z.ko.gz": gzipSync(PRE), "y.ko.gz": gzipSync(PRE, { level: 1 }) },
      { ...sides[1], "z.ko.gz": gzipSync(POST), "y.ko.gz": gzipSync(PRE, { level: 9 }) },
    );
    for (const [args, words] of [
      [[], "10 object files as described, 4 checked by size only (no hash: see diff --hashes)"],
      [["--hashes"], "14 object files as described, verdict"],
      [["--statement"], "14 object files as described, verdict"],
    ] as const) {
      expect(diff(cwd, ...args, "-o", "u.json").status).toBe(0);
      const { status, stderr, stdout } = run(["check", "u.json", "--root", "."], { cwd });
      expect([status, stderr]).toEqual([0, ""]);
      expect(stdout).toContain(words);
    }
    writeFileSync(join(cwd, "pre/lib.a"), buildAr([{ name: "x.o/", contents: OTHER }]));
    writeFileSync(join(cwd, "pre/z.ko.gz"), gzipSync(OTHER));
    const { status, stderr } = run(["check", "u.json", "--root", "."], { cwd });
    expect(status).toBe(1);
    expect(linesOf(stderr)).toEqual([
      expect.stringContaining("pre/lib.a(x.o): "),
      expect.stringContaining("pre/z.ko.gz: "),
    ]);
  });

  it("hold what the library makes of the same pairs", () => {
    for (const tree of ["moved", "conflict-refused"]) {
      const place = `fixtures/trees/${tree}`;
      const { stdout, status } = run([
        "diff",
        `${place}/pre`,
        `${place}/post`,
        "--target",
        "drivers/disk.o=disk",
        "--target",
        "drivers/tape.o=tape",
        "--target",
        "drivers/spin.o=spin",
      ]);
      expect(status).toBe(0);
      const update = JSON.parse(stdout) as UpdateDescription;
      const names = treeFragments(tree).map(({ name, target }) => [name, target]);
      expect(update.objects.map(({ name, target }) => [name, target]).sort()).toEqual(names.sort());
      expect(integrityProblems(update)).toEqual([]);
    }
  });

  it("of which nothing differs have the architecture of their objects, and no change", () => {
    const { update, stderr } = diff(trees({ "a.o": PRE, "b.o": OTHER }, { "a.o": PRE, "b.o": OTHER }), "--exit-code");
    expect([update().arch.name, update().changes, update().verdict.recommended]).toEqual(["x86_64", [], "none"]);
    expect(stderr).toContain("no function or data of the running system has to change");
  });

  it("tell in text what changed, with instructions, and count what is the same", () => {
    const { stdout } = diff(trees(...sides), "--format", "text", "-q");
    expect(stdout).toContain("pre/lib.a(x.o) → post/lib.a(x.o)  changed\n");
    expect(stdout).toContain("1 object is the same on both sides\n");
    expect(stdout).not.toContain("same.o →");
    expect(stdout.match(/~ \+0x0 {3}cmp {4}\$0x64,%esi │ \+0x0 {3}cmp {4}\$0x5a,%esi/g)).toHaveLength(3);
  });
});

describe("what of a tree is compared", () => {
  const both = (files: Files): [Files, Files] => [files, files];
  it.each([
    ["--include", ["--include", "a/**"], ["a/x.o"], 2],
    ["--exclude", ["--exclude", "**/y.o", "--exclude", "z.o"], ["a/x.o"], 2],
    ["--only-targets", ["--only-targets", "b,c", "--target", "b/*=b"], ["b/y.o"], 2],
  ])("%s: the rest is counted", (_option, args, names, count) => {
    const { update } = diff(trees(...both({ "a/x.o": PRE, "b/y.o": PRE, "z.o": PRE })), ...args);
    expect(update().objects.map(({ name }) => name)).toEqual(names);
    expect(update().findings.map(({ code, message }) => [code, message])).toEqual([
      [
        "files-left-out",
        expect.stringMatching(new RegExp(`^${count} files? (is|are) left out as asked for: ${count} by `)),
      ],
    ]);
  });

  it("files that are no objects although they look so, files whose code others hold, and links are told", () => {
    const files = { "a.o": PRE, "bad.o": "text", "a.ko": PRE, "m.mod": "a.o\n" };
    const { update, stderr } = diff(trees(...both(files)));
    expect(update().objects.map(({ name }) => name)).toEqual(["a.o"]);
    expect(findings(update())).toEqual([
      ["file-skipped", "bad.o"],
      ["files-covered", undefined],
    ]);
    expect(stderr).toContain("1 file is not compared, as others hold the same code\n");
  });

  it("a damaged object that differs is a finding, one that is the same on both sides is none", () => {
    const damaged = PRE.subarray(0, 200);
    const files: [Files, Files] = [
      { "a.o": PRE, "d.o": damaged, "e.o": damaged, "f.ko.gz": gzipSync(PRE).subarray(0, 90) },
      { "a.o": POST, "d.o": PRE, "e.o": damaged, "f.ko.gz": gzipSync(PRE) },
    ];
    const { status, update } = diff(trees(...files));
    expect([status, findings(update()).filter(([code]) => code === "object-unreadable")]).toEqual([
      0,
      [
        ["object-unreadable", "d.o"],
        ["object-unreadable", "f.ko"],
      ],
    ]);
    expect(update().verdict.rungs.find(({ rung }) => rung === "splice")?.status).toBe("needs-work");
    expect(integrityProblems(update())).toEqual([]);
  });

  it("an object of several modules: its change is in the first, which is said", () => {
    const mods = { "one.mod": "x.o\n", "two.mod": "x.o\n" };
    const { update } = diff(trees({ ...mods, "x.o": PRE }, { ...mods, "x.o": POST }));
    expect(statuses(update())).toEqual([["x.o", "one", "changed"]]);
    expect(update().findings.map(({ code, message }) => [code, message])).toEqual([
      ["object-in-several", expect.stringContaining("one, two")],
    ]);
  });

  it("a suppression file: what it names is described and left alone; an unused rule is a finding", () => {
    const cwd = trees({ "a.o": PRE, "b.o": PRE }, { "a.o": POST, "b.o": POST });
    writeFileSync(join(cwd, "rules"), "object a.o: known\nfunction nothing: never\n");
    const { update } = diff(cwd, "--suppress", "rules");
    expect(update().objects.map(({ suppressed }) => suppressed)).toEqual(["known", undefined]);
    expect(findings(update()).map(([code]) => code)).toContain("suppression-unused");
    writeFileSync(join(cwd, "rules"), "function x\n");
    expect(diff(cwd, "--suppress", "rules")).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^elfsplice: rules:1: /),
    });
    expect(diff(cwd, "--suppress", "none").stderr).toMatch(/^elfsplice: none: cannot be read: no such file/);
  });
});

describe("two files", () => {
  it("a suppression file and targets work for two objects, too", () => {
    const cwd = trees({ "a.o": PRE }, { "a.o": POST });
    writeFileSync(join(cwd, "rules"), "function *: known\n");
    const args = ["diff", "pre/a.o", "post/a.o"];
    const update = JSON.parse(
      run([...args, "--suppress", "rules", "--target", "*.o=loop"], { cwd }).stdout,
    ) as UpdateDescription;
    expect([update.changes, update.functions[0]?.suppressed, update.objects[0]?.target]).toEqual([[], "known", "loop"]);
  });

  it("compressed modules are described by what they hold: unpacked, they give the same but for their paths", () => {
    const cwd = trees({ "a.ko": PRE, "a.ko.gz": gzipSync(PRE) }, { "a.ko": POST, "a.ko.gz": gzipSync(POST) });
    const [plain, packed] = ["a.ko", "a.ko.gz"].map(
      (name) => run(["diff", `pre/${name}`, `post/${name}`], { cwd }).stdout,
    );
    const named = JSON.parse(packed as string) as UpdateDescription;
    expect(named.objects[0]).toMatchObject({ name: "a.ko", target: "a" });
    expect(packed?.replaceAll(".ko.gz", ".ko").replace('      "name": "a.ko",\n', "")).toBe(plain);
  });

  it("archives are paired by their members", () => {
    const cwd = trees(
      {
        "l.a": buildAr([
          { name: "x.o/", contents: PRE },
          { name: "y.o/", contents: PRE },
        ]),
      },
      {
        "l.a": buildAr([
          { name: "y.o/", contents: POST },
          { name: "z.o/", contents: PRE },
        ]),
      },
    );
    const update = JSON.parse(run(["diff", "pre/l.a", "post/l.a"], { cwd }).stdout) as UpdateDescription;
    expect(statuses(update)).toEqual([
      ["l.a(x.o)", "vmlinux", "removed"],
      ["l.a(y.o)", "vmlinux", "changed"],
      ["l.a(z.o)", "vmlinux", "added"],
    ]);
  });
});

describe("refusals: one line, status 2, nothing on standard output", () => {
  const cwd = (): string => trees({ "a.o": PRE, "only.txt": "x" }, { "a.o": POST });
  it.each([
    ["a folder and a file", ["diff", "pre", "post/a.o"], /pre is a folder, post\/a.o is not/],
    ["an empty choice", ["diff", "pre", "post", "--include", "none"], /no objects to compare \(2 left out by name\)/],
    ["threads that are no number", ["diff", "pre", "post", "--jobs", "0"], /--jobs 0: not a number from 1 to 256/],
    ["a share that is none", ["diff", "pre", "post", "--shard", "3/2"], /--shard 3\/2: write it as i\/n/],
    [
      "a gate on a part",
      ["diff", "pre", "post", "--shard", "1/2", "--exit-code"],
      /give --exit-code to elfsplice merge/,
    ],
    [
      "a part as text",
      ["diff", "pre", "post", "--shard", "1/2", "--format", "text"],
      /give --format to elfsplice merge/,
    ],
    ["a target without a name", ["diff", "pre", "post", "--target", "x="], /neither NAME nor PATTERN=NAME/],
    [
      "an output below a file, before anything is read",
      ["diff", "absent", "absent", "-o", "pre/a.o/x.json"],
      /cannot write pre\/a\.o\/x\.json: a part of the path/,
    ],
    ["an output that is a folder", ["diff", "absent", "absent", "-o", "pre"], /cannot write pre: it is a directory/],
    [
      "an output in a folder that is not there",
      ["diff", "pre", "post", "-o", "no/x.json"],
      /cannot write no\/x\.json: no such file/,
    ],
  ])("%s", (_teaches, args, problem) => {
    const { status, stdout, stderr } = run(args, { cwd: cwd() });
    expect([status, stdout, linesOf(stderr)]).toEqual([2, "", [expect.stringMatching(problem)]]);
  });
});

describe("a tree that changes while it is read: one line, status 2, no output", () => {
  /** Runs with a script that does something to a file of the tree when it is opened for the second time, after it was listed. */
  const runChanging = (action: string) => {
    const cwd = trees({ "a.o": PRE }, { "a.o": POST });
    const hook = join(folder(), "hook.cjs");
    writeFileSync(
      hook,
      `const fs = require("node:fs");
       const { openSync } = fs;
       let opened = 0;
       fs.openSync = (path, ...rest) => {
         if (path === "post/a.o" && ++opened === 2) { ${action} }
         return openSync(path, ...rest);
       };
       require("node:module").syncBuiltinESMExports();`,
    );
    return runProcess(["diff", "pre", "post", "-o", "u.json"], {
      cwd,
      env: { NODE_OPTIONS: `--require ${JSON.stringify(hook)}` },
    });
  };
  it.each([
    ["removed", "fs.unlinkSync(path);", /post\/a\.o: cannot be read: no such file or directory$/],
    ["grown", 'fs.appendFileSync(path, "x");', /post\/a\.o: changed while it was read$/],
    [
      "replaced by one of its size",
      "const bytes = fs.readFileSync(path); fs.unlinkSync(path); fs.writeFileSync(path, bytes); fs.utimesSync(path, 5, 5);",
      /post\/a\.o: changed while it was read$/,
    ],
    ["cut short", "fs.truncateSync(path, 64);", /post\/a\.o: changed while it was read$/],
  ])("%s", (_teaches, action, problem) => {
    const { status, stdout, stderr } = runChanging(action);
    expect([status, stdout, linesOf(stderr)]).toEqual([2, "", [expect.stringMatching(problem)]]);
  });
});

describe("large pairs", () => {
  it("are described by threads, to the same bytes", () => {
    const { pre, post } = syntheticPair(3000);
    const big = (bytes: Uint8Array): Files => ({ "a.o": bytes, "b.o": bytes, "c.o": PRE });
    const cwd = trees(big(pre), big(post));
    const [one, many] = ["1", "3"].map((jobs) => diff(cwd, "--jobs", jobs, "-q"));
    expect(one?.status).toBe(0);
    expect(one?.stdout).toBe(many?.stdout);
    expect(one?.update().functions).toHaveLength(2);
    expect(renderJson(one?.update())).toBe(one?.stdout);
    rmSync(cwd, { recursive: true });
  });
});
