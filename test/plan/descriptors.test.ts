import { describe, expect, it } from "vitest";
import { summaryOf, updateOf } from "../support/built-pair.ts";
import { rungStatus } from "../support/describe-pair.ts";
import { data, type ElfExtra, type Part, section } from "../support/elf-parts.ts";

const v1: ElfExtra = { machine: "ppc64", flags: 1 };
const RETURN = "4e800020";
const ADD = (x: string): string => `386300${x}`;

/** Two functions of eight bytes in `.text`; their symbols are those of their descriptors. */
const twoFunctions = (f: string, g: string, local = false): Part[] => [
  section(".text", ADD(f) + RETURN + ADD(g) + RETURN),
  section(
    ".opd",
    "{ADDR64 .text+0} {TOC|0000000000000000} 0000000000000000 {ADDR64 .text+8} {TOC|0000000000000000} 0000000000000000",
    { flags: "AW" },
    [
      { name: "f", value: 0, size: 8, type: "func", bind: "global" },
      { name: "g", value: 24, size: 8, type: "func", bind: local ? "local" : "global" },
    ],
  ),
];

describe("functions that are called through descriptors (64-bit Power, ELFv1)", () => {
  it("stand at their code, and are patched there; that a jump brings no TOC pointer is an error", () => {
    const update = updateOf(twoFunctions("01", "02"), twoFunctions("01", "03"), v1);
    expect(summaryOf(update)).toEqual({ changed: ["g"], findings: ["function-descriptors"] });
    expect(update.changes[0]?.patches).toMatchObject([{ oldLabel: "g", oldOffset: 0, size: 4 }]);
    expect(rungStatus(update, "splice")).toBe("needs-work");
  });

  it("nothing is said where nothing is patched", () => {
    expect(summaryOf(updateOf(twoFunctions("01", "02"), twoFunctions("01", "02"), v1))).toEqual({});
  });

  it("flags of 0 say nothing of the ABI: `.opd` does", () => {
    const zero: ElfExtra = { machine: "ppc64", flags: 0 };
    expect(summaryOf(updateOf(twoFunctions("01", "02"), twoFunctions("01", "03"), zero))).toMatchObject({
      changed: ["g"],
    });
  });

  it("a pointer by section and offset is one to the function", () => {
    const pointer = data("hook", "{ADDR64 .opd+24}", { bind: "global" });
    const other = data("hook", "{ADDR64 .opd+0}", { bind: "global" });
    const functions = twoFunctions("01", "02", true);
    const update = updateOf([...functions, pointer], [...functions, other], v1);
    expect(update.data[0]?.reasons).toMatchObject([{ kind: "relocation-target", pre: "g+0", post: "f+0" }]);
  });

  it("older compilers give the code a name with a dot: it is an alias", () => {
    const dotted = (x: string): Part[] => {
      const [code, ...rest] = twoFunctions("01", x);
      const dots = [0, 8].map(
        (value, i) =>
          ({ section: ".text", name: i === 0 ? ".f" : ".g", value, size: 8, type: "func", bind: "global" }) as const,
      );
      return [{ ...(code as Part), symbols: dots }, ...rest];
    };
    expect(summaryOf(updateOf(dotted("02"), dotted("03"), v1))).toMatchObject({ changed: ["g"] });
  });
});
