import type { AnchorBase, AnchoredUse, AnchorFlow } from "./anchor.ts";
import { type Decoder, firstBehind, type Load, NEAR, type Scanner, type Step, scannerFor } from "./anchor-steps.ts";
import type { Arch } from "./arch.ts";

/** How far the accesses through one loaded address are looked for, in instructions. */
const FOLLOWED = 256;

/**
 * Accesses through loaded addresses, found by reading on from each load until the register is overwritten. Branches are not followed: what
 * is found only adds references that must agree, so an access too many makes a function look changed, never equal.
 */
export function scanAnchors(
  arch: Arch,
  code: Uint8Array,
  bases: readonly AnchorBase[],
  flow: AnchorFlow,
  isThumb: boolean,
): AnchoredUse[] {
  const scanner = scannerFor(arch, isThumb);
  if (scanner === undefined) return [];
  const uses = new Map<number, AnchoredUse>();
  const steps = stepsOf(code, scanner.decode);
  const pools = poolLoads(code, steps, scanner);
  for (const base of bases) {
    const loads = pools.get(base.offset) ?? scanner.loads(code, base.offset, steps);
    for (const [start, register, ahead = 0] of loads) {
      for (const step of reached(steps, start, register)) {
        if (step.access === undefined || flow.isRelocated(step.at) || flow.isRelocated(step.at + 2)) continue;
        const { distance, isAddress } = step.access;
        const use: AnchoredUse = {
          offset: step.at,
          section: base.section,
          place: base.place + distance - ahead,
          mask: 0,
          kind: isAddress ? "address" : "access",
        };
        if (!uses.has(step.at)) uses.set(step.at, use);
      }
    }
  }
  return [...uses.values()].sort((a, b) => a.offset - b.offset);
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

/** Loads from literal pools, by place in the pool: an address, or its distance from where pc is added. */
function poolLoads(code: Uint8Array, steps: readonly Step[], { pool, bias, isSum }: Scanner): Map<number, Load[]> {
  const loads = new Map<number, Load[]>();
  if (pool === undefined) return loads;
  for (const [index, step] of steps.entries()) {
    const place = pool(step, code);
    if (place === undefined || step.writes < 0) continue;
    const sum = steps.slice(index + 1, index + NEAR).find(({ at }) => isSum?.(code, at, step.writes));
    const load: Load = [step.at, step.writes, sum === undefined ? 0 : place - sum.at - (bias ?? 0)];
    const known = loads.get(place);
    if (known === undefined) loads.set(place, [load]);
    else known.push(load);
  }
  return loads;
}

/** Instructions behind an offset that use a register as their base, until one overwrites it by something else. */
function* reached(steps: readonly Step[], start: number, register: number): Generator<Step> {
  let index = firstBehind(steps, start);
  for (const end = Math.min(steps.length, index + FOLLOWED); index < end; index++) {
    const step = steps[index] as Step;
    if (step.base === register) yield step;
    if (step.writes === register && step.base !== register) return;
    // A load into its own base register.
    if (step.writes === register && step.access?.isAddress === false) return;
  }
}
