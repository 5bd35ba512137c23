import type { Arch } from "../arch/arch.ts";
import { archFor, type Target } from "../arch/registry.ts";
import { ET } from "../elf/constants.ts";
import type { ElfObject } from "../elf/object.ts";
import { type ImageHeader, readImageHeader } from "../elf/segments.ts";
import { UnsupportedError } from "../errors.ts";
import { coreImage } from "./core.ts";
import { type FilePages, openPages } from "./file-pages.ts";
import { isFlattened, unflatten } from "./flattened.ts";
import { isKdump, openKdump } from "./kdump.ts";
import { kernelImage } from "./kernel.ts";
import { linkedImage } from "./linked.ts";
import { moduleImage } from "./module.ts";
import type { ImageOptions, ImageParts } from "./parts.ts";
import { NO_SYMBOLS, type RunSymbols } from "./run-symbols.ts";
import { slideBetween } from "./slide.ts";
import { readSystemMap } from "./system-map.ts";

/** The system that runs, as an image shows it. */
export interface RunImage extends Omit<ImageParts, "object" | "files"> {
  readonly path: string;
  readonly arch: Arch;
  /** Run address less the address that the file stores: the slide for files without dynamic relocations, else 0. */
  readonly contentBias: bigint;
  /** An executable or shared object as the format has it, its sections read as they are looked at; undefined for other kinds. */
  readonly object: ElfObject | undefined;
  /** Bytes read from files so far. */
  bytesRead(): number;
  close(): void;
}

/** Opens a run image: an executable, a shared object, a module, a core, or a compressed dump of a kernel. Only headers and symbols are read at once. */
export function openImage(path: string, options: ImageOptions = {}): RunImage {
  const opened = openPages(path);
  try {
    const source = isFlattened(opened) ? unflatten(opened) : opened;
    const map = options.systemMap === undefined ? NO_SYMBOLS : readSystemMap(options.systemMap);
    const { target, ...parts } = isKdump(source) ? dumpParts(source, map, options) : elfParts(source, map, options);
    const symbols = map.count > 0 ? map : parts.symbols;
    const files = [source, ...parts.files];
    return {
      path,
      kind: parts.kind,
      arch: archFor(target),
      slide: parts.slide,
      contentBias: parts.kind === "exec" ? parts.slide : 0n,
      buildId: parts.buildId,
      release: parts.release,
      problems: parts.problems,
      memory: parts.memory,
      symbols,
      object: parts.object,
      table: (name) => parts.table(name) ?? boundedTable(symbols, name),
      bytesRead: () => files.reduce((sum, file) => sum + file.bytesRead(), 0),
      close: () => {
        for (const file of files) file.close();
      },
    };
  } catch (error) {
    opened.close();
    throw error;
  }
}

/** A table between the symbols that the kernel's linker script puts around it. Linux: include/asm-generic/vmlinux.lds.h. */
function boundedTable(
  symbols: RunSymbols,
  name: string,
): { readonly start: bigint; readonly size: number } | undefined {
  const [start] = symbols.named(`__start_${name}`);
  const [stop] = symbols.named(`__stop_${name}`);
  if (start === undefined || stop === undefined || stop.address < start.address) return undefined;
  return { start: start.address, size: Number(stop.address - start.address) };
}

function dumpParts(
  source: FilePages,
  map: RunSymbols,
  options: ImageOptions,
): ImageParts & { readonly target: Target } {
  const dump = openKdump(source);
  const parts = kernelImage({ file: source.file, regions: [], ...dump }, map, options);
  return { ...parts, target: dump.target };
}

function elfParts(source: FilePages, map: RunSymbols, options: ImageOptions): ImageParts & { readonly target: Target } {
  const header = readImageHeader(source);
  return { ...partsOf(source, header, map, options), target: header };
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
