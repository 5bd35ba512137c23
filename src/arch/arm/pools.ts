import { readHalf, readWord } from "../../bytes.ts";
import type { Step } from "../anchors/uses.ts";
import type { CodeState } from "../linked.ts";
import { armDecoder, armScanner, thumbDecoder, thumbScanner } from "./anchors.ts";

/** The register to which an instruction adds pc, to compute an address or to load from it; −1 where it does not. */
type Sum = (code: Uint8Array, step: Step) => number;

/** How the code of one state loads from pools, and how far pc is ahead of the instruction that reads it. Arm ARM, A2.3. */
interface State {
  readonly decode: ReturnType<typeof armDecoder>;
  readonly pool: ReturnType<typeof armScanner>["pool"];
  readonly sum: Sum;
  readonly ahead: number;
  readonly unit: number;
}

/** ADD rd, pc, rm; LDR, LDRB, STR, STRB with the address pc + rm. Arm ARM, A8.8.7, A8.8.66. */
const armSum =
  (little: boolean): Sum =>
  (code, { at }) => {
    const word = readWord(code, at, little);
    const isSum = (word & 0x0fff0ff0) === 0x008f0000 || (word & 0x0faf0ff0) === 0x078f0000;
    return isSum ? word & 15 : -1;
  };

/** ADD rdn, pc. Arm ARM, A8.8.6, encoding T2. */
const thumbSum =
  (little: boolean): Sum =>
  (code, { at, length }) => {
    const half = readHalf(code, at, little);
    return length === 2 && (half & 0xff78) === 0x4478 ? (half & 7) | ((half >>> 4) & 8) : -1;
  };

/**
 * How far each word of a literal pool is ahead of the pc that is added to what is loaded from it: position-independent code
 * counts from there, the relocation of the word from the word. Words that are added to pc in several places have no distance.
 */
export function poolDistances(
  code: Uint8Array,
  little: boolean,
  stateAt: (offset: number) => CodeState,
): Map<number, number> {
  const found = new Map<number, number>();
  const unclear = new Set<number>();
  const arm: State = {
    decode: armDecoder(little),
    pool: armScanner(little).pool,
    sum: armSum(little),
    ahead: 8,
    unit: 4,
  };
  const thumb: State = {
    decode: thumbDecoder(little),
    pool: thumbScanner(little).pool,
    sum: thumbSum(little),
    ahead: 4,
    unit: 2,
  };
  /** Words of pools that registers hold. */
  const held = new Map<number, number>();
  for (let at = 0; at < code.length; ) {
    const name = stateAt(at);
    const state = name === "arm" ? arm : thumb;
    const step = name === "data" || at % state.unit !== 0 ? undefined : state.decode(code, at);
    if (step === undefined) {
      at += at % 2 === 0 ? 2 : 1;
      continue;
    }
    const added = state.sum(code, step);
    const word = held.get(added);
    if (word !== undefined) {
      const distance = word - at - state.ahead;
      if ((found.get(word) ?? distance) !== distance) unclear.add(word);
      found.set(word, distance);
    }
    const place = state.pool?.(step, code);
    if (step.writes >= 0) held.delete(step.writes);
    if (place !== undefined && step.writes >= 0) held.set(step.writes, place);
    at += step.length;
  }
  for (const word of unclear) found.delete(word);
  return found;
}
