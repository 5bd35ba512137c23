import { createHash } from "node:crypto";
import { UsageError } from "../errors.ts";

/** Which share of the pairs one machine of several takes: the `index`-th, from 1, of `of`. */
export interface Shard {
  readonly index: number;
  readonly of: number;
}

const MOST_SHARDS = 1_000_000;

/** Reads `--shard i/n`. */
export function readShard(text: string): Shard {
  const [, first, second] = /^(\d{1,7})\/(\d{1,7})$/.exec(text) ?? [];
  const [index, of] = [Number(first), Number(second)];
  if (first === undefined || index < 1 || index > of || of > MOST_SHARDS)
    throw new UsageError(`--shard ${text}: write it as i/n, from 1/n to n/n`);
  return { index, of };
}

/** Whether a pair is in a shard. Its name alone decides, whatever other pairs there are. */
export function isInShard(key: string, { index, of }: Shard): boolean {
  if (of === 1) return true;
  return createHash("sha256").update(key).digest().readUIntBE(0, 6) % of === index - 1;
}
