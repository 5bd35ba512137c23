/*
 * Which target an object belongs to: the kernel's own image or one of its modules. The caller knows best (`--target`), then
 * Kbuild's `.mod` files, then the object itself, then its name.
 */
import { SHF } from "../elf/constants.ts";
import { decodeName } from "../elf/names.ts";
import type { ElfObject } from "../elf/object.ts";
import { UsageError } from "../errors.ts";
import { type NameTest, pathTestOf } from "../glob.ts";

/** The target of what is in no module. */
export const VMLINUX = "vmlinux";

/** `--target PATTERN=NAME`: what PATTERN names belongs to NAME. */
export interface TargetRule {
  readonly matches: NameTest;
  readonly name: string;
}

/** Reads `PATTERN=NAME` and plain `NAME`, which is the target of everything. Throws UsageError. */
export function readTargetRules(texts: readonly string[]): TargetRule[] {
  return texts.map((text) => {
    const split = text.lastIndexOf("=");
    const name = text.slice(split + 1);
    if (name === "" || split === 0) throw new UsageError(`target "${text}" is neither NAME nor PATTERN=NAME`);
    return { matches: split === -1 ? () => true : pathTestOf([text.slice(0, split)]), name };
  });
}

/** The module that an object says it belongs to: `name=` in `.modinfo` (Linux include/linux/module.h), or a `struct module` of its own, named after its file. */
export function moduleNameOf(object: ElfObject): string | undefined {
  for (const section of object.sections) {
    if (section.name !== ".modinfo" || (section.flags & SHF.COMPRESSED) !== 0n) continue;
    const name = decodeName(section.bytes)
      .split("\0")
      .find((text) => text.startsWith("name="))
      ?.slice("name=".length);
    if (name !== undefined && name !== "") return name;
  }
  if (!object.sections.some(({ name }) => name === ".gnu.linkonce.this_module")) return undefined;
  const path = object.member ?? object.file;
  return moduleNameOfPath(path) ?? moduleNameOfPath(`${path.replace(/\.[^./]*$/, "")}.ko`);
}

/** The module that a path names: `foo-bar.ko`, compressed or not, and `foo-bar.mod.o` are of `foo_bar`. */
export function moduleNameOfPath(path: string): string | undefined {
  const base = path.slice(path.lastIndexOf("/") + 1);
  return /^(.+?)(?:\.ko(?:\.(?:gz|xz|zst))?|\.mod\.o)$/.exec(base)?.[1]?.replaceAll("-", "_");
}
