import type { Arch } from "../arch/arch.ts";
import { archFor } from "../arch/registry.ts";
import { ET } from "../elf/constants.ts";
import { type ImageHeader, readImageHeader } from "../elf/segments.ts";
import { UnsupportedError } from "../errors.ts";
import { type FilePages, openPages } from "./file-pages.ts";
import { coreImage } from "./image-core.ts";
import { linkedImage } from "./image-linked.ts";
import { moduleImage } from "./image-module.ts";
import type { Memory } from "./memory.ts";
import { NO_SYMBOLS, type RunSymbols } from "./run-symbols.ts";
import { slideBetween } from "./slide.ts";
import { readSystemMap } from "./system-map.ts";

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

/** The system that runs, as an image shows it. */
export interface RunImage {
  readonly path: string;
  readonly kind: ImageKind;
  readonly arch: Arch;
  readonly slide: bigint;
  /** What addresses in its contents lack of those where it runs: the slide for files without dynamic relocations, else 0. */
  readonly unmoved: bigint;
  readonly buildId: string | undefined;
  readonly memory: Memory;
  readonly symbols: RunSymbols;
  /** Start and end of a table of the kernel's, by section name; undefined where the image does not tell. */
  table(name: string): { readonly start: bigint; readonly size: number } | undefined;
  /** Bytes read from files so far. */
  bytesRead(): number;
  close(): void;
}

/** What one kind of image makes of its file. */
export interface ImageParts {
  readonly kind: ImageKind;
  readonly memory: Memory;
  readonly symbols: RunSymbols;
  readonly slide: bigint;
  readonly buildId: string | undefined;
  table(name: string): { readonly start: bigint; readonly size: number } | undefined;
  /** Files opened beside the image. */
  readonly files: readonly FilePages[];
}

/** Opens a run image: an executable, a shared object, a module or a core. Only headers and symbols are read at once. */
export function openImage(path: string, options: ImageOptions = {}): RunImage {
  const source = openPages(path);
  try {
    const header = readImageHeader(source);
    const map = options.systemMap === undefined ? NO_SYMBOLS : readSystemMap(options.systemMap);
    const parts = partsOf(source, header, map, options);
    const files = [source, ...parts.files];
    return {
      path,
      kind: parts.kind,
      arch: archFor(header),
      slide: parts.slide,
      unmoved: parts.kind === "exec" ? parts.slide : 0n,
      buildId: parts.buildId,
      memory: parts.memory,
      symbols: map.count > 0 ? map : parts.symbols,
      table: parts.table,
      bytesRead: () => files.reduce((sum, file) => sum + file.bytesRead(), 0),
      close: () => {
        for (const file of files) file.close();
      },
    };
  } catch (error) {
    source.close();
    throw error;
  }
}

function partsOf(source: FilePages, header: ImageHeader, map: RunSymbols, options: ImageOptions): ImageParts {
  switch (header.type) {
    case ET.EXEC:
    case ET.DYN: {
      const deduce = (own: RunSymbols): bigint => options.slide ?? slideBetween(own, map, source.file);
      return linkedImage(source, header, deduce);
    }
    case ET.REL:
      return moduleImage(source, header, map);
    case ET.CORE:
      return coreImage(source, header, map, options);
    default:
      throw new UnsupportedError({ file: source.file }, `an ELF file of type ${header.type}; no image of a run system`);
  }
}
