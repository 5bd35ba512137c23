export interface SyntheticPair {
  readonly pre: Uint8Array;
  readonly post: Uint8Array;
  /** Name of the one function that differs. */
  readonly changed: string;
}

export function syntheticPair(count: number): SyntheticPair;
