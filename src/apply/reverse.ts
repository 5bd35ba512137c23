import type { UpdateDescription } from "../contract/description.ts";
import { digestOf, readRecords, sha256Of } from "./record.ts";
import { refuse } from "./refuse.ts";

/** The program as it was before the update was applied, byte for byte. Throws UnsupportedError unless that is the last one applied. */
export function reverseUpdate(update: UpdateDescription, bytes: Uint8Array, file: string): Uint8Array {
  const last = readRecords(bytes, file).at(-1);
  if (last === undefined) refuse(file, "no update is in it that could be taken back");
  if (last.digest !== digestOf(update))
    refuse(file, `the update that was applied last is ${last.id}: take that back first`);
  const before = Uint8Array.from(bytes.subarray(0, last.size));
  for (const range of last.ranges) before.set(range.before, range.offset);
  if (sha256Of(before) !== last.sha256)
    refuse(file, "it was changed after the update was applied, so what was before is lost");
  return before;
}
