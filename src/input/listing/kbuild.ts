/*
 * A kernel's build tree holds the same code several times: a.o and b.o, foo.o linked from both, foo.ko linked from foo.o,
 * built-in.a and vmlinux.o from everything, vmlinux at last. Only the smallest parts are analysed. What a module is made of
 * stands in foo.mod: one part in a line, or all in one (Linux scripts/Makefile.build; before 5.4 after the name of foo.ko).
 */
import { byText } from "../../order.ts";
import { moduleNameOfPath } from "../target.ts";

/** One `.mod` file. */
export interface ModFile {
  /** Relative to the tree. */
  readonly path: string;
  readonly text: string;
}

/** What Kbuild's files say of a tree. */
export interface Kbuild {
  /** By the path of an object: the modules that it is linked into, sorted. */
  readonly modules: ReadonlyMap<string, readonly string[]>;
  /** By path: why another file is analysed in its place. */
  readonly covered: ReadonlyMap<string, string>;
  /** Whether there are objects that are in no module. */
  readonly hasObjects: boolean;
}

/** What the linker makes of a whole folder. Linux scripts/Makefile.build, scripts/link-vmlinux.sh. */
const WHOLE = /^(?:vmlinux(?:\.o|\.a|\.unstripped)?|built-in\.[ao]|\.tmp_vmlinux.*)$/;

/** Reads how one tree was put together; `paths` are its files, relative and with `/`. */
export function readKbuild(paths: ReadonlySet<string>, mods: readonly ModFile[]): Kbuild {
  const modules = new Map<string, Set<string>>();
  const covered = new Map<string, string>();
  const needed = new Set<string>();
  for (const { path, text } of mods) {
    const words = text.split(/\s+/);
    const built = words.find((word) => word.endsWith(".ko"));
    const base = ((built && resolvePart(built, paths)) ?? path).replace(/\.(?:ko|mod)$/, "");
    const listed = words.filter((word) => word.endsWith(".o"));
    const found = listed.map((part) => resolvePart(part, paths)).filter((part) => part !== undefined);
    const name = moduleNameOfPath(`${base}.ko`) as string;
    for (const part of [...found, `${base}.o`, `${base}.ko`]) {
      modules.set(part, (modules.get(part) ?? new Set()).add(name));
    }
    const isComplete = found.length === listed.length && found.length > 0;
    const whole = [`${base}.o`, `${base}.ko`].find((file) => paths.has(file));
    if (isComplete || whole === undefined) for (const part of found) needed.add(part);
    else needed.add(whole);
    if (isComplete && !found.includes(`${base}.o`)) {
      covered.set(`${base}.o`, `linked from the ${found.length} parts that ${path} lists`);
    }
    if (isComplete) covered.set(`${base}.ko`, `linked from the ${found.length} parts that ${path} lists`);
    if (!isComplete && whole !== undefined) {
      for (const part of found) {
        if (part !== whole) covered.set(part, `a part of ${whole}; ${path} lists parts that are not there`);
      }
      if (whole.endsWith(".ko")) covered.set(`${base}.mod.o`, `a part of ${whole}`);
    }
  }
  for (const path of needed) covered.delete(path);
  for (const path of paths) {
    if (!path.endsWith(".ko") || covered.has(path)) continue;
    const object = `${path.slice(0, -".ko".length)}.o`;
    if (paths.has(object)) covered.set(path, `linked from ${object}`);
  }
  const folders = foldersWithParts(paths, modules);
  for (const path of paths) {
    if (WHOLE.test(path.slice(path.lastIndexOf("/") + 1)) && folders.has(folderOf(path))) {
      covered.set(path, "linked from objects that are analysed themselves");
    }
  }
  for (const path of covered.keys()) if (!paths.has(path)) covered.delete(path);
  const sorted = [...modules].map(([path, names]) => [path, [...names].sort(byText)] as const);
  return { modules: new Map(sorted), covered, hasObjects: folders.size > 0 };
}

/** Folders that hold, at any depth, an object that is not part of a module; the tree itself is "". */
function foldersWithParts(paths: ReadonlySet<string>, modules: ReadonlyMap<string, unknown>): ReadonlySet<string> {
  const folders = new Set<string>();
  for (const path of paths) {
    if (!path.endsWith(".o") || path.endsWith(".mod.o") || modules.has(path)) continue;
    if (WHOLE.test(path.slice(path.lastIndexOf("/") + 1))) continue;
    for (let folder = folderOf(path); !folders.has(folder); folder = folderOf(folder)) folders.add(folder);
  }
  return folders;
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** A part's path in the tree. Kbuild writes it relative to the build's root, of which the tree may be a folder, or absolute. */
function resolvePart(part: string, paths: ReadonlySet<string>): string | undefined {
  for (let rest = part.replace(/^(?:\.?\/)+/, ""); ; rest = rest.slice(rest.indexOf("/") + 1)) {
    if (paths.has(rest)) return rest;
    if (!rest.includes("/")) return undefined;
  }
}
