import { UsageError } from "../errors.ts";

const MOST_JOBS = 256;

/** Reads `--jobs`: threads, at most. One pair needs one, whatever is allowed. */
export function jobsOption(text: string): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > MOST_JOBS) throw new UsageError(`--jobs ${text}: not a number from 1 to ${MOST_JOBS}`);
  return count;
}
