import { describe, expect, it } from "vitest";
import { summaryOf, updateOf } from "../support/built-pair.ts";
import { type Part, section, text } from "../support/elf-parts.ts";

/*
 * Words of the constant pool that a relocation fills, as z/Architecture code has them for thread-locals: without it all are zeros,
 * and only what it is for tells which is which.
 */

const MACHINE = { machine: "s390x" } as const;
const thread = (name: string, value: number): Part => ({
  sections: [],
  symbols: [{ name, type: "tls", section: ".tbss", value, size: 4 }],
});
const threads: readonly Part[] = [
  section(".tbss", "", { type: "nobits", flags: "WAT", size: 8, addralign: 4 }),
  thread("depth", 0),
  thread("level", 4),
];
const literals = (...words: readonly string[]): Part =>
  section(".rodata.cst8", words.map((word) => `{TLS_LE64 ${word}}`).join(""), {
    flags: "AM",
    entsize: 8,
    addralign: 8,
  });
/** larl %r1,literal; br %r14 */
const loads = (name: string, place: number, more = ""): Part =>
  text(name, `c010{PC32DBL .rodata.cst8+${place + 2}}${more}07fe`);

describe("constants that hold the places of thread-locals", () => {
  it("are told by what they are for, in whatever order they lie", () => {
    const pre = [...threads, literals("depth", "level"), loads("f", 0), loads("g", 8)];
    const post = [...threads, literals("level", "depth"), loads("f", 8), loads("g", 0)];
    expect(summaryOf(updateOf(pre, post, MACHINE))).toEqual({});
  });

  it("make code differ that uses another one", () => {
    const pre = [...threads, literals("depth", "level"), loads("f", 0), loads("g", 8)];
    const post = [...threads, literals("depth", "level"), loads("f", 8), loads("g", 8)];
    expect(summaryOf(updateOf(pre, post, MACHINE))).toEqual({ changed: ["f"] });
  });

  it("make code differ that used the same twice, and uses another one the second time", () => {
    const twice = (second: number): Part =>
      text("f", `c010{PC32DBL .rodata.cst8+2}c010{PC32DBL .rodata.cst8+${second + 2}}07fe`);
    const pre = [...threads, literals("depth", "level"), twice(0), loads("g", 8)];
    const post = [...threads, literals("depth", "level"), twice(8), loads("g", 8)];
    expect(summaryOf(updateOf(pre, post, MACHINE))).toEqual({ changed: ["f"] });
  });

  it("come with new code, since the running one speaks to what the linker made of the old code", () => {
    const pre = [...threads, literals("depth"), loads("f", 0)];
    const post = [...threads, literals("depth"), loads("f", 0, "a7290001")];
    const { newCode } = updateOf(pre, post, MACHINE).changes[0] as {
      newCode: { sections: { label: string; kind: string }[] };
    };
    expect(newCode.sections.map(({ kind }) => kind).sort()).toEqual(["constant", "text"]);
  });
});
