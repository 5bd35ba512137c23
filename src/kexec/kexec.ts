import { archFor } from "../arch/registry.ts";
import type { KexecMove, KexecPlan } from "../contract/kexec.ts";
import { ET } from "../elf/constants.ts";
import type { ImageHeader } from "../elf/segments.ts";
import { UnsupportedError, UsageError } from "../errors.ts";
import { KEXEC_FINDINGS, type KexecFinding, kexecFindingText } from "../findings/kexec.ts";
import { hex } from "../hex.ts";
import { withSlashes } from "../paths.ts";
import { WEIGHT } from "../plan/update/order.ts";
import { VERSION } from "../version.ts";
import { type CopyOrder, orderCopies } from "./copy.ts";
import { initrdSegment, noRoom, placeInitrd, rangeOf } from "./initrd.ts";
import type { MemoryMap } from "./memory-map.ts";
import { isWithin, type Range, rangeText, subtractRanges, wholePages } from "./ranges.ts";
import { kernelSegments, type LoadSegment } from "./segments.ts";
import { ascendingPages, randomPages, readPageList, type SourcePages } from "./source-pages.ts";

/** A kernel of which only the headers were read. */
export interface KexecImage {
  /** Path, as given. */
  readonly file: string;
  /** Bytes of the file. */
  readonly size: number;
  readonly header: ImageHeader;
}

/** What the caller may decide. Addresses are physical. */
export interface KexecOptions {
  readonly initrd?: { readonly file: string; readonly size: number } | undefined;
  readonly initrdAddress?: bigint | undefined;
  readonly memory?: MemoryMap | undefined;
  /** All must lie here, in place: the plan for a crash. */
  readonly crashKernel?: Range | undefined;
  /** Bytes, a power of two; default: what the architecture usually has. */
  readonly pageSize?: number | undefined;
  /** Where the lowest segment of the kernel goes; default: where the image says. */
  readonly loadAddress?: bigint | undefined;
  /** Default: ascending. */
  readonly sourcePages?: SourcePages | undefined;
}

/** Pages that a plan may have: 16 GiB of 4 KiB pages. */
const MOST_PAGES = 1 << 22;
/** Bytes of memory that a kernel may claim beyond what its file holds: its variables without contents take a few dozen MiB, with a sanitizer's shadow some hundred. */
const MOST_CLAIMED = 2 ** 30;

/**
 * Plans how a kernel, and its initrd, come to lie in physical memory: the segments, and for the normal case the order in which
 * their pages are moved there from wherever they were loaded. Throws FormatError and UnsupportedError where the file is not an image,
 * UsageError where options contradict it. Bytes are never copied here. Linux: kernel/kexec_core.c.
 */
export function planKexec(image: KexecImage, options: KexecOptions = {}): KexecPlan {
  const { header } = image;
  const kind = kindOf(image);
  const pageSize = options.pageSize ?? archFor(header).kernel.pageSize;
  if (!(pageSize >= 4096 && pageSize <= 1 << 26 && (pageSize & (pageSize - 1)) === 0)) {
    throw new UsageError(`--page-size ${pageSize}: not a power of two from 4K to 64M`);
  }
  const kernel = kernelSegments(header, image, { pageSize, loadAddress: options.loadAddress });
  const findings = [...kernel.findings];
  if (kind === "dyn" && options.loadAddress === undefined) {
    const lowest = kernel.segments[0];
    const detail = lowest === undefined ? "nowhere" : hex(lowest.mem);
    findings.push({ code: "position-independent", name: "the kernel", detail });
  }
  const room = options.crashKernel === undefined ? options.memory?.usable : [options.crashKernel];
  const initrd = planInitrd(image, options, pageSize, kernel.segments, room, findings);
  const segments = [...kernel.segments, ...(initrd?.segment === undefined ? [] : [initrd.segment])];
  segments.sort((a, b) => (a.mem < b.mem ? -1 : a.mem > b.mem ? 1 : 0));
  checkPlaces(segments, options, room, findings);
  // From here on all segments have their places; errors so far mean that no pages can be moved there.
  const copy = findings.some(({ code }) => KEXEC_FINDINGS[code].severity === "error")
    ? null
    : planCopy(segments, options, pageSize, image, findings);
  return {
    schemaVersion: "1.0",
    generator: { name: "elfsplice", version: VERSION },
    kernel: {
      path: withSlashes(image.file),
      size: image.size,
      kind,
      arch: archFor(header).name,
      machine: header.machine,
    },
    ...(initrd === undefined ? {} : { initrd: initrd.description }),
    mode: options.crashKernel === undefined ? "normal" : "panic",
    pageSize,
    memory: room?.map(({ start, end }) => ({ start: hex(start), end: hex(end) })) ?? null,
    segments: segments.map(({ name, mem, memsz, bufsz, parts }) => ({
      name,
      mem: hex(mem),
      memsz,
      bufsz,
      parts: [...parts],
    })),
    entry:
      kernel.entry === undefined
        ? null
        : {
            value: hex(kernel.entry.value),
            physical: hex(kernel.entry.physical),
            as: kernel.entry.as,
          },
    copy,
    ...withStatus(
      findings.map((finding) => ({
        code: finding.code,
        severity: KEXEC_FINDINGS[finding.code].severity,
        name: finding.name,
        message: kexecFindingText(finding),
      })),
    ),
  };
}

/** Findings in the order of their weight, and what they mean for the plan. */
export function withStatus(findings: KexecPlan["findings"]): Pick<KexecPlan, "findings" | "status"> {
  const sorted = findings.toSorted((a, b) => WEIGHT[a.severity] - WEIGHT[b.severity]);
  const worst = sorted[0]?.severity;
  return {
    findings: sorted,
    status: worst === "error" ? "not-applicable" : worst === "warning" ? "needs-work" : "applicable",
  };
}

function kindOf({ file, header }: KexecImage): "exec" | "dyn" {
  if (header.type === ET.EXEC) return "exec";
  if (header.type === ET.DYN) return "dyn";
  const what =
    { [ET.REL]: "a relocatable object", [ET.CORE]: "a core file" }[header.type] ?? `an ELF file of type ${header.type}`;
  throw new UnsupportedError({ file }, `${what}; a linked kernel (vmlinux) is needed`);
}

interface PlannedInitrd {
  readonly segment: LoadSegment | undefined;
  readonly description: NonNullable<KexecPlan["initrd"]>;
}

function planInitrd(
  { header }: KexecImage,
  { initrd, initrdAddress }: KexecOptions,
  pageSize: number,
  kernel: readonly LoadSegment[],
  room: readonly Range[] | undefined,
  findings: KexecFinding[],
): PlannedInitrd | undefined {
  if (initrd === undefined) return undefined;
  const limit = archFor(header).kernel.initrdLimit(kernel[0]?.mem ?? 0n);
  const description = (address: bigint | undefined, why: string): PlannedInitrd["description"] => ({
    path: withSlashes(initrd.file),
    size: initrd.size,
    address: address === undefined ? null : hex(address),
    limit: limit.last === undefined ? null : hex(limit.last),
    why,
  });
  const at = (address: bigint, why: string): PlannedInitrd => ({
    segment: initrd.size === 0 ? undefined : initrdSegment(address, initrd.size, pageSize),
    description: description(address, why),
  });
  const fits = (address: bigint): boolean =>
    limit.last === undefined || address + BigInt(initrd.size) - 1n <= limit.last;
  const refuse = (detail: string): PlannedInitrd => {
    findings.push({ code: "initrd-no-room", name: "the initrd", detail });
    return { segment: undefined, description: description(undefined, limit.why) };
  };
  if (initrdAddress !== undefined) {
    return fits(initrdAddress)
      ? at(initrdAddress, "--initrd-address")
      : refuse(`--initrd-address ${hex(initrdAddress)} puts its end above ${hex(limit.last ?? 0n)} (${limit.why})`);
  }
  if (room !== undefined) {
    const address = placeInitrd(initrd.size, pageSize, room, kernel, limit);
    return address === undefined ? refuse(noRoom(initrd.size, limit)) : at(address, limit.why);
  }
  const last = kernel.at(-1);
  const behind = last === undefined ? 0n : last.mem + BigInt(last.memsz);
  return fits(behind)
    ? at(behind, "behind the kernel, because the memory is not known")
    : refuse(noRoom(initrd.size, limit));
}

/** Whether segments lie in memory, and apart. The kernel's own were compared when they were aligned. */
function checkPlaces(
  segments: readonly LoadSegment[],
  { crashKernel, memory }: KexecOptions,
  room: readonly Range[] | undefined,
  findings: KexecFinding[],
): void {
  for (const [index, segment] of segments.entries()) {
    const range = rangeOf(segment);
    const before = segments[index - 1];
    if (before !== undefined && rangeOf(before).end >= range.start) {
      findings.push({ code: "segments-overlap", name: segment.name, detail: before.name });
    }
    if (room === undefined || isWithin(room, range)) continue;
    const code = crashKernel === undefined ? "segment-outside-memory" : "segment-outside-crash-range";
    const detail =
      crashKernel === undefined ? rangeText(range) : `${rangeText(range)} is not in ${rangeText(crashKernel)}`;
    findings.push({ code, name: segment.name, detail });
  }
  if (crashKernel !== undefined && memory !== undefined) {
    // A crash kernel's memory is taken out of System RAM by the running kernel, or will be.
    const known = [...memory.usable, ...memory.crash];
    if (subtractRanges([crashKernel], known).length > 0) {
      findings.push({ code: "segment-outside-memory", name: "--crash-kernel", detail: rangeText(crashKernel) });
    }
  }
  const [first] = segments;
  if (room === undefined && first !== undefined) {
    const last = segments.at(-1) as LoadSegment;
    const detail = rangeText({ start: first.mem, end: rangeOf(last).end });
    findings.push({ code: "memory-unknown", name: "the kernel", detail });
  }
}

function planCopy(
  segments: readonly LoadSegment[],
  options: KexecOptions,
  pageSize: number,
  image: KexecImage,
  findings: KexecFinding[],
): KexecPlan["copy"] {
  const bytes = segments.reduce((sum, { memsz }) => sum + memsz, 0);
  const claimed = bytes - segments.reduce((sum, { bufsz }) => sum + bufsz, 0);
  if (claimed > MOST_CLAIMED) {
    const detail = `it claims ${claimed} bytes of memory beyond what its file holds, and ${MOST_CLAIMED} are the most`;
    findings.push({ code: "image-too-large", name: image.file, detail });
    return null;
  }
  const pages = bytes / pageSize;
  if (pages > MOST_PAGES) {
    const detail = `${pages} pages of ${pageSize} bytes, and ${MOST_PAGES} are the most`;
    findings.push({ code: "image-too-large", name: image.file, detail });
    return null;
  }
  const destinations = new Float64Array(pages);
  let filled = 0;
  for (const { mem, memsz } of segments) {
    const first = Number(mem / BigInt(pageSize));
    for (let page = first; page < first + memsz / pageSize; page++) destinations[filled++] = page;
  }
  if (options.crashKernel !== undefined)
    return planInPlace(options.crashKernel, destinations, segments, pageSize, findings);
  const { sources, name } = takeSources(destinations, options, pageSize, findings);
  if (sources.length < pages) {
    const detail = `${sources.length} pages are there, the segments have ${pages}`;
    findings.push({ code: "source-pages-short", name, detail });
    return null;
  }
  const outside =
    options.sourcePages?.kind === "list" ? pageOutside(sources, options.memory?.usable, pageSize) : undefined;
  if (outside !== undefined) {
    const detail = `source page ${pageAddress(outside, pageSize)}`;
    findings.push({ code: "source-page-outside-memory", name, detail });
    return null;
  }
  const spare = findSpare(destinations, sources, options.memory?.free, pageSize);
  if (spare === undefined) {
    const detail = "every free page is a source or a destination";
    findings.push({ code: "no-control-page", name: "control code and cycles", detail });
    return null;
  }
  return {
    sources: name,
    pages,
    ...describeOrder(orderCopies(sources, destinations, spare), pageSize),
    spare: pageAddress(spare, pageSize),
  };
}

function pageAddress(page: number, pageSize: number): string {
  const bytes = page * pageSize;
  return Number.isSafeInteger(bytes) ? hex(bytes) : hex(BigInt(page) * BigInt(pageSize));
}

function describeOrder(
  order: CopyOrder,
  pageSize: number,
): Pick<NonNullable<KexecPlan["copy"]>, "identity" | "moved" | "cycles" | "moves"> {
  let moved = 0;
  const moves = order.moves.map(({ from, to, count, order: direction }): KexecMove => {
    moved += count;
    const run = { from: pageAddress(from, pageSize), to: pageAddress(to, pageSize), count };
    return count === 1 ? run : { ...run, order: direction };
  });
  return { identity: order.identity, moved, cycles: order.cycles, moves };
}

/** On panic nothing is moved and nothing allocated: all that may be needed is a page for control code, set aside now. */
function planInPlace(
  range: Range,
  destinations: Float64Array,
  segments: readonly LoadSegment[],
  pageSize: number,
  findings: KexecFinding[],
): KexecPlan["copy"] {
  const pages = destinations.length;
  const [left] = wholePages(subtractRanges([range], segments.map(rangeOf)), pageSize);
  if (left === undefined) {
    const detail = `the segments fill ${rangeText(range)}, and nothing can be allocated at the crash`;
    findings.push({ code: "no-control-page", name: "control code and page tables", detail });
    return null;
  }
  return { sources: "in place", pages, identity: pages, moved: 0, cycles: 0, spare: hex(left.start), moves: [] };
}

/** Where the pages lie when the reboot begins. */
function takeSources(
  destinations: Float64Array,
  { memory, sourcePages = { kind: "ascending" } }: KexecOptions,
  pageSize: number,
  findings: KexecFinding[],
): { sources: Float64Array; name: string } {
  const count = destinations.length;
  if (sourcePages.kind === "list") {
    const { file, text } = sourcePages;
    return {
      sources: readPageList(text, file, pageSize, MOST_PAGES).subarray(0, count),
      name: withSlashes(file),
    };
  }
  // Without a map: behind the highest destination, half as much again, so that a random choice leaves gaps.
  const behind = BigInt((destinations.at(-1) ?? -1) + 1) * BigInt(pageSize);
  const assumed = [{ start: behind, end: behind + BigInt(Math.ceil(count * 1.5) + 1) * BigInt(pageSize) - 1n }];
  const free = wholePages(memory?.free ?? assumed, pageSize);
  const where = memory === undefined ? `in the memory behind ${hex(behind - 1n)}` : "in the free memory of the map";
  if (sourcePages.kind === "random") {
    findings.push({ code: "source-pages-assumed", name: "the segments", detail: `anywhere ${where}, by chance` });
    return { sources: randomPages(count, free, pageSize, sourcePages.seed), name: `random:${sourcePages.seed}` };
  }
  findings.push({ code: "source-pages-assumed", name: "the segments", detail: `one after the other ${where}` });
  return { sources: ascendingPages(count, free, pageSize), name: "ascending" };
}

/** The first page that is not in usable memory, where that is known. */
function pageOutside(pages: Float64Array, usable: readonly Range[] | undefined, pageSize: number): number | undefined {
  if (usable === undefined) return undefined;
  const size = BigInt(pageSize);
  return pages.find((page) => !isWithin(usable, { start: BigInt(page) * size, end: (BigInt(page) + 1n) * size - 1n }));
}

/** The lowest free page that is neither source nor destination; without a map, the one behind all of them. */
function findSpare(
  destinations: Float64Array,
  sources: Float64Array,
  free: readonly Range[] | undefined,
  pageSize: number,
): number | undefined {
  if (free === undefined) {
    let highest = -1;
    for (const page of destinations) if (page > highest) highest = page;
    for (const page of sources) if (page > highest) highest = page;
    return highest + 1;
  }
  const taken = new Set<number>(destinations);
  for (const page of sources) taken.add(page);
  for (const { start, end } of wholePages(free, pageSize)) {
    const last = Number((end + 1n) / BigInt(pageSize));
    for (let page = Number(start / BigInt(pageSize)); page < last; page++) if (!taken.has(page)) return page;
  }
  return undefined;
}
