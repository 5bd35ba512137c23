import { FormatError } from "../errors.ts";

/** One exported symbol of a built kernel. */
export interface ExportedSymbol {
  readonly name: string;
  /** `vmlinux`, or the module's name without its folder. */
  readonly module: string;
  readonly licence: "gpl" | "any";
  readonly namespace: string | undefined;
}

/**
 * Reads `Module.symvers`: a line for each export, columns separated by tabs: CRC, symbol, module with its folder, kind of
 * export, namespace (since Linux 5.4; empty where there is none). Linux: Documentation/kbuild/modules.rst, 6.3.
 * Throws FormatError that names the line.
 */
export function readSymvers(text: string, file: string): ReadonlyMap<string, ExportedSymbol> {
  const found = new Map<string, ExportedSymbol>();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line === "") continue;
    const [crc = "", name = "", module = "", kind = "", namespace = ""] = line.split("\t");
    if (!/^0x[0-9a-fA-F]{1,16}$/.test(crc) || name === "" || module === "" || !kind.startsWith("EXPORT_"))
      throw new FormatError(
        { file },
        `line ${i + 1} is not a line of Module.symvers: CRC, symbol, module, EXPORT_…`,
        line,
      );
    found.set(name, {
      name,
      module: moduleName(module.replace(/^.*\//, "")),
      licence: kind.includes("GPL") ? "gpl" : "any",
      namespace: namespace === "" ? undefined : namespace,
    });
  }
  return found;
}

/** What the kernel calls a module whose file has this name. Linux: scripts/Makefile.lib, name-fix. */
function moduleName(file: string): string {
  return file.replace(/\.k?o$/, "").replaceAll("-", "_");
}
