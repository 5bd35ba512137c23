import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/errors.ts";
import { matcherOf } from "../../src/input/glob.ts";

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
    const matches = matcherOf([pattern]);
    expect([...yes, ...no].filter(matches)).toEqual(yes);
  });

  it.each(["a[b", "a{b", "a\\", "[z-a]"])("without its end is refused: %s", (pattern) => {
    expect(() => matcherOf([pattern])).toThrow(UsageError);
    expect(() => matcherOf([pattern])).toThrow(`pattern "${pattern}": `);
  });

  it("is one of several; none matches nothing", () => {
    expect(["a.o", "b.o", "c.o"].filter(matcherOf(["a*", "b*"]))).toEqual(["a.o", "b.o"]);
    expect(matcherOf([])("a.o")).toBe(false);
  });
});
