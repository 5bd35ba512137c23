import { spawnSync } from "node:child_process";
import { closeSync, copyFileSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MatchResult } from "../../src/contract/match.ts";
import { openImage } from "../../src/image/image.ts";
import { useProgram } from "../cli/program.ts";
import { bootKernel } from "../support/booted-kernel.ts";
import { isText, matchFiles, sectionOf } from "../support/match-objects.ts";
import { CORPUS, HAS_CORPUS, join, objectsBelow } from "../support/paths.ts";
import { HAS_RUN_IMAGE, unpackRunImage } from "../support/run-image.ts";
import { IS_FULL, sampled } from "../support/sample.ts";
import { needPrograms } from "../support/tools.ts";

const PAIRS = join(CORPUS, "kernel-pairs");
const CASES = HAS_RUN_IMAGE && HAS_CORPUS ? readdirSync(PAIRS).sort() : [];
const SOME = sampled(CASES, 5);
const preOf = (name: string): string[] => objectsBelow(join(PAIRS, name, "pre"));

/** Weak functions of which the kernel has another definition: theirs is not in the image. */
const OVERRIDDEN = ["arch_prctl_spec_ctrl_get", "arch_prctl_spec_ctrl_set"];

/** Addresses by name, from the map itself. */
function readMap(path: string): ReadonlyMap<string, Set<string>> {
  const map = new Map<string, Set<string>>();
  for (const line of readFileSync(path, "latin1").split("\n")) {
    const [address, , name] = line.split(" ");
    if (name === undefined || address === undefined) continue;
    const places = map.get(name) ?? new Set();
    map.set(name, places.add(`0x${BigInt(`0x${address}`).toString(16)}`));
  }
  return map;
}

describe.skipIf(!HAS_RUN_IMAGE)(
  "real objects against the kernel they were linked into (skipped where the corpus or zstd is absent)",
  () => {
    const program = useProgram();
    let run: ReturnType<typeof unpackRunImage>;
    let map: ReadonlyMap<string, Set<string>>;
    beforeAll(() => {
      run = unpackRunImage();
      map = readMap(run.systemMap);
    }, 60_000);
    afterAll(() => rmSync(run.folder, { recursive: true, force: true }));

    /** Labels and addresses of functions that are somewhere else than the map says. */
    function wrongPlaces(result: MatchResult): string[] {
      const text = new Map(result.sections.filter(isText).map((section) => [section.label, section]));
      return result.symbols
        .filter(({ label, value }) => text.get(label)?.status === "matched" && value !== null)
        .filter(({ name, value }) => map.get(name)?.has(value as string) === false)
        .map(({ label, value }) => `${label} ${value}`);
    }

    function totals(results: readonly MatchResult[]): { text: number; matched: number } {
      const sum = (of: "text" | "matched"): number => results.reduce((total, { counts }) => total + counts[of], 0);
      return { text: sum("text"), matched: sum("matched") };
    }

    /** All functions are found but those weak ones of which the kernel has another definition; all 15 cases together have two. */
    function expectFound(results: readonly MatchResult[]): void {
      const open = results.flatMap(({ sections }) =>
        sections.filter((section) => isText(section) && section.status !== "matched"),
      );
      const { text, matched } = totals(results);
      expect(text - matched).toBe(open.length);
      expect(OVERRIDDEN).toEqual(expect.arrayContaining(open.map(({ label }) => label)));
      if (IS_FULL) expect({ text, matched }).toEqual({ text: 1878, matched: 1876 });
      else expect(matched).toBeGreaterThan(30 * SOME.length);
    }

    it("finds every function of all 15 cases but two weak ones, each where System.map has it", () => {
      const results = SOME.map((name) => matchFiles(preOf(name), { run: run.vmlinux, systemMap: run.systemMap }));
      expect(CASES).toHaveLength(15);
      expectFound(results);
      expect(results.flatMap(wrongPlaces)).toEqual([]);
      expect(results.map(({ outcome }) => outcome)).toEqual(SOME.map(() => "matched"));
    }, 60_000);

    it("needs no map where the image has its symbols, and reads a tenth of it at most", () => {
      const image = openImage(run.vmlinux);
      const result = matchFiles(preOf("34-big-object"), { run: run.vmlinux });
      expect(result.counts).toMatchObject({ text: 374, matched: 374, ambiguous: 0, unmatched: 0, overridden: 0 });
      expect(image.bytesRead()).toBeLessThan(10_000_000);
      image.close();
    });

    it("matches the code as it is after boot: alternatives, retpolines, returns, ftrace, static keys and calls, locks", () => {
      const booted = join(run.folder, "booted");
      const steps = [
        "alternatives",
        "return-sites",
        "retpolines",
        "smp-locks",
        "ftrace",
        "static-keys",
        "static-calls",
      ] as const;
      const counts = bootKernel(run.vmlinux, booted, steps);
      expect(Object.values(counts).every((count) => count > 1000)).toBe(true);
      const results = SOME.map((name) => matchFiles(preOf(name), { run: booted }));
      expectFound(results);
      expect(results.flatMap(wrongPlaces)).toEqual([]);
      const rules = [
        "alternatives",
        "bug-entry",
        "exception-entry",
        "ftrace-site",
        "lock-prefix",
        "retpoline",
        "return-thunk",
        "static-call",
        "static-key",
      ];
      const used = new Set(results.flatMap(({ sections }) => sections.flatMap((section) => section.rules)));
      if (IS_FULL) expect([...used].sort()).toEqual(rules);
      else expect(rules).toEqual(expect.arrayContaining([...used]));
      rmSync(booted);
    }, 120_000);

    it("finds the slide of a kernel that was moved, from the map alone", () => {
      const slide = 0x1a00_0000n;
      const moved = join(run.folder, "kallsyms");
      const lines = readFileSync(run.systemMap, "latin1").split("\n");
      const text = lines.map((line) => {
        const address = BigInt(`0x${line.slice(0, 16) || "0"}`);
        return address < 0xffff_ffff_8000_0000n ? line : `${(address + slide).toString(16)}${line.slice(16)}`;
      });
      const file = openSync(moved, "w");
      writeSync(file, text.join("\n"));
      closeSync(file);
      const image = openImage(run.vmlinux, { systemMap: moved });
      expect(image.slide).toBe(slide);
      image.close();
    });

    it("refuses a kernel with one byte flipped in a matched function, and names the place", () => {
      const path = join(run.folder, "flipped");
      copyFileSync(run.vmlinux, path);
      const image = openImage(path);
      const address = (image.symbols.named("override_release")[0]?.address ?? 0n) + 0x40n;
      image.close();
      // The first segment: file offset 0x200000 for 0xffffffff81000000.
      const offset = 0x20_0000 + Number(address - 0xffff_ffff_8100_0000n);
      const file = openSync(path, "r+");
      const byte = new Uint8Array(1);
      readSync(file, byte, 0, 1, offset);
      writeSync(file, Uint8Array.of((byte[0] as number) ^ 0x08), 0, 1, offset);
      closeSync(file);
      const result = matchFiles(preOf("08-added-helper"), { run: path });
      expect(result.abort).toMatchObject({ cause: "no_match", errno: "ENOENT", at: "override_release<sys.o>" });
      const { mismatch } = sectionOf(result, "override_release<sys.o>");
      expect(mismatch?.offset).toBeGreaterThan(0x40 - 16);
      expect(mismatch?.offset).toBeLessThanOrEqual(0x40);
      rmSync(path);
    });

    it.each([
      ["01-bounds-check/post/net/ipv4/raw.o", "raw_setsockopt<raw.o>"],
      ["04-null-check/post/crypto/crc32c_generic.o", "chksum_setkey<crc32c_generic.o>"],
      ["05-off-by-one/post/kernel/sysctl.o", "proc_dostring"],
      ["07-error-path/post/ipc/shm.o", "newseg<shm.o>"],
      ["34-big-object/post/kernel/sched/core.o", "can_nice"],
    ])("refuses the object after the patch: %s", (path, at) => {
      const result = matchFiles([join(PAIRS, path)], { run: run.vmlinux });
      expect(result.outcome).toBe("aborted");
      expect(result.abort).toMatchObject({ cause: "no_match", at });
      expect(sectionOf(result, at).mismatch).toMatchObject({ pre: expect.stringMatching(/^([0-9a-f]{2})+$/) });
    });

    it.each(["altinstr_aux", "data-read-mostly", "gcc-constprop-cold"])(
      "refuses an object of another kernel and configuration: %s",
      (name) => {
        const result = matchFiles([join(CORPUS, `kpatch-objs/x86_64/${name}.ORIG.o`)], { run: run.vmlinux });
        expect(result).toMatchObject({ outcome: "aborted", abort: { cause: "no_match" } });
        expect(sectionOf(result, result.abort?.at ?? "").mismatch?.offset).toBeGreaterThanOrEqual(0);
        expect(result.findings.some(({ code }) => code === "text-unmatched")).toBe(true);
      },
    );

    it("finds more than 90 % of the functions of 32 bytes and more in a stripped image by their bytes, none wrongly", ({
      skip,
    }) => {
      needPrograms(skip, "strip");
      const path = join(run.folder, "stripped");
      expect(spawnSync("strip", ["-o", path, run.vmlinux]).status).toBe(0);
      const results = SOME.map((name) => matchFiles(preOf(name), { run: path, search: true }));
      const long = results.flatMap(({ sections }) =>
        sections.filter((section) => isText(section) && section.size >= 32),
      );
      const found = long.filter(({ status }) => status === "matched");
      expect(found.length / long.length).toBeGreaterThan(0.9);
      expect(results.flatMap(wrongPlaces)).toEqual([]);
      rmSync(path);
    }, 60_000);

    it.skipIf(process.platform !== "linux")(
      "takes less than 500 MB as a program, for the case with the most objects too",
      () => {
        const { bundle } = program;
        const args = [
          "match",
          ...preOf("36-inline-many"),
          "--run",
          run.vmlinux,
          "--system-map",
          run.systemMap,
          "--quiet",
        ];
        // What getrusage() tells counts the process that forked, too.
        const script = `import { readFileSync } from "node:fs";
        const peak = () => /VmHWM:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1];
        process.on("exit", () => process.stderr.write(peak()));
        await import(${JSON.stringify(bundle())});`;
        const { status, stderr } = spawnSync(
          process.execPath,
          ["--input-type=module", "-e", script, "elfsplice", ...args],
          {
            encoding: "utf8",
            maxBuffer: 1 << 28,
          },
        );
        expect(stderr).toMatch(/^[0-9]+$/);
        expect(status).toBe(0);
        expect(Number(stderr)).toBeLessThan(500_000);
      },
    );
  },
);
