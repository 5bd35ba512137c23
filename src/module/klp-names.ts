import { UnsupportedError } from "../errors.ts";

/*
 * Names that the livepatch core of the kernel reads: `.klp.rela.OBJECT.SECTION` and `.klp.sym.OBJECT.NAME,SYMPOS`. Linux:
 * Documentation/livepatch/module-elf-format.rst; the lengths are those of klp_resolve_symbols() in kernel/livepatch/core.c.
 */

/** Longest name of a module: MODULE_NAME_LEN of 64-bit kernels, without the NUL. */
export const LONGEST_OBJECT = 55;
/** Longest name of a symbol: KSYM_NAME_LEN since Linux 6.1, without the NUL. */
const LONGEST_SYMBOL = 511;

/** Name of the relocation section for one section of new code that needs symbols of `object`, or is new code of it. */
export function klpRelaName(object: string, section: string): string {
  return `.klp.rela.${object}.${section.replace(/^\./, "")}`;
}

/** Name of a symbol that livepatch looks up in `object`. Throws UnsupportedError where the kernel could not read it. */
export function klpSymbolName(object: string, name: string, sympos: number): string {
  if (name === "" || name.includes(",") || Buffer.byteLength(name) > LONGEST_SYMBOL)
    throw new UnsupportedError({ file: object }, `livepatch cannot look up a symbol of the name "${name}"`);
  return `.klp.sym.${object}.${name},${sympos}`;
}

/** The object in the name of a livepatch relocation section; undefined where the kernel would find none. */
export function objectOfRela(section: string): string | undefined {
  return /^\.klp\.rela\.([^.]{1,55})\./.exec(section)?.[1];
}

/*
 * A linker neither keeps two relocation tables for one section apart nor knows SHN_LIVEPATCH. For it a livepatch symbol is an
 * undefined weak one whose name also tells whose new code needs it: `.klp.rela.OBJECT.klp.sym.…`.
 */

export function linkName(object: string, klpName: string): string {
  return `.klp.rela.${object}${klpName}`;
}

/** Object and livepatch symbol of a name that was made for a linker; undefined for any other name. */
export function fromLinkName(name: string): { readonly object: string; readonly klpName: string } | undefined {
  const match = /^\.klp\.rela\.([^.]{1,55})(\.klp\.sym\.[^.]{1,55}\..+,\d+)$/.exec(name);
  return match === null ? undefined : { object: match[1] as string, klpName: match[2] as string };
}

/** What may name a module, and an identifier in C. */
export function isIdentifier(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);
}
