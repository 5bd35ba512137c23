import { archFor } from "../../arch/registry.ts";
import type { Architecture } from "../../contract/description.ts";
import type { PairFragment } from "../../contract/part.ts";
import { readIdentity } from "../../elf/identity.ts";
import { describeArch } from "./describe-arch.ts";
import { type PairOfFiles, sameFragment } from "./plain-fragment.ts";

/**
 * What a pair contributes whose bytes are the same: its name. `head` is the start of the file (52 bytes or more),
 * from which the architecture is known if no pair of the update differs.
 */
export function identicalFragment(files: PairOfFiles, head?: Uint8Array): PairFragment {
  return sameFragment(files, head === undefined ? undefined : archOfHead(head));
}

/** The architecture that the start of an ELF file names; undefined where the bytes are not the start of one. */
export function archOfHead(head: Uint8Array): Architecture | undefined {
  const identity = readIdentity(head);
  return identity === undefined ? undefined : describeArch(archFor(identity));
}
