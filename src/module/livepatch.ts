import type { LivepatchModel } from "../arch/kernel.ts";
import { archFor } from "../arch/registry.ts";
import type { Architecture } from "../contract/description.ts";

/** What an object of a kernel with livepatch says of itself; null where the architecture's kernel has none. */
export function livepatchOf(arch: Architecture): LivepatchModel | null {
  return arch.class === 64 ? archFor({ ...arch, flags: 0 }).kernel.livepatch : null;
}
