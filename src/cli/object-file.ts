/* Objects that a description or a person names by file and, in an archive, by member; compressed modules are unpacked. */
import { statSync } from "node:fs";
import type { ElfObject } from "../elf/object.ts";
import { readObject } from "../elf/object.ts";
import { FormatError, UnsupportedError } from "../errors.ts";
import { compressionOf, decompress } from "../input/formats/compressed.ts";
import { type InputRef, placeOf, readStored } from "../input/listing/file.ts";
import { readMembers } from "../input/listing/members.ts";
import { requireComparable } from "./comparable.ts";

/** Reads objects by name; remembers the members of the last archive, as a description names one after the other. */
export interface ObjectReader {
  /** The bytes of an object, unpacked. Throws FormatError and UnsupportedError; `label` is what they call the file. */
  bytes(file: string, member?: string, label?: string): Promise<Uint8Array>;
}

export function createObjectReader(): ObjectReader {
  let last: { readonly file: string; readonly members: ReadonlyMap<string, InputRef> } | undefined;
  return {
    async bytes(file, member, label = file) {
      const ref = member === undefined ? fileRef(file, label) : memberRef(file, member, label);
      const stored = readStored(ref);
      const compression = member === undefined ? compressionOf(stored) : undefined;
      return compression === undefined ? stored : decompress(stored, compression, placeOf(ref));
    },
  };

  function memberRef(file: string, member: string, label: string): InputRef {
    if (last?.file !== file) {
      const folder = file.slice(0, Math.max(0, file.lastIndexOf("/"))) || ".";
      const members = readMembers({ path: label, file }, folder);
      last = { file, members: new Map(members.map(({ ref }) => [ref.member as string, ref])) };
    }
    const ref = last.members.get(member);
    if (ref === undefined) throw new FormatError({ file: label }, `has no member ${member}`);
    return ref;
  }
}

function fileRef(file: string, label: string): InputRef {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats?.isDirectory())
    throw new UnsupportedError({ file: label }, "a directory; a relocatable object (.o) is needed");
  // A missing file is reported when it is read.
  const known = { path: label, file, size: stats?.size ?? 0 };
  return stats === undefined || stats.isFile() ? known : { ...known, pipe: true };
}

/** Reads one object that can be compared. */
export async function loadObjectOf(reader: ObjectReader, file: string, member?: string): Promise<ElfObject> {
  const bytes = await reader.bytes(file, member);
  return requireComparable(readObject(bytes, file, member), { file, member });
}
