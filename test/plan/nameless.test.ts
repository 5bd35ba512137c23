import { describe, expect, it } from "vitest";
import { summaryOf, updateOf } from "../support/built-pair.ts";
import { rungStatus } from "../support/describe-pair.ts";
import { type Part, section, symbol } from "../support/elf-parts.ts";

const body = (x: string): string => `b8${x}000000c3`;
/** `.text` whose first six bytes have no name; `f` follows, and may refer to them. */
const nameless = (first: string, f = body("01")): Part =>
  section(".text", body(first) + f, {}, [{ name: "f", value: 6, size: -1, type: "func", bind: "global" }]);
const rest = (part: Part): Part => ({
  ...part,
  symbols: part.symbols.map((one) => ({ ...one, size: 6 + (part.sections[0]?.asm.includes("{") ? 5 : 0) })),
});
const files = ["weak.c", "strong.c"].map((name) => symbol(name, { type: "file", bind: "local", section: "*ABS*" }));

describe("code without a name", () => {
  it("that nothing refers to, in an object of several files, is what `ld -r` left of a weak function: told, never patched", () => {
    const update = updateOf([...files, rest(nameless("01"))], [...files, rest(nameless("02"))]);
    expect({ ...summaryOf(update), patches: update.changes, none: rungStatus(update, "none") }).toEqual({
      patches: [],
      none: "applicable",
    });
    expect(update.noise.map(({ class: kind, pre, post }) => `${kind}: ${pre}, ${post}`)).toEqual([
      "dead-code: 6 bytes, 6 bytes",
    ]);
  });

  it("in a section that `ld -r` joined under the name of one function likewise, before it or behind it", () => {
    const behind = (x: string): Part =>
      section(".text.f", body("01") + "90".repeat(10) + body(x), {}, [
        { name: "f", value: 0, size: 6, type: "func", bind: "global" },
      ]);
    for (const code of [behind, (x: string): Part => rest(nameless(x))]) {
      const update = updateOf([...files, code("01")], [...files, code("02")]);
      expect(rungStatus(update, "none")).toBe("applicable");
      expect(update.noise.map(({ class: kind }) => kind)).toEqual(["dead-code"]);
    }
  });

  it("that runs on into a function is part of it", () => {
    const open = (x: string): Part =>
      section(".text", `b8${x}00000001c0${body("01")}`, {}, [
        { name: "f", value: 7, size: 6, type: "func", bind: "global" },
      ]);
    const update = updateOf([...files, open("01")], [...files, open("02")]);
    expect(summaryOf(update)).toMatchObject({ changed: ["f"] });
  });

  it("that is equal is not mentioned", () => {
    const update = updateOf([...files, rest(nameless("01"))], [...files, rest(nameless("01"))]);
    expect(update.noise).toEqual([]);
  });

  /** Between two functions: what stands beside an only one is taken for its own. */
  const alone = (x: string): Part =>
    section(".text", body("01") + body(x) + body("01"), {}, [
      { name: "f", value: 0, size: 6, type: "func", bind: "global" },
      { name: "g", value: 12, size: 6, type: "func", bind: "global" },
    ]);

  it("of one source file may be entered in ways that the object does not tell: an error, and no patch", () => {
    const update = updateOf([alone("01")], [alone("02")]);
    expect({ ...summaryOf(update), patches: update.changes, none: rungStatus(update, "none") }).toEqual({
      findings: ["nameless-code-changed"],
      patches: [],
      none: "not-applicable",
    });
  });

  it("that a function calls is part of the function, which is what gets patched", () => {
    const caller = "e8{PC32 .text-4}b801000000c3";
    const update = updateOf([...files, rest(nameless("01", caller))], [...files, rest(nameless("02", caller))]);
    expect(summaryOf(update)).toMatchObject({ changed: ["f"] });
    const [change] = update.changes;
    expect(change?.patches.map(({ oldLabel }) => oldLabel)).toEqual(["f"]);
    expect(change?.newCode.sections.map(({ label, because }) => `${label}: ${because}`)).toEqual([
      ".text<x.o>~0: referenced-by f",
      "f: changed",
    ]);
  });

  it("that only such code calls is unreachable like it", () => {
    const two = (x: string): Part =>
      section(".text", `e9{PC32 .text+1}${body(x)}${body("01")}`, {}, [
        { name: "f", value: 11, size: 6, type: "func", bind: "global" },
      ]);
    const update = updateOf([...files, two("01")], [...files, two("02")]);
    expect(rungStatus(update, "none")).toBe("applicable");
    expect(update.noise.map(({ class: kind }) => kind)).toEqual(["dead-code"]);
  });
});
