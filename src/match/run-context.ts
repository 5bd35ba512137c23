import type { Arch } from "../arch/arch.ts";
import type { RunImage } from "../image/image.ts";
import type { Span } from "../spans/span.ts";
import type { OffsetMap } from "./compare/mismatch.ts";
import type { Key, Values } from "./values.ts";

/** What the comparison of one span needs to know of everything else. */
export interface Context {
  readonly image: RunImage;
  readonly arch: Arch;
  readonly values: Values;
  /** The module that the objects belong to; undefined: the kernel itself, or a program. */
  readonly module: string | undefined;
  /** Offset maps of the text spans that are matched. */
  readonly maps: ReadonlyMap<Span, OffsetMap>;
  /** The span of any object of the update that defines a global name in the run system too, and where in it. */
  definition(name: string): { readonly span: Span; readonly offset: number } | undefined;
}

/** What a relocation refers to: the key, and the distance of what is meant from the key's address. */
export interface Reference {
  readonly key: Key;
  readonly offset: bigint;
}
