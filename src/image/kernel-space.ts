import type { KernelModel } from "../arch/kernel.ts";
import type { Region } from "./memory.ts";
import type { Physical } from "./physical.ts";
import type { VmcoreInfo } from "./vmcoreinfo.ts";

/** What is known of a kernel whose dump has only physical addresses. */
export interface KernelSpace {
  readonly kernel: KernelModel;
  readonly info: VmcoreInfo | undefined;
  readonly physBase: bigint;
  readonly physical: Physical;
  readonly name: string;
  /** First and last address of the kernel's image, as far as symbols tell. */
  readonly start: bigint | undefined;
  readonly end: bigint | undefined;
}

/** The kernel's image, and on x86-64 its modules, where they are in virtual memory. */
export function kernelRegions(space: KernelSpace): Region[] {
  const { kernel, info, physBase } = space;
  const mapping = kernel.imageMapping?.({
    number: (name) => info?.number(name),
    hex: (name) => info?.hex(name),
    kernelOffset: info?.kernelOffset,
    physBase,
    start: space.start,
  });
  if (mapping === undefined) return [];
  const { start: first, size, distance } = mapping;
  const last = first + size;
  // An address outside the kernel's own space is not a beginning, whatever names it: the image would reach over all of memory.
  const start = space.start !== undefined && space.start >= first && space.start < last ? space.start : first;
  const end = space.end !== undefined && space.end > start && space.end < last ? space.end : last;
  const image: Region = {
    start,
    size: Number(end - start),
    held: Number(end - start),
    executable: true,
    name: space.name,
    read: (from, length) => space.physical.read(BigInt.asUintN(64, start + BigInt(from) - distance), length),
  };
  return kernel.modules === null ? [image] : [image, ...moduleRegions(space, last, kernel.modules.end, distance)];
}

/** Modules lie in pages of their own, which only the page tables find. They are not searched: most of that space is empty. */
function moduleRegions({ info, physical, name }: KernelSpace, start: bigint, end: bigint, distance: bigint): Region[] {
  const root = info?.symbol("swapper_pg_dir") ?? info?.symbol("init_top_pgt");
  if (root === undefined || start >= end) return [];
  const levels = info?.number("pgtable_l5_enabled") === 1n ? 5 : 4;
  const encrypted = info?.number("sme_mask") ?? 0n;
  const walk = (address: bigint): bigint | undefined => walkX86(physical, root - distance, levels, encrypted, address);
  return [
    {
      start,
      size: Number(end - start),
      held: 0,
      executable: false,
      name,
      read(from, length) {
        const parts: Uint8Array[] = [];
        for (let done = 0; done < length; ) {
          const address = start + BigInt(from + done);
          const here = Math.min(length - done, Number(PAGE - (address % PAGE)));
          const place = walk(address);
          const bytes = place === undefined ? undefined : physical.read(place, here);
          if (bytes === undefined || bytes.length < here) break;
          parts.push(bytes);
          done += here;
        }
        return parts.length > 1 ? Buffer.concat(parts) : parts[0];
      },
    },
  ];
}

const PAGE = 4096n;
const PRESENT = 1n;
const LARGE = 1n << 7n;
/** Bits of a page table entry that hold an address. Intel SDM volume 3, "4-Level Paging". */
const ADDRESS = 0x000f_ffff_ffff_f000n;

function walkX86(
  physical: Physical,
  root: bigint,
  levels: number,
  encrypted: bigint,
  address: bigint,
): bigint | undefined {
  let table = root;
  for (let level = levels; level > 0; level--) {
    const shift = BigInt(12 + 9 * (level - 1));
    const bytes = physical.read(table + ((address >> shift) & 511n) * 8n, 8);
    if (bytes === undefined || bytes.length < 8) return undefined;
    const entry = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true) & ~encrypted;
    if ((entry & PRESENT) === 0n) return undefined;
    const inside = (1n << shift) - 1n;
    if (level === 1 || (level <= 3 && (entry & LARGE) !== 0n)) return (entry & ADDRESS & ~inside) | (address & inside);
    table = entry & ADDRESS;
  }
  return undefined;
}
