export interface BuiltTree {
  /** Both folders. */
  readonly pre: string;
  readonly post: string;
  /** Objects and bytes of one side. */
  readonly objects: number;
  readonly bytes: number;
  /** Paths, relative to a side, of the objects that differ. */
  readonly differ: readonly string[];
}

export interface TreeSize {
  readonly objects?: number;
  readonly differing?: number;
  /** Of one side, about. */
  readonly megabytes?: number;
}

export function buildTree(folder: string, size?: TreeSize): BuiltTree;
