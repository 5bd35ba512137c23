import type { ElfObject } from "../elf/object.ts";
import type { FilePages } from "./file-pages.ts";
import type { Memory } from "./memory.ts";
import type { RunSymbols } from "./run-symbols.ts";

/** What an image is: linked at fixed addresses, linked to be moved, not linked (a module), or memory that was saved. */
type ImageKind = "exec" | "dyn" | "rel" | "core";

/** What the caller knows about a run image. */
export interface ImageOptions {
  /** System.map or /proc/kallsyms. */
  readonly systemMap?: string | undefined;
  /** Executables and libraries that give a core its symbols and the pages that it left out. */
  readonly symbolFiles?: readonly string[] | undefined;
  /** Added to every address of the image's own headers; deduced where it is not given. */
  readonly slide?: bigint | undefined;
}

/** What one kind of image makes of its file. */
export interface ImageParts {
  readonly kind: ImageKind;
  readonly memory: Memory;
  readonly symbols: RunSymbols;
  readonly slide: bigint;
  readonly buildId: string | undefined;
  /** `uname -r` of a kernel, where its core tells. */
  readonly release?: string | undefined;
  /** What was there and could not be used, in words. */
  readonly problems?: readonly string[] | undefined;
  /** Start and end of a table of the kernel's, by section name; undefined where the image does not tell. */
  table(name: string): { readonly start: bigint; readonly size: number } | undefined;
  /** An executable or shared object as the format has it. */
  readonly object?: ElfObject | undefined;
  /** Files opened beside the image. */
  readonly files: readonly FilePages[];
}
