import { followAArch64 } from "./anchor-aarch64.ts";
import { scanAnchors } from "./anchor-scan.ts";
import type { Arch, Howto } from "./arch.ts";

/** An address of data that the code loads. */
export interface AnchorBase {
  /** Byte offset of the relocated field that completes the address (AArch64: ADD with the low twelve bits). */
  readonly offset: number;
  /** Section index, and byte offset in it. */
  readonly section: number;
  readonly place: number;
}

/** What the instructions of a function do not tell about how control passes through it. */
export interface AnchorFlow {
  /** Byte offsets at which callers enter. */
  readonly entries: readonly number[];
  /** Whether tables lead into its middle: landing pads, jump labels, fixups. */
  readonly isEnteredElsewhere: boolean;
  /** Where the branch at an offset leads when it leaves: to another function, or to a part of this one; undefined when it stays. */
  leaving(offset: number): "function" | "part" | undefined;
  /** Whether a relocation rewrites the instruction at an offset. */
  isRelocated(offset: number): boolean;
}

/** One instruction that reaches a place by its distance from a loaded address. */
export interface AnchoredUse {
  readonly offset: number;
  readonly section: number;
  /** Byte offset in the section of what is reached. */
  readonly place: number;
  /** Bits of the instruction that hold the distance; 0 where they mean more than that place, or nobody knows. */
  readonly mask: number;
  /**
   * Accessed; or only its address computed, which may also be the end of what lies before; or certainly that end: nothing is done
   * with it but to compare it with an address that moves (a loop over an array).
   */
  readonly kind: "access" | "address" | "end";
}

export interface AnchoredUses {
  readonly uses: readonly AnchoredUse[];
  /**
   * Whether the address of the place itself is meant, not only places at a distance from it; `perhaps` when it may have been left
   * over by accesses in a register that a call or a return could read.
   */
  meant(section: number, place: number): "yes" | "perhaps" | "no";
}

/** Whether GCC uses section anchors on an architecture. */
export function hasAnchors(arch: Arch): boolean {
  return BASES[arch.name] !== undefined;
}

/** Whether a relocation may complete the address that accesses count from. */
export function isAnchorBase(arch: Arch, howto: Howto): boolean {
  return BASES[arch.name]?.test(howto.name) ?? false;
}

/** Bytes of code in one function. */
const LARGEST = 2 ** 17;

const BASES: Readonly<Record<string, RegExp>> = {
  aarch64: /^R_AARCH64_ADD_ABS_LO12_NC$/,
  arm: /^R_ARM_(MOVT_ABS|THM_MOVT_ABS|ABS32|REL32)$/,
  ppc64le: /^R_PPC64_TOC16_LO$/,
  ppc64: /^R_PPC64_TOC16_LO$/,
  s390x: /^R_390_PC32DBL$/,
  riscv64: /^R_RISCV_(PCREL_)?HI20$/,
  mips: /^R_MIPS_LO16$/,
  mipsel: /^R_MIPS_LO16$/,
  mips64: /^R_MIPS_(LO16|GOT_OFST)/,
  mips64el: /^R_MIPS_(LO16|GOT_OFST)/,
};

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
 * return, through which something was accessed before, was left over and is no second half of the result.
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
  // No compiler makes such a function; nothing is followed in it.
  if (code.length > LARGEST) return { uses: [], meant: () => "yes" };
  if (arch.name === "aarch64") return followAArch64(code, bases, flow);
  return { uses: scanAnchors(arch, code, bases, flow, isThumb), meant: () => "yes" };
}
