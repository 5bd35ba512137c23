/** The first place where a span and the run system differ. */
export interface Mismatch {
  /** Byte offset in the span. */
  readonly offset: number;
  readonly runAddress: bigint;
  /** Bytes of the instruction, or from the place on. */
  readonly pre: Uint8Array;
  readonly run: Uint8Array;
  readonly why: string;
  /** Whether the same place may match once more addresses are known. */
  readonly waits?: true;
}

/** Run code that belongs to a span: one stretch without a gap. */
export interface Block {
  /** Counted from the candidate's address. */
  readonly start: number;
  readonly size: number;
}

/** Where the instructions of a text span are in the run system, when not all are at the same distance. */
export interface OffsetMap {
  /** Whether run code for a span's offset may start at a run offset. */
  has(offset: number, runOffset: number): boolean;
  /** Where the run code for an offset starts; undefined inside an instruction. */
  startOf(offset: number): number | undefined;
}

/** What the comparison of a span with one candidate gives. */
export type ComparisonResult =
  | { readonly mismatch: Mismatch }
  | {
      readonly mismatch: undefined;
      readonly rules: ReadonlySet<string>;
      readonly blocks: readonly Block[];
      /** Undefined: every offset is where it was. */
      readonly map: OffsetMap | undefined;
    };
