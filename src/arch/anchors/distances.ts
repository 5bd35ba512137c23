import type { Arch } from "../arch.ts";
import { codeFor } from "../code.ts";

/** More sums than that are not computed. */
const MOST = 2 ** 20;
/** Words of a literal pool that may be a distance. */
const FARTHEST = 2 ** 20;
/** Smaller distances stand in the instructions themselves: no register is loaded with them, nor is one added in two steps. */
const SMALLEST = 248;

/**
 * Whether code may reach what lies from one distance up to another behind an address that it loads, by the distances that stand in its
 * instructions: of an access, of one or two additions before it, of a register that is loaded with a constant. Which register an
 * instruction counts from is not asked, but for the stack pointer; so the answer can be too often yes, never wrongly no.
 */
export function reachTest(arch: Arch, code: Uint8Array, isThumb: boolean): (from: number, to: number) => boolean {
  const { sums, accesses, constants } = distancesOf(arch, code, isThumb);
  const steps = [...sums].filter((sum) => Math.abs(sum) >= SMALLEST);
  if (sums.size * (steps.length + 1) * accesses.size > MOST) return () => true;
  const places = new Map<number, number>();
  const add = (at: number, width: number): void => void places.set(at, Math.max(width, places.get(at) ?? 1));
  for (const constant of constants) add(constant, 1);
  for (const a of sums) for (const b of [0, ...steps]) for (const [c, width] of accesses) add(a + b + c, width);
  const sorted = [...places].sort(([a], [b]) => a - b);
  const widest = sorted.reduce((most, [, width]) => Math.max(most, width), 1);
  return (from, to) => {
    for (let i = lowerBound(sorted, from - widest + 1); i < sorted.length; i++) {
      const [at, width] = sorted[i] as readonly [number, number];
      if (at >= to) return false;
      if (at + width > from) return true;
    }
    return false;
  };
}

function lowerBound(sorted: readonly (readonly [number, number])[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as readonly [number, number])[0] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface Distances {
  /** What is added to a register; 0 among them. */
  readonly sums: ReadonlySet<number>;
  /** What accesses count, 0 among them, and how many bytes they are about, where that can be several variables. */
  readonly accesses: ReadonlyMap<number, number>;
  /** What a register is loaded with. */
  readonly constants: ReadonlySet<number>;
}

function distancesOf(arch: Arch, code: Uint8Array, isThumb: boolean): Distances {
  const { anchors, alignment, loadedConstant } = codeFor(arch, isThumb);
  const sums = new Set([0]);
  const accesses = new Map([[0, 1]]);
  const constants = new Set<number>();
  const note = (distance: number, width: number): void =>
    void accesses.set(distance, Math.max(width, accesses.get(distance) ?? 1));
  const frame = anchors?.frame(code);
  const isFixed = (register: number): boolean => register === frame || anchors?.fixed.includes(register) === true;
  // Where an instruction begins is not always known (pools, several lengths): every place is looked at.
  for (let at = 0; at < code.length; at += alignment) {
    const step = anchors?.decode(code, at);
    if (step === undefined) continue;
    const { base, access, second, width = 1 } = step;
    if (access !== undefined && !isFixed(base)) {
      if (access.isAddress) sums.add(access.distance);
      else note(access.distance, width);
    }
    if (second !== undefined && !isFixed(second.base)) note(second.distance, 1);
    const constant = loadedConstant(code, at);
    if (constant !== undefined && constant.value >= SMALLEST) constants.add(constant.value);
  }
  if (arch.code.poolDistances !== undefined) for (const word of smallWords(arch, code)) constants.add(word);
  return { sums, accesses, constants };
}

/** Words that a literal pool may hold. */
function smallWords({ data }: Arch, code: Uint8Array): number[] {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const words: number[] = [];
  for (let at = 0; at + 4 <= code.length; at += 4) {
    const word = view.getInt32(at, data === "lsb");
    if (Math.abs(word) >= SMALLEST && Math.abs(word) < FARTHEST) words.push(word);
  }
  return words;
}
