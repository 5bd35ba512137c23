import { describe, expect, it } from "vitest";
import { isStringSpan, stringBytes } from "../../src/spans/strings.ts";
import { type Part, rodata, section, spansOf } from "../support/elf-parts.ts";

function read(part: Part, offset = 0): [string | undefined, boolean] {
  const [span] = spansOf([part]).spans;
  if (span === undefined) throw new Error("no span");
  const bytes = stringBytes(span, offset);
  return [bytes && Buffer.from(bytes).toString(), isStringSpan(span)];
}

describe("texts, also where a link took their section flags", () => {
  const wide = { flags: "AMS", entsize: 2 };
  const cases: [string, Part, number, string | undefined, boolean][] = [
    ["a string", section(".rodata.str1.1", "61626300", { flags: "AMS", entsize: 1 }), 0, "abc", true],
    ["its tail", section(".rodata.str1.1", "61626300", { flags: "AMS", entsize: 1 }), 1, "bc", true],
    ["an empty string", section(".rodata.str1.1", "00", { flags: "AMS", entsize: 1 }), 0, "", true],
    ["without terminator", section(".rodata.str1.1", "6162", { flags: "AMS", entsize: 1 }), 0, "ab", true],
    ["past its end", section(".rodata.str1.1", "61626300", { flags: "AMS", entsize: 1 }), 4, undefined, true],
    ["before its start", section(".rodata.str1.1", "61626300", { flags: "AMS", entsize: 1 }), -1, undefined, true],
    ["wide characters: all bytes", section(".rodata.str2.2", "61000000", wide), 0, "a\0\0\0", true],
    ["in plain .rodata", section(".rodata", "61626300"), 0, "abc", true],
    ["in plain .rodata, aligned behind", section(".rodata", "6162630000000000"), 0, "abc", true],
    ["with a log level", section(".rodata", "013361620a00"), 0, "\x013ab\n", true],
    ["a number is not text", section(".rodata", "02000000"), 0, undefined, false],
    ["zeros are no text", section(".rodata", "00000000"), 0, undefined, false],
    ["a text and more is not text", section(".rodata", "6162000005"), 0, undefined, false],
    ["what has a name is data", rodata("table", "61626300"), 0, undefined, false],
    ["what has relocations is data", section(".rodata", "61626300{64 f}"), 0, undefined, false],
    ["writable data is not shared", section(".data", "61626300"), 0, undefined, false],
  ];
  it.each(cases)("%s", (_what, part, offset, expected, is) => expect(read(part, offset)).toEqual([expected, is]));
});
