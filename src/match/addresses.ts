import type { Arch } from "../arch/arch.ts";
import type { Key } from "./values.ts";

/** An address in as many bits as the architecture has. */
export function wrap(arch: Arch, address: bigint): bigint {
  return BigInt.asUintN(arch.class, address);
}

/** What messages call a thing that has an address. */
export function keyName(key: Key): string {
  return typeof key === "string" ? key : key.name;
}
