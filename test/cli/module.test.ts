import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { buildElf } from "../support/elf-builder.ts";
import { elf, text } from "../support/elf-parts.ts";
import { join } from "../support/paths.ts";
import { useProgram } from "./program.ts";

const { run, folder } = useProgram();

/** A traced function that returns a number, and calls one that is not exported. */
function objectOf(result: string): Uint8Array {
  const code = `e8{PLT32 __fentry__-4}e8{PLT32 secret-4}b8${result}000000c3`;
  return buildElf(elf([text("f", code, { bind: "global" })]));
}

function updateIn(place: string, ...options: readonly string[]): void {
  writeFileSync(join(place, "pre.o"), objectOf("01"));
  writeFileSync(join(place, "post.o"), objectOf("02"));
  expect(run(["diff", "pre.o", "post.o", "--quiet", "-o", "u.json", ...options], { cwd: place }).status).toBe(0);
}

describe("elfsplice module", () => {
  it("writes three files into a folder that it makes, and nothing on standard output", () => {
    const place = folder();
    updateIn(place, "--contents");
    const { status, stdout, stderr } = run(["module", "u.json", "-o", "made/here", "--name", "lp"], { cwd: place });
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
    expect(stderr).toContain("the source of lp.ko");
    expect(readdirSync(join(place, "made/here")).sort()).toEqual(["Makefile", "lp_new.o_shipped", "lp_patch.c"]);
    expect(readFileSync(join(place, "made/here/Makefile"), "utf8")).toContain("obj-m := lp.o");
  });

  it("converts the object for a linker, and back", () => {
    const place = folder();
    updateIn(place, "--contents");
    run(["module", "u.json", "-o", "lp", "--name", "lp", "-q"], { cwd: place });
    expect(run(["module", "--for-linker", "lp/lp_new.o_shipped", "-o", "new.o"], { cwd: place }).status).toBe(0);
    const { status, stderr } = run(["module", "--finish", "new.o", "-o", "new.o"], { cwd: place });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "elfsplice: new.o: 1 relocations are livepatch's\n" });
  });

  it.each<{ name: string; args: readonly string[]; says: string; contents?: false }>([
    {
      name: "a description without contents",
      args: ["u.json", "-o", "lp"],
      says: "no contents of the code: make it with elfsplice diff --contents",
      contents: false,
    },
    {
      name: "a name that is not an identifier",
      args: ["u.json", "-o", "lp", "--name", "a-b"],
      says: "is an identifier",
    },
    {
      name: "exports that are none",
      args: ["u.json", "-o", "lp", "--symvers", "pre.o"],
      says: "line 1 is not a line of",
    },
    { name: "a match that is none", args: ["u.json", "-o", "lp", "--match", "m.json"], says: "neither the result" },
    { name: "both steps at once", args: ["pre.o", "-o", "x", "--finish", "--for-linker"], says: "are two steps" },
    {
      name: "a step with a name",
      args: ["pre.o", "-o", "x", "--finish", "--name", "lp"],
      says: "--name means nothing",
    },
  ])("refuses $name with status 2", ({ args, says, contents }) => {
    const place = folder();
    updateIn(place, ...(contents === false ? [] : ["--contents"]));
    writeFileSync(join(place, "m.json"), "{}");
    const { status, stdout, stderr } = run(["module", ...args], { cwd: place });
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stderr).toContain(says);
  });
});
