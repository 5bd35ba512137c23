import { addTo } from "../../grouping.ts";
import type { AnchorBase, AnchoredUse, AnchorFlow, AnchorModel, Decoder, Step } from "./uses.ts";

export type Load = readonly [at: number, register: number];

/** An address is put together by instructions at most so far from each other. */
export const NEAR = 64;

/** How the code of one architecture is looked through. */
export interface Scanner {
  readonly decode: Decoder;
  /** Where the address relocated at an offset gets into a register, and into which. */
  loads(code: Uint8Array, offset: number, steps: readonly Step[]): Load[];
  /** See `AnchorModel`; absent where the frame pointer cannot be told from other registers. */
  frame?(code: Uint8Array): number | undefined;
  /** Place in a literal pool that an instruction loads from. */
  readonly pool?: (step: Step, code: Uint8Array) => number | undefined;
}

/** Index of the first instruction behind an offset. */
export function firstBehind(steps: readonly Step[], offset: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((steps[middle] as Step).at <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Anchors of an instruction set in which accesses are found by a linear scan: what is loaded is always compared as well. */
export function scanned(bases: RegExp, fixed: readonly number[], scanner: Scanner): AnchorModel {
  return {
    bases,
    decode: scanner.decode,
    fixed,
    frame: (code) => scanner.frame?.(code),
    follow: (code, from, flow) => ({ uses: scanAnchors(scanner, code, from, flow), meant: () => "yes" }),
  };
}

/** How far the accesses through one loaded address are looked for, in instructions. */
const FOLLOWED = 256;

/**
 * Accesses through loaded addresses, found by reading on from each load until the register is overwritten. Branches are not followed: what
 * is found only adds references that must agree, so an access too many makes a function look changed, never equal.
 */
function scanAnchors(
  scanner: Scanner,
  code: Uint8Array,
  bases: readonly AnchorBase[],
  flow: AnchorFlow,
): AnchoredUse[] {
  const uses = new Map<number, AnchoredUse>();
  const steps = stepsOf(code, scanner.decode);
  const pools = poolLoads(code, steps, scanner);
  for (const base of bases) {
    const loads = pools.get(base.offset) ?? scanner.loads(code, base.offset, steps);
    for (const [start, register] of loads) {
      const isEnd = base.isOfPath ? ({ at, length }: Step) => flow.isEnd(at, at + length) : NEVER;
      for (const step of reached(steps, start, register, isEnd)) {
        const { distance, isAddress } = accessBy(step, register) ?? { distance: Number.NaN, isAddress: false };
        if (Number.isNaN(distance) || flow.isRelocated(step.at) || flow.isRelocated(step.at + 2)) continue;
        const use: AnchoredUse = {
          offset: step.at,
          section: base.section,
          place: base.place + distance,
          mask: 0,
          kind: isAddress ? "address" : "access",
        };
        if (!uses.has(step.at)) uses.set(step.at, use);
      }
    }
  }
  return [...uses.values()].sort((a, b) => a.offset - b.offset);
}

/** What an instruction reaches by a register, whichever of its operands has it. */
function accessBy({ base, access, second }: Step, register: number): Step["access"] {
  if (base === register) return access;
  return second?.base === register ? { distance: second.distance, isAddress: false } : undefined;
}

function stepsOf(code: Uint8Array, decode: Decoder): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < code.length; ) {
    const step = decode(code, at);
    if (step === undefined) break;
    steps.push(step);
    at += step.length;
  }
  return steps;
}

/** Loads from literal pools, by place in the pool: of an address, or of its distance from where pc is added. */
function poolLoads(code: Uint8Array, steps: readonly Step[], { pool }: Scanner): Map<number, Load[]> {
  const loads = new Map<number, Load[]>();
  if (pool === undefined) return loads;
  for (const step of steps) {
    const place = pool(step, code);
    if (place === undefined || step.writes < 0) continue;
    addTo(loads, place, [step.at, step.writes]);
  }
  return loads;
}

const NEVER = (): boolean => false;

/** Instructions behind an offset that use a register as their base, until one overwrites it by something else or is an end. */
function* reached(
  steps: readonly Step[],
  start: number,
  register: number,
  isEnd: (step: Step) => boolean,
): Generator<Step> {
  let index = firstBehind(steps, start);
  for (const end = Math.min(steps.length, index + FOLLOWED); index < end; index++) {
    const step = steps[index] as Step;
    if (step.base === register || step.second?.base === register) yield step;
    if (step.writes === register && step.base !== register) return;
    // A load into its own base register.
    if (step.writes === register && step.access?.isAddress === false) return;
    if (isEnd(step)) return;
  }
}
