import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  assembleUpdate,
  describePair,
  diffObjects,
  type ElfObject,
  identicalFragment,
  type PairFragment,
  unreadableFragment,
} from "../../../src/index.ts";
import { diffOf } from "../../support/built-pair.ts";
import { bss, data, objectOf, type Part, rodata, section, text } from "../../support/elf-parts.ts";
import { integrityErrors } from "../../support/integrity.ts";
import { FIXTURES, join } from "../../support/paths.ts";
import { fragmentOf } from "../../support/plan-diff.ts";
import { schemaErrors } from "../../support/schema.ts";

const global = { bind: "global" } as const;
const f = (x: string): Part => text("f", `b8${x}000000c3`, global);
const parts = [f("01"), text("s", "31c0c3"), bss("v", 8, global), rodata("r", "01020304")];

describe("planFragment", () => {
  it("is plain data: it survives a file and a thread", () => {
    const fragment = fragmentOf(diffOf([f("01")], [f("02"), data("v", "{64 f}")]));
    expect(assembleUpdate([JSON.parse(JSON.stringify(fragment)) as PairFragment])).toEqual(assembleUpdate([fragment]));
    expect(assembleUpdate([structuredClone(fragment)])).toEqual(assembleUpdate([fragment]));
  });
  it("labels carry the name that is given, else the end of the paths", () => {
    const diff = diffOf([text("s", "b801000000c3")], [text("s", "b802000000c3")]);
    expect(fragmentOf(diff, { name: "fs/a.o" }).functions[0]?.label).toBe("s<fs/a.o>");
    expect(fragmentOf(diff).functions[0]?.label).toBe("s<x.o>");
  });
  it("one fragment is what diffObjects describes", async () => {
    const diff = diffOf([f("01")], [f("02")]);
    const [pre, post] = [diff.pre.table.object, diff.post.table.object];
    expect(assembleUpdate([fragmentOf(diff, { target: "loop", links: false })], { id: "x" })).toEqual(
      await diffObjects(pre, post, { target: "loop", id: "x" }),
    );
  });
  it("says what it defines, deletes and needs", () => {
    const call = (name: string): string => `e8{PLT32 ${name}-4}c3`;
    const { links } = fragmentOf(
      diffOf(
        [f("01"), text("old", "c3", global)],
        [f("02"), text("g", call("ext"), global), text("w", "c3", { bind: "weak" })],
      ),
    );
    expect(links).toEqual({
      defines: [{ name: "g" }, { name: "w", weak: true }],
      deletes: ["old"],
      needs: ["ext"],
      localEntries: {},
    });
  });
});

describe("an object that one side has", () => {
  const planAdded = async (object: ElfObject, options = {}) =>
    (await describePair(undefined, object, options)).fragment;
  const planRemoved = async (object: ElfObject) => (await describePair(object, undefined)).fragment;

  it("added: its functions are new code, its data is loaded if they need it", async () => {
    const fragment = await planAdded(objectOf(parts, {}, "post/new.o"), { name: "new.o" });
    const update = assembleUpdate([fragment]);
    expect([update.objects[0]?.status, update.objects[0]?.pre]).toEqual(["added", undefined]);
    expect(update.functions.map(({ label, status }) => `${label} ${status}`)).toEqual(["f new", "s<new.o> new"]);
    expect(update.changes[0]?.newCode.sections.map(({ label }) => label)).toEqual(["f", "s<new.o>"]);
    expect(update.changes[0]?.patches).toEqual([]);
    expect([schemaErrors(update), integrityErrors(update)]).toEqual([[], []]);
  });
  it("added: what would run at start is named", async () => {
    const init = text("setup", "c3", { in: ".init.text", extra: { flags: "AX" } });
    const { findings } = assembleUpdate([await planAdded(objectOf([f("01"), init], {}, "a.o"))]);
    expect(findings.find(({ code }) => code === "object-added")?.message).toContain(
      "only at start has no effect: setup",
    );
  });
  it("removed: its functions trap, its globals are missed", async () => {
    const update = assembleUpdate([await planRemoved(objectOf(parts, {}, "pre/old.o"))]);
    expect([update.objects[0]?.status, update.objects[0]?.post]).toEqual(["removed", undefined]);
    expect(update.functions.map(({ status }) => status)).toEqual(["deleted", "deleted"]);
    expect(update.changes[0]?.patches.map(({ oldLabel, replacement }) => [oldLabel, replacement])).toEqual([
      ["f", null],
    ]);
    expect(update.findings.map(({ code }) => code)).toEqual([
      "global-data-deleted",
      "global-function-deleted",
      "object-removed",
    ]);
    expect([schemaErrors(update), integrityErrors(update)]).toEqual([[], []]);
  });
  it("a module's strings are not taken for a change", async () => {
    const module = [f("01"), section(".modinfo", Buffer.from("alias=x\0").toString("hex"))];
    expect((await planAdded(objectOf(module))).findings.map(({ code }) => code)).toEqual(["object-added"]);
  });
  it("added and removed are each other's mirror", async () => {
    const object = objectOf(parts, {}, "a.o");
    const names = ({ functions }: PairFragment): string[] => functions.map(({ label }) => label);
    expect(names(await planAdded(object))).toEqual(names(await planRemoved(object)));
  });
});

describe("pairs that are not compared", () => {
  const file = (side: string) => ({ path: `${side}/a.o`, size: 8 });
  it("the same bytes: name and size, and the architecture from the first bytes", () => {
    const head = readFileSync(join(FIXTURES, "s390x/body/pre.o")).subarray(0, 52);
    const fragment = identicalFragment({ name: "a.o", pre: file("pre"), post: file("post") }, head);
    expect([fragment.arch?.name, fragment.object.status, fragment.object.pre?.sha256]).toEqual([
      "s390x",
      "identical",
      undefined,
    ]);
    expect(schemaErrors(assembleUpdate([fragment]))).toEqual([]);
    expect(
      identicalFragment({ name: "a.o", pre: file("pre"), post: file("post") }, head.subarray(0, 51)).arch,
    ).toBeUndefined();
  });
  it("an object that cannot be read is an entry with an error, and the rest goes on", () => {
    const broken = unreadableFragment(
      { name: "b.o", pre: file("pre"), post: file("post") },
      new Error("post/b.o: LLVM bitcode, not ELF"),
    );
    const good = fragmentOf(diffOf([f("01")], [f("02")]), { name: "a.o" });
    const update = assembleUpdate([broken, good]);
    expect(update.objects.map(({ status }) => status)).toEqual(["changed", "changed"]);
    expect(update.findings).toEqual([
      {
        code: "object-unreadable",
        severity: "error",
        where: { object: 1, name: "b.o" },
        message: "post/b.o: LLVM bitcode, not ELF",
      },
    ]);
    expect([update.changes.length, update.verdict.recommended, schemaErrors(update)]).toEqual([1, "kexec", []]);
    expect(() => assembleUpdate([broken])).toThrow("no object tells the architecture: post/b.o: LLVM bitcode, not ELF");
  });
});
