import { describe, expect, it } from "vitest";
import { s390Scanner } from "../../../src/arch/s390/anchors.ts";

describe("what an s390x instruction reaches by its registers", () => {
  it.each([
    // Assembled by s390x-linux-gnu-as 2.40.
    ["mvc 160(8,%r15),32(%r9)", "d207f0a09020", [15, 160], [9, 32], -1],
    ["clc 0(4,%r2),4(%r9)", "d50320009004", [2, 0], [9, 4], -1],
    ["a %r11,32(%r9,%r1)", "5ab91020", [1, 32], [9, 32], 11],
    ["mdb %f0,8(%r10,%r9)", "ed0a9008001c", [9, 8], [10, 8], -1],
    ["cg %r1,8(%r9)", "e31090080020", [9, 8], undefined, -1],
    ["st %r1,8(%r9)", "50109008", [9, 8], undefined, -1],
    ["lay %r2,-8(%r9)", "e3209ff8ff71", [9, -8], undefined, 2],
    ["mvhi 4(%r9),7", "e54c90040007", [9, 4], undefined, -1],
    ["lgr %r2,%r9", "b9040029", undefined, undefined, 2],
  ])("%s", (_what, hex, one, two, written) => {
    const step = s390Scanner.decode(Uint8Array.from(Buffer.from(hex, "hex")), 0);
    const { base, access, second, writes } = step ?? { base: -1, access: undefined, writes: -1 };
    expect(access === undefined ? undefined : [base, access.distance]).toEqual(one);
    expect(second === undefined ? undefined : [second.base, second.distance]).toEqual(two);
    expect(writes).toBe(written);
    expect(step?.length).toBe(hex.length / 2);
  });
});
