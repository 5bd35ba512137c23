import { type ImageHeader, PF, PT } from "../elf/segments.ts";
import { linkedSymbols, readImageSymbols, symbolForm } from "./elf-symbols.ts";
import type { FilePages } from "./file-pages.ts";
import { linkedRegions } from "./linked.ts";
import type { Memory, Region } from "./memory.ts";
import { NO_SYMBOLS, type RunSymbol, type RunSymbols, runSymbols } from "./run-symbols.ts";

/** A file that belongs to a core, and how far it was moved. */
export interface SymbolFile {
  readonly source: FilePages;
  readonly header: ImageHeader;
  readonly slide: bigint;
}

/** The symbols of all files, where they are in memory. */
export function symbolsOf(symbolFiles: readonly SymbolFile[]): RunSymbols {
  const list = symbolFiles.flatMap(({ source, header, slide }) => [
    ...linkedSymbols(readImageSymbols(source, header), slide, symbolForm(header)).all(),
  ]);
  const numbered = list.map((symbol, index): RunSymbol => ({ ...symbol, index }));
  return numbered.length === 0 ? NO_SYMBOLS : runSymbols("symbol-table", numbered);
}

/** Start and size of a table, of the first file that has a section of that name. */
export function tableIn(
  symbolFiles: readonly SymbolFile[],
  name: string,
): { readonly start: bigint; readonly size: number } | undefined {
  for (const { header, slide } of symbolFiles) {
    const section = header.sections.find((candidate) => candidate.name === name);
    if (section !== undefined) return { start: section.addr + slide, size: section.size };
  }
  return undefined;
}

/** The pages of the files that the core left out. */
export function regionsOf(symbolFiles: readonly SymbolFile[], saved: Memory): Region[] {
  return symbolFiles
    .flatMap(({ source, header, slide }) =>
      linkedRegions(source, header, slide).filter((region) => !isWritable(region, header, slide)),
    )
    .flatMap((region) => withoutSaved(region, saved));
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
