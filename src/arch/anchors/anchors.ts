import type { Arch, Howto } from "../arch.ts";
import { codeFor } from "../code.ts";
import type { AnchorBase, AnchoredUses, AnchorFlow } from "./uses.ts";

/** Whether GCC uses section anchors on an architecture. */
export function hasAnchors({ code }: Arch): boolean {
  return code.anchors !== null;
}

/** Whether a relocation may complete the address that accesses count from. */
export function isAnchorBase({ code }: Arch, howto: Howto): boolean {
  return code.anchors?.bases.test(howto.name) ?? false;
}

/** Bytes of code in one function. */
const LARGEST = 2 ** 17;

/**
 * Places that code reaches by a distance from an address it loaded. GCC's section anchors (-fsection-anchors) load the
 * address of one place in a section and reach the variables around it by the distance in the instruction, where no
 * relocation tells. When another variable comes in front, all distances move; and equal distances may reach another one.
 *
 * On AArch64 registers are followed along all paths. A distance counts as a reference of its own, with its bits masked,
 * only where the register holds one place on every path, loaded by a relocation, copied, or reached from there by ADD or
 * SUB. Wherever the register leaves (argument, return value, stored, compared, indexed, two values joined), the loaded place
 * itself is meant and compared, and all that is reached through it later is compared by its bytes. In a function with
 * control flow that its instructions do not show (jump tables, landing pads, jump labels, cold parts), or that puts such
 * an address on its stack, nothing is masked and every loaded place is compared. The one guess: an address in x1 at a
 * return, through which something was accessed before, was left over and is not a second half of the result.
 *
 * Elsewhere a linear scan finds most accesses; their distances are compared as bytes and, besides, by what they reach.
 */
export function anchoredUses(
  arch: Arch,
  code: Uint8Array,
  bases: readonly AnchorBase[],
  flow: AnchorFlow,
  isThumb: boolean,
): AnchoredUses {
  const { anchors } = codeFor(arch, isThumb);
  // No compiler makes a function of that size.
  if (anchors === null || code.length > LARGEST) return { uses: [], meant: () => "yes" };
  return anchors.follow(code, bases, flow);
}
