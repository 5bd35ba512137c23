import { describe, expect, it } from "vitest";
import { isInlineMap, parseRange, readMemoryMap } from "../../src/kexec/memory-map.ts";
import { isWithin, mergeRanges, type Range, rangeText, subtractRanges, wholePages } from "../../src/kexec/ranges.ts";

const ranges = (text: string): Range[] =>
  text.split(" ").flatMap((part) => {
    const [start, end] = part.split("-");
    return end === undefined ? [] : [{ start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) }];
  });
const words = (list: readonly Range[]): string => list.map((range) => rangeText(range).replaceAll("0x", "")).join(" ");

describe("ranges", () => {
  it.each([
    ["sorts and joins what touches", "20-2f 0-f 10-1f 40-4f", "0-2f 40-4f"],
    ["joins what overlaps", "0-ff 10-1f", "0-ff"],
  ])("merge: %s", (_teaches, given, wanted) => expect(words(mergeRanges(ranges(given)))).toBe(wanted));

  it.each([
    ["a hole", "0-ff", "10-1f", "0-f 20-ff"],
    ["the start", "10-ff", "0-1f", "20-ff"],
    ["the end", "0-ff", "f0-1ff", "0-ef"],
    ["all", "10-1f", "0-ff", ""],
    ["one hole in two ranges", "0-f 20-2f", "8-27", "0-7 28-2f"],
    ["several holes", "0-ff", "10-1f 30-3f", "0-f 20-2f 40-ff"],
    ["nothing", "0-ff", "", "0-ff"],
  ])("subtract: %s", (_teaches, from, without, wanted) => {
    expect(words(subtractRanges(ranges(from), ranges(without)))).toBe(wanted);
  });

  it.each([
    ["0-ff", true],
    ["100-1ff", false],
    ["80-17f", false],
    ["200-2ff", true],
  ])("within: %s", (text, wanted) => {
    expect(isWithin(ranges("0-ff 200-3ff"), ranges(text)[0] as Range)).toBe(wanted);
  });

  it("whole pages leave out what is left at both ends", () => {
    expect(words(wholePages(ranges("1-2fff 3800-47ff"), 0x1000))).toBe("1000-2fff");
  });
});

describe("a memory map", () => {
  const IOMEM = `00000000-00000fff : Reserved
00001000-0009fbff : System RAM
00100000-3fffffff : System RAM
  01000000-01ffffff : Kernel code
  20000000-2fffffff : Crash kernel
  30000000-300fffff : Reserved
fec00000-fec003ff : IOAPIC 0
`;
  it("is that of /proc/iomem: System RAM without what is reserved", () => {
    const { usable, free, crash } = readMemoryMap(IOMEM, "iomem");
    expect(words(usable)).toBe("1000-9fbff 100000-1fffffff 30100000-3fffffff");
    expect(words(free)).toBe("1000-9fbff 100000-ffffff 2000000-1fffffff 30100000-3fffffff");
    expect(words(crash)).toBe("20000000-2fffffff");
  });

  it("may be a list, with 0x or without, with comments", () => {
    expect(words(readMemoryMap("# ram\n0x1000-0x1fff\n2000-2fff\n", "list").usable)).toBe("1000-2fff");
    expect([isInlineMap("0-ff,0x100-0x1ff"), isInlineMap("iomem")]).toEqual([true, false]);
  });

  it.each([
    ["a line of another form", "0-ff : System RAM\nhello\n", /line 2 is not of the form/],
    ["a range that ends before it starts", "ff-0\n", /line 1 ends before it starts/],
    ["nothing", "\n", /has no range/],
    ["no memory", "0-ff : Reserved\n", /no System RAM/],
    ["addresses that are hidden", "00000000-00000000 : System RAM\n", /to root only/],
  ])("%s is refused", (_teaches, text, problem) => expect(() => readMemoryMap(text, "map")).toThrow(problem));

  it.each([
    ["10000000-1fffffff", "10000000-1fffffff"],
    ["0x1000-0x1fff", "1000-1fff"],
    ["256M@16M", "1000000-10ffffff"],
    ["4k@0x10000", "10000-10fff"],
  ])("range %s", (text, wanted) => expect(words([parseRange(text, "--crash-kernel")])).toBe(wanted));

  it.each(["256M", "x@y", "2000-1000", "0@16M", "1@2@3"])("%s is not a range", (text) => {
    expect(() => parseRange(text, "--crash-kernel")).toThrow(/--crash-kernel/);
  });
});
