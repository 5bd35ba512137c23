/*
 * The memory of a kernel: a core of /proc/kcore or kdump, or a compressed dump of pages. What it holds is found by the virtual addresses
 * that a core's segments have, or by the physical ones and what VMCOREINFO says of where the kernel lies. Symbols come from --system-map, else
 * from the vmlinux, else from the kernel's own list.
 */
import { archFor, type Target } from "../arch/registry.ts";
import { readImageHeader } from "../elf/segments.ts";
import { FormatError } from "../errors.ts";
import { linkedSymbols, readImageSymbols } from "./elf-symbols.ts";
import { openPages } from "./file-pages.ts";
import { readKallsyms } from "./kallsyms.ts";
import { kernelRegions } from "./kernel-space.ts";
import { buildIdOf } from "./linked.ts";
import { type Memory, memoryOf, type Region } from "./memory.ts";
import type { ImageOptions, ImageParts } from "./parts.ts";
import type { Physical } from "./physical.ts";
import { NO_SYMBOLS, type RunSymbols } from "./run-symbols.ts";
import { slideBetween } from "./slide.ts";
import { regionsOf, type SymbolFile, symbolsOf, tableIn } from "./symbol-files.ts";
import type { VmcoreInfo } from "./vmcoreinfo.ts";

/** What a dump of any form tells of a kernel. */
export interface KernelMemory {
  readonly file: string;
  readonly target: Target;
  readonly info: VmcoreInfo | undefined;
  /** What has virtual addresses in the dump. */
  readonly regions: readonly Region[];
  readonly physical: Physical | undefined;
  readonly physBase: bigint;
}

/** A kernel's memory with the files that explain it. */
export function kernelImage(dump: KernelMemory, map: RunSymbols, options: ImageOptions): ImageParts {
  const { info } = dump;
  const symbolFiles = (options.symbolFiles ?? []).map((path) => kernelFile(path, info, map, options));
  const own = symbolsOf(symbolFiles);
  const listed = map.count > 0 ? map : own;
  const saved = memoryOf([...dump.regions, ...imageRegions(dump, listed)]);
  const kallsyms = listed.count > 0 || info === undefined ? undefined : readKallsyms(saved, info, dump.target.data);
  return {
    kind: "core",
    memory: memoryOf([...saved.regions, ...regionsOf(symbolFiles, saved)]),
    symbols: own.count > 0 ? own : (kallsyms?.symbols ?? NO_SYMBOLS),
    slide: options.slide ?? symbolFiles[0]?.slide ?? info?.kernelOffset ?? 0n,
    buildId: info?.buildId ?? (symbolFiles[0] && buildIdOf(symbolFiles[0].source, symbolFiles[0].header)),
    release: info?.release,
    problems: kallsyms?.problem === undefined ? [] : [kallsyms.problem],
    table: (name) => tableIn(symbolFiles, name),
    files: symbolFiles.map(({ source }) => source),
  };
}

/** The kernel's image by physical addresses, as far as no segment has it. */
function imageRegions(dump: KernelMemory, symbols: RunSymbols): Region[] {
  const { info, physical, target, physBase, file } = dump;
  const [first, last] = [symbols.named("_stext")[0]?.address, symbols.named("_end")[0]?.address];
  const start = info?.symbol("_stext") ?? first;
  if (physical === undefined) return [];
  const held: Memory = memoryOf(dump.regions);
  if (start !== undefined && held.regionAt(start) !== undefined) return [];
  const regions = kernelRegions({
    kernel: archFor(target).kernel,
    info,
    physBase,
    physical,
    name: file,
    start,
    end: last,
  });
  return regions.filter((region) => held.regionAt(region.start) === undefined);
}

/** The vmlinux of a kernel's dump; one with another build ID is refused. */
function kernelFile(path: string, info: VmcoreInfo | undefined, map: RunSymbols, options: ImageOptions): SymbolFile {
  const source = openPages(path);
  try {
    const header = readImageHeader(source);
    const own = buildIdOf(source, header);
    if (info?.buildId !== undefined && own !== undefined && own !== info.buildId) {
      throw new FormatError({ file: path }, `build ID ${own} is not that of the dump, ${info.buildId}`);
    }
    const deduced = (): bigint =>
      info?.kernelOffset ?? slideBetween(linkedSymbols(readImageSymbols(source, header), 0n), map, path);
    return { source, header, slide: options.slide ?? deduced() };
  } catch (error) {
    source.close();
    throw error;
  }
}
