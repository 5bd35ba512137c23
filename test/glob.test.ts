import { describe, expect, it } from "vitest";
import { UsageError } from "../src/errors.ts";
import { globOf, pathTestOf } from "../src/glob.ts";

describe("a pattern", () => {
  it.each([
    ["without a slash is held against the file's own name", "*.ko", ["a.ko", "fs/a.ko"], ["a.ko/b", "a.o"]],
    ["with a slash against the whole path", "fs/*.o", ["fs/a.o"], ["a.o", "x/fs/a.o", "fs/x/a.o"]],
    ["of two stars crosses folders", "fs/**", ["fs/a.o", "fs/x/a.o"], ["fs", "fsx/a.o"]],
    ["of two stars crosses no folder too", "**/a.o", ["a.o", "x/a.o", "x/y/a.o"], ["x/ba.o"]],
    ["may have two stars inside", "fs/**/a.o", ["fs/a.o", "fs/x/y/a.o"], ["a.o", "fs/ba.o"]],
    ["takes two stars inside a name for one", "fs/a**b", ["fs/axb", "fs/ab"], ["fs/a/b"]],
    ["that ends in a slash means all below", "drivers/", ["drivers/a.o", "drivers/x/a.o"], ["drivers", "xdrivers/a"]],
    ["may begin at the tree", "/a.o", ["a.o"], ["x.o"]],
    ["with ? wants one character", "a?.o", ["ab.o", "a☃.o", "a😀.o"], ["a.o", "abc.o"]],
    ["? and * are never a slash", "fs/?x*", ["fs/axy"], ["fs//x", "fs/ax/y"]],
    ["has alternatives", "{mm,fs/{ext4,xfs}}/*.o", ["mm/a.o", "fs/xfs/a.o"], ["fs/a.o", "net/a.o"]],
    ["a comma outside braces is itself", "a,b", ["a,b"], ["a", "b"]],
    ["has sets", "[a-c][!0-9].o", ["bx.o"], ["b1.o", "dx.o"]],
    ["a set may hold its own bracket", "[]a]x", ["]x", "ax"], ["x"]],
    ["a set never holds the slash", "fs[!a]x", ["fsbx"], ["fs/x", "fsax"]],
    ["a backslash takes away a meaning", "\\*.o", ["*.o"], ["a.o"]],
    ["the rest is itself", "a.b+(c)$^|", ["a.b+(c)$^|"], ["axb+(c)$^|"]],
  ])("%s: %s", (_teaches, pattern, yes, no) => {
    const matches = pathTestOf([pattern]);
    expect([...yes, ...no].filter(matches)).toEqual(yes);
  });

  it.each(["a[b", "a{b", "a\\", "[z-a]"])("without its end is refused: %s", (pattern) => {
    expect(() => pathTestOf([pattern])).toThrow(UsageError);
    expect(() => pathTestOf([pattern])).toThrow(`pattern "${pattern}": `);
  });

  it("is one of several; none matches nothing", () => {
    expect(["a.o", "b.o", "c.o"].filter(pathTestOf(["a*", "b*"]))).toEqual(["a.o", "b.o"]);
    expect(pathTestOf([])("a.o")).toBe(false);
  });

  it("for whole names has no shorter form: neither the last step of a path nor all below a folder", () => {
    expect(["a.o", "lib/a.o"].filter(globOf("a.o"))).toEqual(["a.o"]);
    expect(["lib/", "lib/a.o"].filter(globOf("lib/"))).toEqual(["lib/"]);
  });

  it.each([
    ["f*", "f", true],
    ["*_init", "a_init", true],
    ["fs/**", "fs/b/a.o", true],
    ["**", "", true],
    ["*a*b*", "xxayyb", true],
    ["*a*b*", "xxbyya", false],
    ["operator[[]](*)", "operator[](int)", true],
    ["main::\\{lambda(*)#1\\}", "main::{lambda(int, long)#1}", true],
  ])("%s on %s: %s", (pattern, name, is) => expect(globOf(pattern)(name)).toBe(is));

  it("that would take a backtracking matcher for ever is done at once, and again with another name", () => {
    const isMeant = globOf(`${"*a".repeat(40)}b`);
    expect(isMeant("a".repeat(2000))).toBe(false);
    expect(isMeant(`${"a".repeat(2000)}b`)).toBe(true);
  });

  it("sees more characters and more ways than it keeps", () => {
    const isMeant = globOf("**{a,b}??????????????");
    const name = Array.from({ length: 5000 }, (_, i) =>
      (i * i) % 7 < 3 ? "a" : String.fromCodePoint(0x4e00 + i),
    ).join("");
    expect(isMeant(`${name}a${"x".repeat(14)}`)).toBe(true);
    expect(isMeant(`${name}a${"x".repeat(15)}`)).toBe(name.at(-1) === "b");
  });
});
