/*
 * A kernel's build tree also holds objects of other programs: what the build runs (scripts, tools, objtool), code for user
 * space and for other modes of the processor (vDSO, realmode). The kernel is what vmlinux.a lists, which Kbuild makes since
 * Linux 6.1 (Makefile, vmlinux.a), and each lib.a.
 */
import { FormatError } from "../../errors.ts";
import type { InputRef } from "./file.ts";
import { readMembers } from "./members.ts";

/** Objects that the link of vmlinux adds. Linux scripts/link-vmlinux.sh. */
const ADDED = new Set([".vmlinux.export.o", "init/version-timestamp.o"]);
/** What Kbuild itself makes of the kernel's parts. */
const KERNEL_ARCHIVE = /(?:^|\/)(?:vmlinux|built-in|lib)\.a$/;
/** Linux scripts/Makefile.modfinal. */
const IN_EVERY_MODULE = ".module-common.o";

/**
 * The objects of a kernel's tree that are neither in vmlinux nor in a module, with the reason; none where the tree does not
 * tell what vmlinux is made of. `files` are those of the tree by path, `isPart` knows those that need no question.
 */
export function nonKernelObjects(
  files: ReadonlyMap<string, InputRef>,
  root: string,
  isPart: (path: string) => boolean,
): ReadonlyMap<string, string> {
  const reasons = new Map<string, string>();
  const whole = files.get("vmlinux.a");
  if (whole === undefined) return reasons;
  const archives = [...files].filter(([path]) => path === "vmlinux.a" || /(?:^|\/)lib\.a$/.test(path));
  const parts = new Set<string>();
  for (const [, archive] of archives) {
    const members = membersOf(archive, root);
    // A member that is not a file of the tree could be any of them.
    if (members === undefined || members.includes(undefined)) return reasons;
    for (const member of members) parts.add(member as string);
  }
  for (const path of files.keys()) {
    const isArchive = path.endsWith(".a") && !KERNEL_ARCHIVE.test(path);
    const isObject = path.endsWith(".o") && !parts.has(path) && !ADDED.has(path) && !isPart(path);
    if (!isArchive && !isObject) continue;
    reasons.set(
      path,
      path === IN_EVERY_MODULE
        ? "linked into every module"
        : "of another program: neither in vmlinux.a nor in a module",
    );
  }
  return reasons;
}

/** Where the members of a thin archive lie in the tree; undefined when it cannot be read, which is reported when it is compared. */
function membersOf(archive: InputRef, root: string): (string | undefined)[] | undefined {
  try {
    return readMembers(archive, root).map(({ within }) => within);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
