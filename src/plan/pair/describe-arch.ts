import type { Arch } from "../../arch/arch.ts";
import type { Architecture } from "../../contract/description.ts";

/** An architecture as the description names it. */
export function describeArch({ name, machine, class: bits, data }: Arch): Architecture {
  return { name, machine, class: bits, data };
}
