/*
 * How much memory inputs may take. What a compressed file unpacks to is told by the file, so it is held against the limit before
 * anything is reserved. Threads learn the limit from their environment, which they inherit.
 */
import { UsageError } from "../errors.ts";

/** The environment variable that says as many bytes as --max-memory does. */
const VARIABLE = "ELFSPLICE_MAX_MEMORY";
const DEFAULT = 2 ** 31;
/** There are two sides, and each may be held twice while it is unpacked. */
const SHARES = 4;

const UNITS: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["k", 2 ** 10],
  ["m", 2 ** 20],
  ["g", 2 ** 30],
]);

/** Sets the limit for this process and the threads that it starts from now on: bytes, or 512M, 4G. Throws UsageError. */
export function setMaxMemory(text: string): void {
  const match = /^(\d{1,12})([kmg]?)(?:i?b)?$/i.exec(text);
  const bytes = Number(match?.[1]) * (UNITS.get((match?.[2] ?? "").toLowerCase()) ?? 1);
  if (match === null || bytes < 2 ** 20)
    throw new UsageError(`--max-memory ${text}: not a size of 1M or more; write it as 512M or 4G`);
  process.env[VARIABLE] = String(bytes);
}

function maxMemory(): number {
  const bytes = Number(process.env[VARIABLE]);
  return bytes >= 2 ** 20 ? bytes : DEFAULT;
}

/** Most bytes that a compressed input may unpack to. */
export function mostUnpacked(): number {
  return Math.floor(maxMemory() / SHARES);
}

/** Most bytes that an input may have that is not compressed. */
export function mostHeld(): number {
  return Math.floor(maxMemory() / 2);
}
