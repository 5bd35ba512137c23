import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CopyOrder, orderCopies } from "../../src/kexec/copy.ts";
import { runs } from "../support/sample.ts";

const SPARE = 1000;

/** Moves one page after the other, as the control code does. */
function execute(order: CopyOrder, memory: Map<number, number>): number {
  let copies = 0;
  for (const { from, to, count, order: direction } of order.moves) {
    for (let k = 0; k < count; k++) {
      const at = direction === "ascending" ? k : count - 1 - k;
      memory.set(to + at, memory.get(from + at) as number);
      copies++;
    }
  }
  return copies;
}

/** By hand: `sources → destinations`, the moves as `from→to*count` (`-` where the highest page goes first). */
const cases: [string, number[], number[], string[], number][] = [
  ["nothing to do", [], [], [], 0],
  ["pages that are in place are not moved", [1, 2, 3], [1, 2, 3], [], 0],
  ["pages apart are one run", [10, 11, 12], [1, 2, 3], ["10→1*3"], 0],
  ["one up: the highest goes first", [1, 2, 3], [2, 3, 4], ["1→2*3-"], 0],
  ["one down: the lowest goes first", [2, 3, 4], [1, 2, 3], ["2→1*3"], 0],
  ["two up, overlapping, is one run too", [1, 2, 3, 4, 5], [3, 4, 5, 6, 7], ["1→3*5-"], 0],
  ["two down", [3, 4, 5, 6, 7], [1, 2, 3, 4, 5], ["3→1*5"], 0],
  ["a swap goes by way of the spare page", [1, 2], [2, 1], ["1→1000*1", "2→1*1", "1000→2*1"], 1],
  ["a cycle of three", [1, 2, 3], [2, 3, 1], ["1→1000*1", "3→1*1", "2→3*1", "1000→2*1"], 1],
  ["several cycles take turns with one spare page", [1, 2, 5, 6], [2, 1, 6, 5], [], 2],
  ["a source inside the destination that is not a cycle", [2, 9], [1, 2], ["2→1*1", "9→2*1"], 0],
  ["a path beside a cycle", [1, 2, 4, 5], [2, 1, 5, 6], [], 1],
  ["a page in place between two that move", [7, 2, 9], [1, 2, 3], ["7→1*1", "9→3*1"], 0],
  ["one at the top goes to the bottom, the others up", [1, 2, 3, 4], [2, 3, 4, 1], [], 1],
];

describe("the order of page copies", () => {
  it.each(cases)("%s", (_teaches, sources, destinations, moves, cycles) => {
    const order = orderCopies(sources, destinations, SPARE);
    expect(order.cycles).toBe(cycles);
    const memory = new Map(sources.map((page) => [page, page]));
    execute(order, memory);
    expect(destinations.map((page) => memory.get(page))).toEqual(sources);
    if (moves.length > 0) {
      const words = order.moves.map(
        ({ from, to, count, order: way }) => `${from}→${to}*${count}${count > 1 && way === "descending" ? "-" : ""}`,
      );
      expect(words.map((word) => word.replace(/\*1-$/, "*1"))).toEqual(
        moves.map((word) => word.replace(/\*1-$/, "*1")),
      );
    }
  });

  it("without a spare page a cycle cannot be moved, a path can", () => {
    expect(() => orderCopies([1, 2], [2, 1], undefined)).toThrow(RangeError);
    expect(orderCopies([1, 2], [2, 3], undefined).moves).toHaveLength(1);
  });
});

/** Distinct pages of a small memory, so that sources and destinations meet often. */
const plans = fc
  .record({
    pages: fc.integer({ min: 1, max: 60 }),
    seed: fc.array(fc.nat(), { minLength: 240, maxLength: 240 }),
    straight: fc.boolean(),
  })
  .map(({ pages, seed, straight }) => {
    const pick = (from: number): number[] => {
      const all = Array.from({ length: Math.ceil(pages * 1.4) }, (_, index) => index);
      for (let index = 0; index < all.length; index++) {
        const other = index + ((seed[from + index] as number) % (all.length - index));
        [all[index], all[other]] = [all[other] as number, all[index] as number];
      }
      return all.slice(0, pages);
    };
    const destinations = pick(0);
    if (straight) destinations.sort((a, b) => a - b);
    return { sources: pick(120), destinations };
  });

describe("any plan, executed on simulated memory", () => {
  it("leaves every byte where it belongs, with one spare page, in a linear number of copies", () => {
    fc.assert(
      fc.property(plans, ({ sources, destinations }) => {
        const SIZE = 8;
        const order = orderCopies(sources, destinations, SPARE);
        const memory = new Map<number, Uint8Array>();
        for (let page = 0; page < 100; page++) memory.set(page, new Uint8Array(SIZE).fill(page + 100));
        for (const page of sources) {
          memory.set(
            page,
            Uint8Array.from({ length: SIZE }, (_, byte) => (page * 31 + byte * 7) & 0xff),
          );
        }
        const wanted = sources.map((page) => Uint8Array.from(memory.get(page) as Uint8Array));
        const others = [...memory.keys()].filter((page) => !destinations.includes(page) && !sources.includes(page));
        let copies = 0;
        let held = 0;
        let putAside = 0;
        for (const { from, to, count, order: way } of order.moves) {
          for (let k = 0; k < count; k++) {
            const at = way === "ascending" ? k : count - 1 - k;
            const bytes = memory.get(from + at);
            if (bytes === undefined) throw new Error(`page ${from + at} is read before it is written`);
            memory.set(to + at, Uint8Array.from(bytes));
            copies++;
            if (to + at === SPARE) {
              putAside++;
              held++;
            }
            if (from + at === SPARE) held--;
            // At most one page is aside at any time, and nothing but destinations and the spare page is written.
            expect(held === 0 || held === 1).toBe(true);
            expect(to + at === SPARE || destinations.includes(to + at)).toBe(true);
          }
        }
        for (const [index, page] of destinations.entries()) expect(memory.get(page)).toEqual(wanted[index]);
        for (const page of others) expect(memory.get(page)?.every((byte) => byte === page + 100)).toBe(true);
        expect({ held, putAside }).toEqual({ held: 0, putAside: order.cycles });
        expect(copies).toBe(sources.length - order.identity + order.cycles);
        expect(order.cycles).toBeLessThanOrEqual((sources.length - order.identity) / 2);
      }),
      { numRuns: runs(3000) },
    );
  });

  it("of blocks that shift by any distance is one run", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: -400, max: 400 }), (count, distance) => {
        const sources = Array.from({ length: count }, (_, index) => 1000 + index);
        const destinations = sources.map((page) => page + distance);
        expect(orderCopies(sources, destinations, 5000).moves).toHaveLength(distance === 0 ? 0 : 1);
      }),
    );
  });

  it("of 400,000 pages in one great cycle is found", () => {
    const count = 400_000;
    const sources = Float64Array.from({ length: count }, (_, index) => index);
    const destinations = Float64Array.from({ length: count }, (_, index) => (index * 7919 + 13) % count);
    expect(orderCopies(sources, destinations, count).cycles).toBeGreaterThan(0);
  });
});
