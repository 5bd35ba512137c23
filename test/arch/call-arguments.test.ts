import { describe, expect, it } from "vitest";
import { callArguments } from "../../src/arch/call-arguments.ts";
import { archFor } from "../../src/arch/registry.ts";
import { EM } from "../../src/elf/constants.ts";

const x86 = archFor({ machine: EM.X86_64, class: 64, data: "lsb", flags: 0 });
const aarch64 = archFor({ machine: EM.AARCH64, class: 64, data: "lsb", flags: 0 });

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

/** Arguments of the last call, whose field is the code's last four bytes. */
function arguments86(code: string, relocated: readonly number[] = []): readonly unknown[] {
  const bytes = hex(`${code} e8 00000000`);
  const field = bytes.length - 4;
  return (
    callArguments(x86, bytes, [field], new Set([...relocated, field]), false)
      .get(field)
      ?.slice(0, 4) ?? []
  );
}

describe("constants in the argument registers of a call, x86-64", () => {
  it.each([
    ["mov $imm32", "be 07000000 ba 10000000", [undefined, 7, 16, undefined]],
    ["xor clears", "31d2 be 07000000", [undefined, 7, 0, undefined]],
    ["mov with REX.W and sign", "48c7c6 ffffffff", [undefined, -1, undefined, undefined]],
    ["lea is an address", "488d542408 be 07000000 b9 04000000", [undefined, 7, "address", 4]],
    ["what is copied over it is not known", "be 07000000 4889de", [undefined, undefined, undefined, undefined]],
    ["a test keeps it", "be 07000000 85f6", [undefined, 7, undefined, undefined]],
    ["an addition does not", "be 07000000 83c601", [undefined, undefined, undefined, undefined]],
    ["a push keeps it", "be 07000000 6a00 56", [undefined, 7, undefined, undefined]],
    ["a call clobbers all", "be 07000000 e8 00000000", [undefined, undefined, undefined, undefined]],
    ["behind a jump another path goes on", "be 07000000 eb00", [undefined, undefined, undefined, undefined]],
    ["a branch on a condition keeps it", "be 07000000 7400", [undefined, 7, undefined, undefined]],
  ])("%s", (_what, code, expected) => {
    expect(arguments86(code)).toEqual(expected);
  });

  it("a relocated field is an address, whatever it holds", () => {
    expect(arguments86("be 00000000", [1])).toEqual([undefined, "address", undefined, undefined]);
  });
});

describe("constants on AArch64", () => {
  it("movz, movk and the zero register", () => {
    // mov w1, #0x1234; movk w1, #1, lsl #16; mov w2, wzr; bl
    const code = hex("81 46 82 52 21 00 a0 72 e2 03 1f 2a 00 00 00 94");
    expect(
      callArguments(aarch64, code, [12], new Set([12]), false)
        .get(12)
        ?.slice(0, 4),
    ).toEqual([undefined, 0x11234, 0, undefined]);
  });
});

describe("machines without a rule", () => {
  it("know nothing", () => {
    const other = archFor({ machine: EM.SPARC, class: 32, data: "msb", flags: 0 });
    expect(callArguments(other, new Uint8Array(8), [4], new Set(), false).size).toBe(0);
  });
});
