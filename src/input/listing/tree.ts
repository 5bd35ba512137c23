/* The files of a tree, without opening any. */

import { readdirSync, type Stats, statSync } from "node:fs";
import { describeSystemError } from "../../errors.ts";
import { sortByText } from "../../order.ts";
import { unreadable } from "./file.ts";

/** An input that is not analysed, and why. */
export interface Skipped {
  /** As a pair's key. */
  readonly path: string;
  /**
   * `covered`: another file holds the same code; `not-in-kernel`: neither in the kernel nor in a module; `unreadable`: not a file
   * that could be read; `no-object`: named like an object, but none, and the same on both sides; `differs`: the same, or code
   * in a form that is not analysed, and it differs; `other`: another file that differs.
   */
  readonly kind: "covered" | "not-in-kernel" | "unreadable" | "no-object" | "differs" | "other";
  readonly why: string;
}

export interface TreeFiles {
  /** Relative to the tree, with `/`, sorted. */
  readonly paths: readonly string[];
  readonly skipped: readonly Skipped[];
}

/** What an undecodable byte of a name becomes; no file is found under such a name. */
const REPLACED = "\ufffd";

/** Lists a tree, a folder in each step. Links are followed to files, never to folders, so there are no loops. Throws FormatError for a folder that cannot be read. */
export function* walkTree(root: string): Generator<undefined, TreeFiles, undefined> {
  const paths: string[] = [];
  const skipped: Skipped[] = [];
  // Deep trees must not use up the stack.
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    yield;
    const place = `${root}/${folder}`;
    for (const entry of entriesOf(place)) {
      const path = folder + entry.name;
      if (entry.isFile() && !entry.name.includes(REPLACED)) paths.push(path);
      else if (entry.isDirectory()) folders.push(`${path}/`);
      else {
        const why = entry.isSymbolicLink() ? whyNotFollowed(place + entry.name) : oddName(entry.name);
        if (why === undefined) paths.push(path);
        else skipped.push({ path, kind: "unreadable", why });
      }
    }
  }
  return { paths: sortByText(paths, (path) => path), skipped };
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    throw unreadable(folder.replace(/\/$/, ""), error);
  }
}

function whyNotFollowed(file: string): string | undefined {
  let stats: Stats | undefined;
  try {
    stats = statSync(file, { throwIfNoEntry: false });
  } catch (error) {
    // A circle of links, a name that is too long, a folder on the way that may not be read.
    return `a link that cannot be followed: ${describeSystemError(error)}`;
  }
  if (stats === undefined) return "a link that leads nowhere";
  if (stats.isDirectory()) return "a link to a folder";
  return stats.isFile() ? undefined : "a link to something other than a regular file";
}

function oddName(name: string): string {
  return name.includes(REPLACED) ? "its name is not UTF-8" : "not a regular file";
}
