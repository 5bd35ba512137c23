/*
 * Results of earlier runs, one file for each pair. A file is named by the hash of everything that its result depends on, and
 * holds that again with a hash of its contents: one that was damaged, cut short, written by another version or put there by
 * of another program counts as absent.
 *
 *   elfsplice cache 1 SHA-256 of the rest
 *   {"key": …, "entry": …}
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { SCHEMA_VERSION } from "../contract/names/rungs.ts";
import type { PairFragment } from "../contract/part.ts";
import { describeSystemError } from "../errors.ts";
import { VERSION } from "../version.ts";
import { draftName } from "./drafts.ts";

/** What is kept of one pair. */
export interface CacheEntry {
  readonly fragment: PairFragment;
  /** By label: lines that show how a function changed. */
  readonly instructions?: Readonly<Record<string, readonly string[]>> | undefined;
}

interface Cache {
  /** What was kept under a key; undefined when there is nothing that can be trusted. */
  read(key: string): Promise<CacheEntry | undefined>;
  /** Keeps an entry; the words of a warning where that is not possible. */
  write(key: string, entry: CacheEntry): string | undefined;
}

const MAGIC = "elfsplice cache 1 ";
/** No result is so large; what is there instead is not read. */
const LARGEST = 1 << 28;

/** The cache in a folder, which need not exist yet. */
export function openCache(folder: string): Cache {
  return {
    async read(key) {
      const text = readRegular(join(folder, nameOf(key)));
      return text === undefined ? undefined : parse(text, key);
    },
    write(key, entry) {
      const body = JSON.stringify({ key: fullKey(key), entry });
      const draft = join(folder, draftName());
      let isBegun = false;
      try {
        mkdirSync(folder, { recursive: true });
        isBegun = true;
        writeFileSync(draft, `${MAGIC}${sha256(body)}\n${body}`, { flag: "wx" });
        renameSync(draft, join(folder, nameOf(key)));
        return undefined;
      } catch (error) {
        if (isBegun) rmSync(draft, { force: true });
        return `cannot write to the cache ${folder}: ${describeSystemError(error)}`;
      }
    },
  };
}

/** Another version may describe the same files otherwise. */
function fullKey(key: string): string {
  return JSON.stringify([VERSION, SCHEMA_VERSION, key]);
}

function nameOf(key: string): string {
  return `${sha256(fullKey(key))}.json`;
}

/** The text of a regular file; links are not followed, and a pipe does not hold us up. */
function readRegular(file: string): string | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    const stats = fstatSync(descriptor);
    return stats.isFile() && stats.size <= LARGEST ? readFileSync(descriptor, "utf8") : undefined;
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

async function parse(text: string, key: string): Promise<CacheEntry | undefined> {
  const end = text.indexOf("\n");
  const body = text.slice(end + 1);
  if (text.slice(0, end) !== `${MAGIC}${sha256(body)}`) return undefined;
  let value: { readonly key?: unknown; readonly entry?: { readonly [field: string]: unknown } } | null;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || value.key !== fullKey(key)) return undefined;
  const { fragment, instructions } = value.entry ?? {};
  const { isFragment } = await import("../contract/part.ts");
  if (!isFragment(fragment) || !isInstructions(instructions)) return undefined;
  return { fragment, ...(instructions === undefined ? {} : { instructions }) };
}

function isInstructions(value: unknown): value is CacheEntry["instructions"] {
  if (value === undefined) return true;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((lines) => Array.isArray(lines) && lines.every((line) => typeof line === "string"));
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
