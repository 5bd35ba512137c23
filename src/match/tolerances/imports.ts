import { STB, STT } from "../../elf/constants.ts";
import { hex } from "../../hex.ts";
import type { SpanRelocation } from "../../spans/span.ts";
import { keyName, wrap } from "../addresses.ts";
import { linkedView } from "../linked-view.ts";
import type { Context, Reference } from "../run-context.ts";
import type { Trial } from "../values.ts";
import { PLT_RULE } from "./plt.ts";
import { VENEER_RULE } from "./veneers.ts";

/** A reference that leads through a stub or to a copied variable: it agrees or not, or leads on to another address. */
export type Through = { readonly why: string | undefined } | { readonly address: bigint };

/** A symbol's name without its version: `memcpy` of `memcpy@GLIBC_2.2.5`. */
export function bareName(name: string): string {
  const version = name.indexOf("@", 1);
  return version === -1 ? name : name.slice(0, version);
}

/** The function for thread-locals; on Power the linker calls a form of it that is faster. GNU ld manual, --tls-get-addr-optimize. */
const TLS_CALL = "__tls_get_addr";

/** Names under which the loader knows what is referred to: its own where the update's objects do not define it, else the global ones at its place. */
export function ownNames({ key, offset }: Reference): readonly string[] {
  if (typeof key === "string") return key === TLS_CALL ? [key, `${key}_opt`] : [bareName(key)];
  return key.symbols
    .filter((inner) => BigInt(inner.offset) === offset && inner.symbol.bind !== STB.LOCAL)
    .map(({ symbol }) => bareName(symbol.name));
}

/**
 * What a reference to an address leads to where a stub of the linker stands there, or where the loader copies a variable to: the
 * dynamic relocation's symbol must be the one that is referred to. Undefined where neither is the case.
 */
export function throughImport(
  context: Context,
  trial: Trial,
  { howto }: SpanRelocation,
  reference: Reference,
  direct: bigint,
): Through | undefined {
  const { image, arch } = context;
  const view = linkedView(image);
  if (view === undefined) return undefined;
  const { key, offset } = reference;
  const here = typeof key === "string" ? wrap(arch, direct - offset) : direct;
  const names = ownNames(reference);
  const isThere = (name: string): boolean => image.symbols.named(name).some(({ address }) => address === here);
  if (names.some(isThere)) return undefined;
  const meaning = view.stubAt(here);
  if (meaning === "unknown") {
    return { why: howto.role === "branch" ? `${hex(here)} is in a stub of the linker that cannot be read` : undefined };
  }
  const name = names[0] ?? keyName(key);
  if (meaning === undefined) {
    const copied = view.copiedAt(here);
    if (copied === undefined) return undefined;
    if (names.includes(copied)) return undefined;
    return { why: `${name} would be at ${hex(here)}, where the loader puts ${copied}` };
  }
  trial.rules.add(meaning.kind === "address" && meaning.direct ? VENEER_RULE.name : PLT_RULE.name);
  switch (meaning.kind) {
    case "name":
      if (!names.includes(meaning.name))
        return { why: `${name} would be ${meaning.name}, to which the stub at ${hex(here)} leads` };
      trial.imports.set(meaning.name, { ...trial.imports.get(meaning.name), stub: here });
      return { why: undefined };
    case "address": {
      const address = wrap(arch, BigInt(meaning.address));
      const isIndirect = names.some((own) =>
        image.symbols.named(own).some((symbol) => symbol.address === address && symbol.type === STT.GNU_IFUNC),
      );
      if (isIndirect) trial.imports.set(name, { ...trial.imports.get(name), stub: here, ifunc: true });
      return { address: wrap(arch, address + direct - here) };
    }
    default:
      return { why: `the stub at ${hex(here)} leads to no function` };
  }
}
