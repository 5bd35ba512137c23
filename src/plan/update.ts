import type { UpdateDescription } from "../contract/description.ts";
import type { SuppressionRule } from "../contract/part.ts";
import type { ElfObject } from "../elf/object.ts";
import { describePair } from "./describe-pair.ts";
import { assembleUpdate } from "./update/assemble.ts";

/** What the caller may decide. */
export interface UpdateOptions {
  /** Name of the update; default: derived from the hashes of the inputs. */
  readonly id?: string | undefined;
  /** What is patched: vmlinux or a module's name. Default: the module that the objects or their paths name, else vmlinux. */
  readonly target?: string | undefined;
  /** Include the bytes of the code sections. */
  readonly contents?: boolean | undefined;
  /** Which old code to keep. Default: what the patches and the new code refer to. */
  readonly oldCode?: "needed" | "all" | undefined;
  /** What to leave alone. */
  readonly suppress?: readonly SuppressionRule[] | undefined;
}

/**
 * Compares two objects, and describes the update that leads from one to the other: what `elfsplice diff` prints for the same
 * two files. Throws FormatError and UnsupportedError for objects that cannot be compared.
 */
export async function diffObjects(
  pre: ElfObject,
  post: ElfObject,
  options: UpdateOptions = {},
): Promise<UpdateDescription> {
  const { fragment } = await describePair(pre, post, { ...options, links: false });
  return assembleUpdate([fragment], options);
}
