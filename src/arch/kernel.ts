/** A window of virtual addresses that the hardware always maps to the same physical ones. */
export interface DirectWindow {
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

/** What a dump of physical memory tells of the kernel that it was made of. */
export interface DumpFacts {
  /** The number of a name in VMCOREINFO, and a hexadecimal value of its own. */
  number(name: string): bigint | undefined;
  hex(name: string): bigint | undefined;
  readonly kernelOffset: bigint | undefined;
  /** How far the kernel's image lies from where its physical addresses begin, as the dump's header says. */
  readonly physBase: bigint;
  /** First address of the kernel's image, as far as symbols tell. */
  readonly start: bigint | undefined;
}

/** Where the kernel's image may lie, and the distance of its virtual addresses from the physical ones. */
export interface ImageMapping {
  readonly start: bigint;
  readonly size: bigint;
  readonly distance: bigint;
}

/** What the Linux kernel does on one architecture. */
export interface KernelModel {
  /** Fields of an entry of __ex_table as kernels usually have it: place and fixup, and since 4.6 or 5.16 a type. */
  readonly exceptionFields: 2 | 3;
  /** Whether the kCFI hash of a function's type is a bare word before its entry; on x86 it is an instruction with a symbol. */
  readonly hasBareTypeHash: boolean;
  /** Bytes of a page that kernels usually have. */
  readonly pageSize: number;
  /** Addresses that need no page table; `NO_WINDOWS` where all do. */
  readonly windows: readonly DirectWindow[];
  /** How high an initrd may lie; `kernel` is the lowest address of the kernel's segments. */
  initrdLimit(kernel: bigint): InitrdLimit;
  /** How the image is mapped; undefined where the dump does not say enough. `NO_DUMPS` where dumps are not read. */
  readonly imageMapping: ((facts: DumpFacts) => ImageMapping | undefined) | null;
  /** Where modules behind the image end, if page tables of a known form find them; `NO_MODULES` where dumps show none. */
  readonly modules: { readonly end: bigint; readonly pageTables: "x86-64" } | null;
  /** What its objects are, where the kernel has livepatch; `NO_LIVEPATCH` where it has none. Linux: arch/.../Kconfig, HAVE_LIVEPATCH. */
  readonly livepatch: LivepatchModel | null;
}

/** What a relocatable object of a kernel with livepatch says of itself. */
export interface LivepatchModel {
  /** e_flags of the kernel's own objects. */
  readonly flags: number;
  /** The types that its module loader knows, where those are few; others are the loader's own to refuse. */
  readonly relocations?: ReadonlySet<string>;
  /** Where functions that set up a pointer to data have a second entry behind that. */
  readonly localEntry?: {
    /** The relocations by which such functions begin, as `HOWTO SYMBOL`. */
    readonly marks: ReadonlySet<string>;
    /** Bits of st_other. */
    readonly other: number;
    /** Bytes from the first entry to the second. */
    readonly size: number;
  };
}

export const NO_WINDOWS: readonly DirectWindow[] = [];

/** Memory dumps of this machine are not read: makedumpfile makes none, or of 32-bit machines. */
export const NO_DUMPS = null;

export const NO_LIVEPATCH = null;

/** Modules lie elsewhere than behind the image, or page tables are not read. */
export const NO_MODULES = null;

/** Kernels of most machines are at most this long. */
export const LONGEST_IMAGE = 1n << 28n;

/** An image mapped at a fixed distance from physical memory. */
export function mappedAt(distance: bigint): (facts: DumpFacts) => ImageMapping {
  return ({ start }) => ({ start: start ?? distance, size: LONGEST_IMAGE, distance });
}

/** An image whose distance from physical memory stands in VMCOREINFO under a name. */
export function mappedBy(name: string): (facts: DumpFacts) => ImageMapping | undefined {
  return ({ number, start }) => {
    const distance = number(name);
    return distance === undefined || start === undefined ? undefined : { start, size: LONGEST_IMAGE, distance };
  };
}

/** The limit of an initrd where the architecture sets none: what its addresses reach. */
export function anyAddress(bits: 32 | 64): () => InitrdLimit {
  if (bits === 32) return () => ({ last: 0xffff_ffffn, why: "what 32 bits address" });
  return () => ({ last: undefined, why: "the architecture sets no limit" });
}

/** The physical address behind one that the hardware maps directly; any other is returned as it is. */
export function directAddress({ windows }: KernelModel, address: bigint): bigint {
  const window = windows.find(({ first, last }) => address >= first && address <= last);
  return window === undefined ? address : address & window.mask;
}
