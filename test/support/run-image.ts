import { execFileSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { CORPUS, join } from "./paths.ts";
import { isInstalled } from "./tools.ts";

const RUN = join(CORPUS, "run");

/** Whether the linked kernel of the corpus is there and can be unpacked. */
export const HAS_RUN_IMAGE = existsSync(join(RUN, "vmlinux.zst")) && isInstalled("zstd");

/** Unpacks the kernel and its map into a folder of their own. */
export function unpackRunImage(): { readonly folder: string; readonly vmlinux: string; readonly systemMap: string } {
  const folder = mkdtempSync(join(tmpdir(), "elfsplice-run-"));
  const unpack = (name: string): string => {
    const path = join(folder, name);
    const descriptor = openSync(path, "w");
    try {
      execFileSync("zstd", ["-dcq", join(RUN, `${name}.zst`)], { stdio: ["ignore", descriptor, "inherit"] });
    } finally {
      closeSync(descriptor);
    }
    return path;
  };
  return { folder, vmlinux: unpack("vmlinux"), systemMap: unpack("System.map") };
}
