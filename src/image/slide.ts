import { UsageError } from "../errors.ts";
import { hex } from "../hex.ts";
import type { RunSymbols } from "./run-symbols.ts";

/** KASLR moves a kernel by multiples of this; Ksplice calls anything else bad_system_map. Ksplice: kmodsrc/ksplice.c, bad_system_map. */
const SLIDE_UNIT = 0x100000n;
/** Symbols whose distance is looked at before the majority decides. */
const SAMPLES = 200;

/** A map that is not of this image: no symbol, or no two symbols, agree on how far it was moved. */
export class BadSystemMapError extends UsageError {}

/**
 * How far the run system was moved from where the image's own symbols say it lies: the distance on which most names agree that
 * the running list has exactly once. 0n where one list is empty.
 */
export function slideBetween(own: RunSymbols, running: RunSymbols, file: string): bigint {
  if (own.count === 0 || running.count === 0) return 0n;
  const votes = new Map<bigint, number>();
  let sampled = 0;
  const stride = Math.max(1, Math.floor(own.count / (4 * SAMPLES)));
  let turn = 0;
  for (const symbol of own.all()) {
    if (turn++ % stride !== 0) continue;
    const [there, second] = running.named(symbol.name);
    if (there === undefined || second !== undefined) continue;
    const distance = there.address - symbol.address;
    votes.set(distance, (votes.get(distance) ?? 0) + 1);
    if (++sampled === SAMPLES) break;
  }
  // Per-CPU and absolute symbols stay where they are, so zero wins only when nothing else comes near.
  const ranked = [...votes].sort((a, b) => b[1] - a[1]);
  const best = ranked.find(([distance]) => distance !== 0n) ?? ranked[0];
  const [first] = ranked;
  if (first === undefined || best === undefined) {
    throw new BadSystemMapError(`${file} and the system map have no symbol in common`);
  }
  const chosen = first[0] === 0n && first[1] > 2 * best[1] ? first : best;
  if (chosen[1] * 2 < sampled) {
    throw new BadSystemMapError(`the symbols of ${file} and of the system map lie at no constant distance`);
  }
  if (chosen[0] % SLIDE_UNIT !== 0n && chosen[0] % 0x1000n !== 0n) {
    throw new BadSystemMapError(`${file} would be moved by ${hex(chosen[0])}, which is not a multiple of a page`);
  }
  return chosen[0];
}

/** Per-CPU variables of the kernel count from 0 and stay where they are. */
const NEAR_ZERO = 1n << 28n;

/** Where something that the image places at an address is in the run system. */
export function movedBy(slide: bigint, address: bigint, isExec: boolean): bigint {
  return slide === 0n || (isExec && address < NEAR_ZERO) ? address : BigInt.asUintN(64, address + slide);
}
