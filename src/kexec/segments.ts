import { directAddress } from "../arch/kernel.ts";
import { archFor } from "../arch/registry.ts";
import { type ImageHeader, PF, PT, type Segment } from "../elf/segments.ts";
import { FormatError, UnsupportedError } from "../errors.ts";
import type { KexecFinding } from "../findings/kexec.ts";
import { hex } from "../hex.ts";
import { append } from "../lists.ts";

/** Bytes of a file that come to lie in a segment. */
interface Part {
  readonly from: "kernel" | "initrd";
  /** Byte offset in the file. */
  readonly offset: number;
  readonly size: number;
  /** Byte offset in the segment; what no part covers is zero. */
  readonly at: number;
}

/** One piece of physical memory that is to be filled, in whole pages. Linux: include/uapi/linux/kexec.h, struct kexec_segment. */
export interface LoadSegment {
  /** What to call it in findings. */
  readonly name: string;
  readonly mem: bigint;
  /** Bytes in memory, a multiple of the page size. */
  readonly memsz: number;
  /** Bytes that come from files, counted from the start; the rest up to memsz is zero. */
  readonly bufsz: number;
  readonly parts: readonly Part[];
}

/** A PT_LOAD segment at its physical address. */
interface Placed {
  readonly name: string;
  readonly segment: Segment;
  readonly mem: bigint;
}

/** The image's entry point. */
interface Entry {
  /** e_entry as it stands in the file. */
  readonly value: bigint;
  readonly physical: bigint;
  /** How e_entry was understood: `both` where virtual and physical addresses are the same there. */
  readonly as: "physical" | "virtual" | "both";
}

export interface KernelSegments {
  readonly segments: readonly LoadSegment[];
  readonly entry: Entry | undefined;
  readonly findings: readonly KexecFinding[];
}

export interface SegmentOptions {
  readonly pageSize: number;
  /** Where the lowest segment goes; default: where the image says. */
  readonly loadAddress: bigint | undefined;
}

/**
 * The PT_LOAD segments of a kernel as pieces of physical memory, aligned outward to pages. Throws FormatError where a segment's
 * contents are not in the file, UnsupportedError where there is none.
 */
export function kernelSegments(
  header: ImageHeader,
  file: { readonly file: string; readonly size: number },
  { pageSize, loadAddress }: SegmentOptions,
): KernelSegments {
  const findings: KexecFinding[] = [];
  const loads = header.segments.filter(({ type }) => type === PT.LOAD);
  for (const { offset, filesz } of loads) {
    if (offset + filesz > file.size) {
      throw new FormatError(
        { file: file.file, offset },
        `a segment ends past the end of the file (${file.size} bytes)`,
        filesz,
      );
    }
  }
  const full = place(header, loads, loadAddress, findings);
  if (full.length === 0) throw new UnsupportedError({ file: file.file }, "has no segment to load: not a linked kernel");
  const entry = findEntry(header.entry, full, findings);
  const inSpace = checkEach(full, header.class, pageSize, findings);
  return { segments: joinPages(inSpace, pageSize, findings), entry, findings };
}

/** Bytes that one segment may have, far above any kernel: sums of all segments stay exact. */
const MOST_BYTES = 2 ** 36;

function nameOf(index: number, { vaddr }: Segment): string {
  return `segment ${index} (${hex(vaddr)})`;
}

function place(
  header: ImageHeader,
  loads: readonly Segment[],
  loadAddress: bigint | undefined,
  findings: KexecFinding[],
): Placed[] {
  const { kernel } = archFor(header);
  const full = loads.flatMap((segment, index) => {
    const name = nameOf(index, segment);
    if (segment.memsz === 0) {
      findings.push({ code: "segment-empty", name, detail: "" });
      return [];
    }
    return [{ name, segment, mem: directAddress(kernel, segment.paddr) }];
  });
  if (full.length === 0) return [];
  const lowest = full.reduce((least, { mem }) => (mem < least ? mem : least), (full[0] as Placed).mem);
  if (loadAddress !== undefined) {
    const detail = `from ${hex(lowest)} to ${hex(loadAddress)}`;
    if (loadAddress !== lowest) findings.push({ code: "moved-by-request", name: "the kernel", detail });
    return full.map((placed) => ({ ...placed, mem: placed.mem - lowest + loadAddress }));
  }
  reportVirtual(header, full, findings);
  return full;
}

/** Linker scripts without AT() give virtual addresses as physical ones; those of the upper half are not physical ones. */
function reportVirtual(header: ImageHeader, full: readonly Placed[], findings: KexecFinding[]): void {
  const half = header.class === 64 ? 1n << 63n : 1n << 31n;
  const upper = full.filter(({ mem, segment }) => mem >= half && mem === segment.vaddr);
  const [first] = upper;
  if (first === undefined || upper.length < full.length) return;
  const detail = `p_paddr is the virtual address ${hex(first.mem)}`;
  findings.push({ code: "address-not-physical", name: "the kernel", detail });
}

function holds(start: bigint, { memsz }: Segment, address: bigint): boolean {
  return address >= start && address < start + BigInt(memsz);
}

/** e_entry is physical in x86-64's vmlinux and virtual in others': whichever lies in a segment. A kernel that is moved takes its entry along. */
function findEntry(value: bigint, full: readonly Placed[], findings: KexecFinding[]): Entry | undefined {
  const physical = full.find(({ segment }) => holds(segment.paddr, segment, value));
  const virtual = full.find(({ segment }) => holds(segment.vaddr, segment, value));
  const found = physical ?? virtual;
  if (found === undefined) {
    const detail = "neither as a physical nor as a virtual address";
    findings.push({ code: "entry-outside", name: hex(value), detail });
    return undefined;
  }
  const { name, segment, mem } = found;
  if ((segment.flags & PF.X) === 0) findings.push({ code: "entry-not-executable", name: hex(value), detail: name });
  if (physical === undefined) return { value, physical: mem + (value - segment.vaddr), as: "virtual" };
  return { value, physical: mem + (value - segment.paddr), as: virtual === physical ? "both" : "physical" };
}

/** Order, alignment, and whether each ends within the address space; those that do not are left out from here on. */
function checkEach(full: readonly Placed[], bits: 32 | 64, pageSize: number, findings: KexecFinding[]): Placed[] {
  const space = 1n << BigInt(bits);
  const size = BigInt(pageSize);
  const isInSpace = ({ mem, segment }: Placed): boolean => mem + BigInt(segment.memsz) <= (space / size) * size;
  let highest = full[0] as Placed;
  for (const placed of full) {
    const { name, mem, segment } = placed;
    if (mem < highest.mem) findings.push({ code: "segments-out-of-order", name, detail: highest.name });
    else highest = placed;
    const odd = oddAlignment(segment);
    if (odd !== undefined) findings.push({ code: "segment-alignment", name, detail: odd });
    if (segment.memsz > MOST_BYTES) {
      findings.push({ code: "image-too-large", name, detail: `${segment.memsz} bytes in memory` });
    } else if (!isInSpace(placed)) {
      findings.push({ code: "segment-wraps", name, detail: `${segment.memsz} bytes from ${hex(mem)}` });
    }
  }
  return full.filter((placed) => placed.segment.memsz <= MOST_BYTES && isInSpace(placed));
}

/** What is wrong with p_align. gABI chapter 5, "Program Header": a power of two, and p_vaddr ≡ p_offset modulo it. */
function oddAlignment({ align, vaddr, offset }: Segment): string | undefined {
  if (align <= 1n) return undefined;
  if ((align & (align - 1n)) !== 0n) return `${align} is not a power of two`;
  if (vaddr % align !== BigInt(offset) % align) {
    return `its address and its offset in the file differ modulo ${hex(align)}`;
  }
  return undefined;
}

/** Aligns outward; segments that meet in one page become one, because a page is loaded once. */
function joinPages(placed: readonly Placed[], pageSize: number, findings: KexecFinding[]): LoadSegment[] {
  const size = BigInt(pageSize);
  const sorted = placed.toSorted((a, b) => (a.mem < b.mem ? -1 : a.mem > b.mem ? 1 : 0));
  const joined: { name: string; mem: bigint; end: bigint; parts: Part[] }[] = [];
  let before: Placed | undefined;
  let reached = 0n;
  for (const one of sorted) {
    const { name, mem, segment } = one;
    const end = mem + BigInt(segment.memsz);
    if (before !== undefined && mem < reached) findings.push({ code: "segments-overlap", name, detail: before.name });
    const last = joined.at(-1);
    const start = (mem / size) * size;
    const pageEnd = ((end + size - 1n) / size) * size;
    const part = (base: bigint): Part[] =>
      segment.filesz === 0
        ? []
        : [{ from: "kernel", offset: segment.offset, size: segment.filesz, at: Number(mem - base) }];
    if (last !== undefined && start < last.end) {
      if (mem >= reached) findings.push({ code: "segments-share-page", name, detail: before?.name ?? "" });
      append(last.parts, part(last.mem));
      if (pageEnd > last.end) last.end = pageEnd;
    } else joined.push({ name, mem: start, end: pageEnd, parts: part(start) });
    if (end > reached) {
      reached = end;
      before = one;
    }
  }
  return joined.map(({ name, mem, end, parts }) => ({
    name,
    mem,
    memsz: Number(end - mem),
    bufsz: parts.reduce((most, { at, size: length }) => Math.max(most, at + length), 0),
    parts,
  }));
}
