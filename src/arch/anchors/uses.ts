/** An address of data that the code loads. */
export interface AnchorBase {
  /** Byte offset of the relocated field that completes the address (AArch64: ADD with the low twelve bits). */
  readonly offset: number;
  /** Section index, and byte offset in it. */
  readonly section: number;
  readonly place: number;
  /**
   * Whether accesses behind the end of its path are not looked for: in a linked image any address may be one that others are counted
   * from, and registers are used again.
   */
  readonly isOfPath: boolean;
}

/** What the instructions of a function do not tell about how control passes through it. */
export interface AnchorFlow {
  /** Byte offsets at which callers enter. */
  readonly entries: readonly number[];
  /** Whether tables lead into its middle: landing pads, jump labels, fixups. */
  readonly isEnteredElsewhere: boolean;
  /** Where the branch at an offset leads when it leaves: to another function, or to a part of this one; undefined when it stays. */
  leaving(offset: number): "function" | "part" | undefined;
  /** Whether control never passes from an instruction, at code[from, to), to the next one. */
  isEnd(from: number, to: number): boolean;
  /** Whether a relocation rewrites the instruction at an offset. */
  isRelocated(offset: number): boolean;
}

/** One instruction that reaches a place by its distance from a loaded address. */
export interface AnchoredUse {
  readonly offset: number;
  readonly section: number;
  /** Byte offset in the section of what is reached. */
  readonly place: number;
  /** Bits of the instruction that hold the distance; 0 where they do not identify a single place. */
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

/** One instruction, as far as accesses by a distance from a register go. */
export interface Step {
  readonly at: number;
  readonly length: number;
  /** Register that it counts from, or −1. */
  readonly base: number;
  readonly access: { readonly distance: number; readonly isAddress: boolean } | undefined;
  /** A second register that it counts from: an index, or the base of a second operand in memory. */
  readonly second?: { readonly base: number; readonly distance: number };
  /** Bytes that it accesses, where it is about several registers, so that they may belong to several variables. */
  readonly width?: number;
  /** Register that it overwrites, or −1. */
  readonly writes: number;
}

/** The instruction at an offset; undefined at the end of the code. */
export type Decoder = (code: Uint8Array, at: number) => Step | undefined;

/** How section anchors look in the code of one instruction set. */
export interface AnchorModel {
  /** Relocation types, by name, that may complete the address that accesses count from. */
  readonly bases: RegExp;
  /** The instruction at an offset, as far as accesses by a distance go: whatever register it counts from. */
  readonly decode: Decoder;
  /** Registers that never hold the address of a variable of the object: the stack pointer, the thread pointer, zero. */
  readonly fixed: readonly number[];
  /** The register that holds the address of a function's frame all the time, where its code sets one; undefined where it does not. */
  frame(code: Uint8Array): number | undefined;
  /** The places that code reaches from the given addresses. */
  follow(code: Uint8Array, bases: readonly AnchorBase[], flow: AnchorFlow): AnchoredUses;
}
