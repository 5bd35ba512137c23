import { truncateSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import type { KexecPlan } from "../../src/contract/kexec.ts";
import { syntheticKernel } from "../bench/synthetic-kernel.ts";
import { join } from "../support/paths.ts";
import { HAS_RUN_IMAGE, unpackRunImage } from "../support/run-image.ts";
import { linesOf, pairOf, useProgram } from "./program.ts";

const { run, folder } = useProgram();
const VMLINUX = "fixtures/kexec/odd-segments/vmlinux";
const SERIES = "fixtures/live-update/series-subsystem/pre.o";

describe("kexec", () => {
  it("prints a plan as JSON, and a summary on standard error", () => {
    const { status, stdout, stderr } = run(["kexec", VMLINUX, "--memory", "0-3fffffff"]);
    const plan = JSON.parse(stdout) as KexecPlan;
    expect(status).toBe(0);
    expect(plan).toMatchObject({
      mode: "normal",
      status: "applicable",
      entry: { physical: "0x1000200", as: "physical" },
    });
    expect(stderr).toMatch(/^elfsplice: kexec applicable, 4 segments, 8 page copies in 4 runs\n$/);
  });

  it("as text, and quietly", () => {
    const { status, stdout, stderr } = run(["kexec", VMLINUX, "--format", "text", "--quiet"]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^segments$/m);
    expect(stdout).toMatch(/^kexec: applicable$/m);
  });

  it("status 1 where an error stands in the way, and the plan is printed all the same", () => {
    const { status, stdout, stderr } = run(["kexec", VMLINUX, "--crash-kernel", "256M@512M"]);
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ mode: "panic", status: "not-applicable", copy: null });
    expect(stderr).toContain("not within the memory reserved");
    const moved = run(["kexec", VMLINUX, "--crash-kernel", "256M@512M", "--load-address", "512M", "--quiet"]);
    expect([moved.status, JSON.parse(moved.stdout).status]).toEqual([0, "applicable"]);
  });

  it("knows the size of an initrd without reading it", () => {
    const initrd = join(folder(), "initrd.img");
    writeFileSync(initrd, "");
    truncateSync(initrd, 64 << 20);
    const { stdout } = run(["kexec", VMLINUX, "--memory", "0-3fffffff", "--initrd", initrd]);
    expect(JSON.parse(stdout).initrd).toMatchObject({ size: 64 << 20, address: "0x3c000000" });
  });
});

describe("kexec with participants", () => {
  const simulate = (files: string[], ...scenarios: string[]) =>
    run([
      "kexec",
      VMLINUX,
      "--participants",
      ...files,
      ...scenarios.flatMap((text) => ["--simulate", text]),
      "--format",
      "text",
    ]);

  it("prints the sequence of callbacks and the final state", () => {
    const { status, stdout } = simulate([SERIES], "fail=timer_subsystem:freeze");
    expect(status).toBe(0);
    const [, told = ""] = stdout.split(/^simulation fail=timer_subsystem:freeze\n/m);
    expect(
      linesOf(told)
        .slice(0, 10)
        .map((line) => line.trim().replaceAll(`<${SERIES}>`, "")),
    ).toEqual([
      "boot: undefined → normal",
      "timer_subsystem: prepare = timer_prepare",
      "trace_subsystem: prepare = trace_prepare",
      "prepare: normal → prepared",
      "timer_subsystem: freeze = timer_freeze  FAILS",
      "trace_subsystem: cancel = trace_cancel",
      "timer_subsystem: cancel = timer_cancel",
      "cancel: prepared → normal",
      "final state: normal, cancelled: the old kernel runs on",
      "",
    ]);
  });

  it("a failing finish stops hard", () => {
    const { stdout } = run(["kexec", VMLINUX, "--participants", SERIES, "--simulate", "fail=timer:finish"]);
    expect(JSON.parse(stdout).simulations).toMatchObject([{ finalState: "updated", outcome: "stopped" }]);
  });

  it("several objects, several scenarios", () => {
    const { stdout } = simulate([SERIES, "fixtures/live-update/no-cancel/pre.o"], "ok", "cancel");
    expect(stdout).toMatch(/left behind by memfd_handler: nothing undoes memfd_preserve/);
    expect(stdout).toMatch(/warning live-update-no-cancel/);
    expect(stdout.match(/^simulation /gm)).toHaveLength(2);
  });

  it("an update description: the new kernel has post, and does not recognise another string", () => {
    const update = join(folder(), "update.json");
    run(["diff", ...pairOf("live-update/file-handler-refused"), "-o", update]);
    const { stdout } = simulate([update], "ok");
    expect(stdout).toContain('memfd_handler: state not taken up: no participant there is compatible with "memfd-v1"');
    expect(stdout).toContain("final state: updated, stopped");
  });
});

describe("a file that is not a kernel, or an option that is not good, is one line and status 2", () => {
  const written = new Map<string, string>();
  beforeAll(() => {
    const place = folder();
    for (const [name, contents] of [
      ["empty", ""],
      ["text", "hello, this is not a kernel, but it is long enough to be looked at"],
      ["truncated", syntheticKernel(4).subarray(0, 100)],
      ["zst", Buffer.from("28b52ffd00000000", "hex")],
      ["map", "hello\n"],
      ["update.json", "{}"],
    ] as const) {
      const path = join(place, name);
      writeFileSync(path, contents);
      written.set(name, path);
    }
  });
  const file = (name: string): string => written.get(name) ?? name;

  it.each([
    ["no file", ["nowhere"], "no such file or directory"],
    ["a directory", ["fixtures"], "a directory; a file is needed"],
    ["an empty file", ["@empty"], "it is empty"],
    ["a text", ["@text"], "not an ELF file"],
    ["a truncated kernel", ["@truncated"], "past the end of the file"],
    ["a packed kernel", ["@zst"], "packed with zstd"],
    ["an object", [SERIES], "a linked kernel (vmlinux) is needed"],
    ["an initrd that is not there", [VMLINUX, "--initrd", "nowhere"], "nowhere: cannot be read"],
    ["a map that is none", [VMLINUX, "--memory", "@map"], "line 1 is not of the form"],
    ["a range that is none", [VMLINUX, "--crash-kernel", "256M"], "--crash-kernel 256M: not a range"],
    ["an address that is none", [VMLINUX, "--load-address", "here"], "--load-address here: not a number"],
    ["a page size that is none", [VMLINUX, "--page-size", "5000"], "not a power of two"],
    ["a seed that is none", [VMLINUX, "--source-pages", "random:x"], "the seed is not a number"],
    ["a simulation without participants", [VMLINUX, "--simulate", "ok"], "--simulate needs --participants"],
    [
      "a participant that is none",
      [VMLINUX, "--participants", SERIES, "--simulate", "fail=x:freeze"],
      'no participant "x"',
    ],
    ["an update that is none", [VMLINUX, "--participants", "@update.json"], "not an update description"],
    ["a kernel as participant", [VMLINUX, "--participants", "@text"], "not an ELF"],
  ])("%s", (_teaches, args, problem) => {
    const { status, stdout, stderr } = run([
      "kexec",
      ...args.map((arg) => (arg.startsWith("@") ? file(arg.slice(1)) : arg)),
    ]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(linesOf(stderr)).toHaveLength(1);
    expect(stderr).toContain(problem);
  });
});

describe.skipIf(!HAS_RUN_IMAGE)("the corpus's kernel (skipped without corpus or zstd)", () => {
  it("and an initrd of 64 MiB are planned without reading what is in them", () => {
    const { folder: place, vmlinux } = unpackRunImage();
    const initrd = join(place, "initrd.img");
    writeFileSync(initrd, "");
    truncateSync(initrd, 64 << 20);
    const { status, stdout } = run(["kexec", vmlinux, "--initrd", initrd, "--memory", "100000-7fffffff"]);
    const plan = JSON.parse(stdout) as KexecPlan;
    expect([status, plan.status, plan.segments.length]).toEqual([0, "applicable", 5]);
    expect(plan.copy?.pages).toBe(27_536);
  });
});
