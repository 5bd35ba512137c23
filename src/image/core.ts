/*
 * A core is memory that was saved: of a process (gcore, or the kernel's own dump) or of a kernel (/proc/kcore, kdump). It has no symbols,
 * and often not even the code, because that is in the files that were mapped. So each mapped file is looked for: among
 * --symbols, or where it was. It is taken only if its build ID is the one that the core has in memory. Then it gives its
 * symbols, moved to where it was mapped, and those pages that were left out.
 */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { type ByteSource, type ImageHeader, PF, PT, readImageHeader, type Segment } from "../elf/segments.ts";
import { FormatError, UsageError } from "../errors.ts";
import { type CoreNotes, type MappedFile, readCoreNotes } from "./core-notes.ts";
import { type FilePages, openPages } from "./file-pages.ts";
import { kernelImage } from "./kernel.ts";
import { buildIdOf } from "./linked.ts";
import { type Memory, memoryOf, type Region } from "./memory.ts";
import type { ImageOptions, ImageParts } from "./parts.ts";
import { segmentMemory } from "./physical.ts";
import type { RunSymbols } from "./run-symbols.ts";
import { regionsOf, type SymbolFile, symbolsOf, tableIn } from "./symbol-files.ts";

/** A core with the files that explain it. */
export function coreImage(source: FilePages, header: ImageHeader, map: RunSymbols, options: ImageOptions): ImageParts {
  const notes = readCoreNotes(source, header);
  const regions = savedRegions(source, header, notes.info !== undefined);
  if (notes.files.length === 0) {
    const physical = notes.info === undefined ? undefined : segmentMemory(source, header);
    const dump = { file: source.file, target: header, info: notes.info, regions, physical, physBase: 0n };
    return kernelImage(dump, map, options);
  }
  const saved = memoryOf(regions);
  const symbolFiles = processFiles(notes, saved, options);
  const first = symbolFiles[0];
  return {
    kind: "core",
    memory: memoryOf([...saved.regions, ...regionsOf(symbolFiles, saved)]),
    symbols: symbolsOf(symbolFiles),
    slide: options.slide ?? first?.slide ?? 0n,
    buildId: first && buildIdOf(first.source, first.header),
    table: (name) => tableIn(symbolFiles, name),
    files: symbolFiles.map((symbolFile) => symbolFile.source),
  };
}

/** What the core itself holds. */
function savedRegions(source: FilePages, header: ImageHeader, isKernel: boolean): Region[] {
  return (
    header.segments
      // QEMU gives the memory of a guest physical addresses only.
      .filter(({ type, filesz, vaddr }) => type === PT.LOAD && filesz > 0 && !(isKernel && vaddr === 0n))
      .map(({ vaddr, filesz, offset, flags }: Segment) => ({
        start: vaddr,
        size: Math.min(filesz, Math.max(0, source.size - offset)),
        held: Math.min(filesz, Math.max(0, source.size - offset)),
        executable: (flags & PF.X) !== 0,
        name: source.file,
        read: (from, length) => source.read(offset + from, length),
      }))
  );
}

/** The executables and libraries of a process, as far as they are at hand. */
function processFiles({ files }: CoreNotes, saved: Memory, options: ImageOptions): SymbolFile[] {
  const given = [...(options.symbolFiles ?? [])];
  const found: SymbolFile[] = [];
  for (const mapped of files) {
    if (mapped.offset !== 0) continue;
    const named = given.find((path) => basename(path) === basename(mapped.path));
    const path = named ?? (existsSync(mapped.path) ? mapped.path : undefined);
    const symbolFile = path === undefined ? undefined : openSymbolFile(path, mapped, saved, named !== undefined);
    if (symbolFile !== undefined) found.push(symbolFile);
  }
  for (const path of given) {
    if (!found.some(({ source }) => source.file === path)) {
      throw new UsageError(`${path}: no file of that name is mapped in the core`);
    }
  }
  return found;
}

/** A file that was mapped, if it is the same one still; one that was asked for must be. */
function openSymbolFile(path: string, mapped: MappedFile, saved: Memory, required: boolean): SymbolFile | undefined {
  const source = openPages(path);
  try {
    const header = readImageHeader(source);
    const own = buildIdOf(source, header);
    const running = buildIdInMemory(path, mapped, saved);
    if (own !== running && running !== undefined) {
      if (required)
        throw new FormatError({ file: path }, `build ID ${own ?? "none"} is not that of the core, ${running}`);
      source.close();
      return undefined;
    }
    const first = header.segments.find(({ type }) => type === PT.LOAD);
    if (first === undefined) {
      source.close();
      return undefined;
    }
    return { source, header, slide: mapped.start - (first.vaddr - BigInt(first.offset)) };
  } catch (error) {
    source.close();
    if (required || !(error instanceof FormatError)) throw error;
    return undefined;
  }
}

/** The build ID of the file that is mapped at an address, from memory; undefined where its first page was not saved. */
function buildIdInMemory(file: string, mapped: MappedFile, saved: Memory): string | undefined {
  const region = saved.regionAt(mapped.start);
  if (region === undefined) return undefined;
  const size = Math.min(Number(mapped.end - mapped.start), region.size - Number(mapped.start - region.start));
  const source: ByteSource = {
    file,
    size,
    read: (offset, length) => saved.read(mapped.start + BigInt(offset), length) ?? new Uint8Array(0),
  };
  try {
    return buildIdOf(source, readImageHeader(source, "segments"));
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
