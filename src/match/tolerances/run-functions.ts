import { addTo } from "../../grouping.ts";
import type { RunImage } from "../../image/image.ts";
import type { Site } from "./site.ts";

/** Where the run system's symbols say that something begins; made once for an image. */
const starts = new WeakMap<RunImage, ReadonlyMap<bigint, readonly string[]>>();

function startsOf(image: RunImage): ReadonlyMap<bigint, readonly string[]> {
  let known = starts.get(image);
  if (known === undefined) {
    const made = new Map<bigint, string[]>();
    for (const { name, address } of image.symbols.all()) {
      addTo(made, address, name);
    }
    known = made;
    starts.set(image, known);
  }
  return known;
}

/** Names of what begins at an address of the run system. */
export function namesAt({ context: { image } }: Site, address: bigint): readonly string[] {
  return startsOf(image).get(address) ?? [];
}

/** Whether an address is in code that the image has: between `_stext` and `_etext`, or in its executable segments. */
function isOwnText({ symbols, memory, kind }: RunImage, address: bigint): boolean {
  const [first] = symbols.named("_stext");
  const [last] = symbols.named("_etext");
  if (first !== undefined && last !== undefined) return address >= first.address && address < last.address;
  // The segments of a core have the bits of memory, not of files.
  return kind !== "core" && memory.regionAt(address)?.executable === true;
}

/** Whether an address is in memory that the kernel got after it was linked: a module, or a trampoline. */
export function isForeign({ context: { image } }: Site, address: bigint): boolean {
  return !isOwnText(image, address) && (startsOf(image).get(address) ?? []).length === 0;
}

/** Whether the kernel may have written a call of an address: a function begins there, or the address is not in the image's own code. Without symbols every place in code may be one. */
export function isCallable(site: Site, address: bigint): boolean {
  const { image } = site.context;
  if (image.symbols.count === 0) return isOwnText(image, address) || image.memory.regionAt(address) === undefined;
  return namesAt(site, address).length > 0 || !isOwnText(image, address);
}
