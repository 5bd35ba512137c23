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
import { linkedSymbols, readImageSymbols, symbolForm } from "./elf-symbols.ts";
import { type FilePages, openPages } from "./file-pages.ts";
import type { ImageOptions, ImageParts } from "./image.ts";
import { buildIdOf, linkedRegions } from "./image-linked.ts";
import { type Memory, memoryOf, type Region } from "./memory.ts";
import { type RunSymbol, type RunSymbols, runSymbols } from "./run-symbols.ts";
import { slideBetween } from "./slide.ts";

/** A file that belongs to the core. */
interface Companion {
  readonly source: FilePages;
  readonly header: ImageHeader;
  readonly slide: bigint;
}

/** A core with the files that explain it. */
export function coreImage(source: FilePages, header: ImageHeader, map: RunSymbols, options: ImageOptions): ImageParts {
  const notes = readCoreNotes(source, header);
  const saved = memoryOf(savedRegions(source, header));
  const companions =
    notes.files.length > 0
      ? processFiles(notes, saved, options)
      : (options.symbolFiles ?? []).map((path) => kernelFile(path, notes, map, options));
  const first = companions[0];
  const list = companions.flatMap(({ source: file, header: of, slide }) => [
    ...linkedSymbols(readImageSymbols(file, of), slide, symbolForm(of)).all(),
  ]);
  const left = companions.flatMap(({ source: file, header: of, slide }) =>
    linkedRegions(file, of, slide).filter((region) => of.segments.length > 0 && !isWritable(region, of, slide)),
  );
  return {
    kind: "core",
    memory: memoryOf([...saved.regions, ...left.flatMap((region) => withoutSaved(region, saved))]),
    symbols: list.length === 0 ? runSymbols("none", []) : runSymbols("symbol-table", numbered(list)),
    slide: options.slide ?? first?.slide ?? notes.kernelOffset ?? 0n,
    buildId: first && buildIdOf(first.source, first.header),
    table(name) {
      for (const { header: of, slide } of companions) {
        const section = of.sections.find((candidate) => candidate.name === name);
        if (section !== undefined) return { start: section.addr + slide, size: section.size };
      }
      return undefined;
    },
    files: companions.map((companion) => companion.source),
  };
}

function numbered(symbols: readonly RunSymbol[]): RunSymbol[] {
  return symbols.map((symbol, index) => ({ ...symbol, index }));
}

/** What the core itself holds. */
function savedRegions(source: FilePages, header: ImageHeader): Region[] {
  return header.segments
    .filter(({ type, filesz }) => type === PT.LOAD && filesz > 0)
    .map(({ vaddr, filesz, offset, flags }: Segment) => ({
      start: vaddr,
      size: Math.min(filesz, Math.max(0, source.size - offset)),
      held: Math.min(filesz, Math.max(0, source.size - offset)),
      executable: (flags & PF.X) !== 0,
      name: source.file,
      read: (from, length) => source.read(offset + from, length),
    }));
}

/** Writable pages have the process's own contents, which a file does not know. */
function isWritable(region: Region, header: ImageHeader, slide: bigint): boolean {
  return header.segments.some(
    ({ type, vaddr, flags }) => type === PT.LOAD && vaddr + slide === region.start && (flags & PF.W) !== 0,
  );
}

/** The parts of a region that were not saved, in pages. */
function withoutSaved(region: Region, saved: Memory): Region[] {
  const parts: Region[] = [];
  let from = 0;
  const end = (to: number): void => {
    if (to <= from) return;
    const start = from;
    parts.push({
      ...region,
      start: region.start + BigInt(start),
      size: to - start,
      held: Math.max(0, Math.min(to, region.held) - start),
      read: (at, length) => region.read(start + at, length),
    });
  };
  while (from < region.size) {
    const address = region.start + BigInt(from);
    const held = saved.regionAt(address);
    if (held !== undefined) {
      from += Number(held.start + BigInt(held.size) - address);
      continue;
    }
    const next = saved.regions.find(({ start }) => start > address);
    const to = next === undefined ? region.size : Math.min(region.size, Number(next.start - region.start));
    end(to);
    from = to;
  }
  return parts;
}

/** The executables and libraries of a process, as far as they are at hand. */
function processFiles({ files }: CoreNotes, saved: Memory, options: ImageOptions): Companion[] {
  const given = [...(options.symbolFiles ?? [])];
  const found: Companion[] = [];
  for (const mapped of files) {
    if (mapped.offset !== 0) continue;
    const named = given.find((path) => basename(path) === basename(mapped.path));
    const path = named ?? (existsSync(mapped.path) ? mapped.path : undefined);
    const companion = path === undefined ? undefined : openCompanion(path, mapped, saved, named !== undefined);
    if (companion !== undefined) found.push(companion);
  }
  for (const path of given) {
    if (!found.some(({ source }) => source.file === path)) {
      throw new UsageError(`${path}: no file of that name is mapped in the core`);
    }
  }
  return found;
}

/** A file that was mapped, if it is the same one still; one that was asked for must be. */
function openCompanion(path: string, mapped: MappedFile, saved: Memory, required: boolean): Companion | undefined {
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

/** The vmlinux of a kernel's core. */
function kernelFile(path: string, notes: CoreNotes, map: RunSymbols, options: ImageOptions): Companion {
  const source = openPages(path);
  const header = readImageHeader(source);
  const deduced = (): bigint =>
    notes.kernelOffset ?? slideBetween(linkedSymbols(readImageSymbols(source, header), 0n), map, path);
  return { source, header, slide: options.slide ?? deduced() };
}
