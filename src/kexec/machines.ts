import { EM } from "../elf/constants.ts";

/*
 * What loading a kernel asks of each architecture. Sources: Linux Documentation/arch/x86/boot.rst, arm64/booting.rst, arm/booting.rst;
 * arch/mips/include/asm/addrspace.h; arch/loongarch/include/asm/addrspace.h.
 */

/** A window of virtual addresses that the hardware always maps to the same physical ones. */
interface DirectWindow {
  readonly first: bigint;
  readonly last: bigint;
  /** Bits of the address that remain. */
  readonly mask: bigint;
}

/** How high an initrd may lie. */
export interface InitrdLimit {
  /** Highest address that the last byte may have; undefined: any. */
  readonly last: bigint | undefined;
  readonly why: string;
}

interface Machine {
  /** Bytes; default 4096. */
  readonly pageSize?: number;
  readonly windows?: readonly DirectWindow[];
  /** `kernel` is the lowest address of the kernel's segments. */
  readonly initrd?: (kernel: bigint) => InitrdLimit;
}

const GIB = 1n << 30n;

const MIPS_WINDOWS: readonly DirectWindow[] = [
  { first: 0x8000_0000n, last: 0xbfff_ffffn, mask: 0x1fff_ffffn },
  { first: 0xffff_ffff_8000_0000n, last: 0xffff_ffff_bfff_ffffn, mask: 0x1fff_ffffn },
];

const MACHINES: ReadonlyMap<number, Machine> = new Map<number, Machine>([
  [
    EM.X86_64,
    {
      initrd: () => ({ last: 0x7fff_ffffn, why: "initrd_addr_max of the x86 boot protocol, as 64-bit kernels set it" }),
    },
  ],
  [EM["386"], { initrd: () => ({ last: 0x37ff_ffffn, why: "initrd_addr_max of the x86 boot protocol" }) }],
  [
    EM.AARCH64,
    {
      initrd: (kernel) => ({
        last: kernel - (kernel % GIB) + 32n * GIB - 1n,
        why: "one window of 32 GiB, aligned to 1 GiB, must hold kernel and initrd",
      }),
    },
  ],
  [
    EM.ARM,
    {
      initrd: (kernel) => ({
        last: kernel - (kernel % (128n << 20n)) + (768n << 20n) - 1n,
        why: "low memory, which the kernel always maps, ends 768 MiB above its start",
      }),
    },
  ],
  [EM.PPC64, { pageSize: 0x1_0000 }],
  [EM.MIPS, { windows: MIPS_WINDOWS, initrd: () => ({ last: 0x1fff_ffffn, why: "what KSEG0 maps" }) }],
  [
    EM.LOONGARCH,
    {
      pageSize: 0x4000,
      windows: [
        { first: 0x8000_0000_0000_0000n, last: 0x9fff_ffff_ffff_ffffn, mask: (1n << 48n) - 1n },
        { first: 0x8000_0000n, last: 0xbfff_ffffn, mask: 0x1fff_ffffn },
      ],
    },
  ],
  [EM.SPARCV9, { pageSize: 0x2000 }],
  [EM.ALPHA, { pageSize: 0x2000 }],
  [EM.IA_64, { pageSize: 0x4000 }],
]);

/** Size of a page that kernels of a machine usually have, in bytes. */
export function pageSizeOf(machine: number): number {
  return MACHINES.get(machine)?.pageSize ?? 4096;
}

/** The physical address behind one that the hardware maps directly; any other is returned as it is. */
export function directAddress(machine: number, address: bigint): bigint {
  const window = MACHINES.get(machine)?.windows?.find(({ first, last }) => address >= first && address <= last);
  return window === undefined ? address : address & window.mask;
}

/** How high an initrd may lie beside a kernel. */
export function initrdLimit(machine: number, bits: 32 | 64, kernel: bigint): InitrdLimit {
  const known = MACHINES.get(machine)?.initrd?.(kernel);
  if (known !== undefined) return known;
  if (bits === 32) return { last: 0xffff_ffffn, why: "what 32 bits address" };
  return { last: undefined, why: "the architecture sets no limit" };
}
