import { describe, expect, it } from "vitest";
import { poolDistances } from "../../src/arch/arm/pools.ts";
import type { CodeState } from "../../src/arch/linked.ts";

/** Little-endian halfwords of Thumb code with a pool of two words behind it. */
function thumb(...halves: number[]): Uint8Array {
  return Uint8Array.from(halves.flatMap((half) => [half & 0xff, half >>> 8]));
}

const upTo =
  (end: number, state: CodeState) =>
  (offset: number): CodeState =>
    offset < end ? state : "data";

describe("a word of a literal pool counts from the instruction that adds pc", () => {
  it.each<[string, number[], CodeState, number, Map<number, number>]>([
    // ldr r3, [pc, #4]; nop; add r3, pc; nop; word at 8: pc is 4 ahead of the sum at 4.
    ["in Thumb state pc is four ahead", [0x4b01, 0xbf00, 0x447b, 0xbf00, 0, 0], "thumb", 8, new Map([[8, 0]])],
    // The register is overwritten in between.
    ["not where another value came into the register", [0x4b01, 0x2300, 0x447b, 0xbf00, 0, 0], "thumb", 8, new Map()],
    // ldr r3, [pc, #4]; add r3, pc; ldr r3, [pc, #4]; add r3, pc: one word, two distances.
    ["a word that is added twice has no distance", [0x4b01, 0x447b, 0x4b00, 0x447b, 0, 0], "thumb", 8, new Map()],
    // ldr r3, [pc, #4] (e59f3004); add r3, pc, r3 (e08f3003); nop; word at 12: pc of the sum is 4 + 8.
    [
      "in Arm state pc is eight ahead",
      [0x3004, 0xe59f, 0x3003, 0xe08f, 0xf000, 0xe320, 0, 0],
      "arm",
      12,
      new Map([[12, 0]]),
    ],
  ])("%s", (_what, halves, state, end, expected) => {
    expect(poolDistances(thumb(...halves), true, upTo(end, state))).toEqual(expected);
  });
});
