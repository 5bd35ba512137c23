import { SHT } from "../elf/constants.ts";
import type { RunImage } from "../image/image.ts";
import { type Image, readImage, withSectionOffsets } from "../spans/linked/image.ts";
import { LinkedReader } from "../spans/linked/linked-reader.ts";
import { type Meaning, moduleBias } from "../spans/linked/slots.ts";

/** What a linked run image says of its slots, stubs, copied variables and thread-locals; addresses are those where it runs. */
export interface LinkedView {
  /** Whether its symbols are those of the linker, static ones among them, or only what is left for the loader. */
  readonly hasAllSymbols: boolean;
  /** Bytes of thread-locals; 0 for none. */
  readonly threadSize: number;
  /** What a slot stands for; undefined where there is no slot. */
  slotAt(address: bigint): Meaning | undefined;
  /** Whether the slot is the first of a pair or descriptor that the run-time gets for a thread-local. */
  isThreadSlot(address: bigint): boolean;
  /** What a stub of the linker leads to; `unknown` for one that cannot be read, undefined where there is no stub. */
  stubAt(address: bigint): Meaning | "unknown" | undefined;
  /** Address of a stub that leads to an address of the image itself, as those of resolvers do. */
  stubFor(address: bigint): bigint | undefined;
  /** Address of a stub for an import. */
  stubOf(name: string): bigint | undefined;
  /** Address of the slot for an import. */
  slotOf(name: string): bigint | undefined;
  /** The symbol that the loader copies to an address (R_*_COPY). */
  copiedAt(address: bigint): string | undefined;
  /** The offset in the image's thread-locals of a distance from the thread pointer. */
  fromThreadPointer(distance: bigint): number;
  /** The same of what the second word of a pair holds, and fields that count like it. */
  fromModule(offset: bigint): number;
  /** Whether thread-locals lie below the thread pointer (variant II). */
  readonly threadsBelow: boolean;
  /** What $gp holds on MIPS. */
  readonly globalPointer: bigint | undefined;
  readonly toc: bigint | undefined;
  /** Address of the GOT that code counts from. */
  readonly gotPointer: bigint | undefined;
}

const views = new WeakMap<RunImage, LinkedView | null>();

/** The view of an image; undefined for modules, cores, and kernels, whose addresses need all 64 bits. Made when it is first asked for. */
export function linkedView(image: RunImage): LinkedView | undefined {
  let view = views.get(image);
  if (view === undefined) {
    view = makeView(image) ?? null;
    views.set(image, view);
  }
  return view ?? undefined;
}

function makeView(image: RunImage): LinkedView | undefined {
  if (image.object === undefined || image.object.sections.length === 0) return undefined;
  // Addresses are counted in numbers here.
  if (image.object.sections.some(({ addr }) => addr > BigInt(Number.MAX_SAFE_INTEGER))) return undefined;
  const object = withSectionOffsets(image.object);
  const linked = readImage(object, image.arch);
  if (linked === undefined) return undefined;
  const { slide } = image;
  let reader: LinkedReader | undefined;
  let known: readonly { readonly address: number; readonly meaning: Meaning }[] | undefined;
  const stubs = (): typeof known & object => {
    reader ??= new LinkedReader(linked);
    known ??= reader.stubs();
    return known;
  };
  const moveStub = (stub: { readonly address: number } | undefined): bigint | undefined =>
    stub === undefined ? undefined : BigInt(stub.address) + slide;
  const own = (address: bigint): number => Number(BigInt.asIntN(64, address - slide));
  const moved = (meaning: Meaning | undefined): Meaning | undefined =>
    meaning?.kind === "address" && slide !== 0n ? { ...meaning, address: meaning.address + Number(slide) } : meaning;
  const pointer = (value: number | undefined): bigint | undefined =>
    value === undefined ? undefined : BigInt(value) + slide;
  return {
    hasAllSymbols: object.sections.some(({ type }) => type === SHT.SYMTAB) && image.symbols.origin === "symbol-table",
    threadSize: linked.threadSize,
    slotAt: (address) => moved(linked.meaningAt(own(address))),
    isThreadSlot: (address) => linked.isThreadSlot(own(address)),
    stubAt(address) {
      reader ??= new LinkedReader(linked);
      const meaning = reader.stubMeaning(own(address));
      if (meaning !== undefined) return moved(meaning);
      return reader.isStub(own(address)) ? "unknown" : undefined;
    },
    stubFor: (address) =>
      moveStub(stubs().find(({ meaning }) => meaning.kind === "address" && meaning.address === own(address))),
    stubOf: (name) => moveStub(stubs().find(({ meaning }) => meaning.kind === "name" && meaning.name === name)),
    slotOf(name) {
      const found = linked.dynamic.find(
        (relocation) =>
          relocation.name === name &&
          linked.isSlot(Number(relocation.address)) &&
          !linked.isThreadSlot(Number(relocation.address)),
      );
      const address = found === undefined ? linked.slotNamed(name) : Number(found.address);
      return address === undefined ? undefined : BigInt(address) + slide;
    },
    copiedAt: (address) => copyOf(linked, own(address)),
    fromThreadPointer: (distance) => linked.fromThreadPointer(Number(distance)),
    fromModule: (offset) => Number(offset) + moduleBias(image.arch),
    threadsBelow: image.arch.family === "x86" || image.arch.family === "s390",
    globalPointer: pointer(linked.globalPointer),
    toc: pointer(linked.toc),
    gotPointer: pointer(linked.gotPointer),
  };
}

function copyOf({ copies }: Image, address: number): string | undefined {
  return copies.get(address);
}
