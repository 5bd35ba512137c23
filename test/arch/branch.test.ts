import { describe, expect, it } from "vitest";
import { isBranchField } from "../../src/arch/branch.ts";
import { isCode } from "../../src/spans/section-kind.ts";
import { type ElfExtra, spansOf, text } from "../support/elf-parts.ts";

describe("isBranchField tells calls and jumps from code that takes an address", () => {
  const cases: [string, string, ElfExtra, boolean][] = [
    ["x86: call", "e8{PC32 g-4}c3", {}, true],
    ["x86: jmp", "e9{PC32 g-4}", {}, true],
    ["x86: jne", "0f85{PC32 g-4}c3", {}, true],
    ["x86: lea", "488d05{PC32 g-4}c3", {}, false],
    ["x86: mov of an address", "48c7c7{32S g}c3", {}, false],
    ["x86: a PLT relocation says so itself", "e8{PLT32 g-4}c3", {}, true],
    ["i386: call", "e8{PC32 g-4}c3", { machine: "i386" }, true],
    ["aarch64: bl", "{CALL26 g|00000094}c0035fd6", { machine: "aarch64" }, true],
    ["aarch64: adrp", "{ADR_PREL_PG_HI21 g|00000090}c0035fd6", { machine: "aarch64" }, false],
    ["s390x: brasl", "c0e5{PC32DBL g+2}07fe", { machine: "s390x" }, true],
    ["s390x: larl", "c020{PC32DBL g+2}07fe", { machine: "s390x" }, false],
    ["s390x: larl of a function that may have a PLT entry", "c020{PLT32DBL g+2}07fe", { machine: "s390x" }, false],
    ["ppc64le: bl", "{REL24 g|01000048}2000804e", { machine: "ppc64le" }, true],
  ];
  it.each(cases)("%s", (_what, code, extra, expected) => {
    const { arch, spans } = spansOf([text("f", code)], extra);
    const [{ howto, offset } = { howto: undefined, offset: 0 }] = spans[0]?.relocations ?? [];
    expect(spans[0] !== undefined && isCode(spans[0].kind)).toBe(true);
    expect(howto !== undefined && isBranchField(arch, howto, spans[0]?.bytes as Uint8Array, offset)).toBe(expected);
  });
});
