/* The members of archives as inputs. Members of thin archives are files of their own, or members of further archives. */

import { isAbsolute, relative, resolve } from "node:path";
import { FormatError } from "../../errors.ts";
import { withSlashes } from "../../paths.ts";
import { type ArchiveMember, readArchive } from "../formats/archive.ts";
import { KIND_SIZE, kindOf } from "../kind.ts";
import { type InputRef, openFile } from "./file.ts";

/** A member, and in a thin archive the path of its file relative to the folder that was asked for. */
export interface Member {
  readonly ref: InputRef;
  readonly within: string | undefined;
}

/** Thin archives that name thin archives: deeper than any build goes, and too many to be one. */
const DEEPEST = 16;
const MOST_MEMBERS = 1 << 20;

/** The inputs in an archive, in its order; archives that a thin one names are taken apart too. Throws FormatError. */
export function readMembers(archive: Pick<InputRef, "path" | "file">, root: string): Member[] {
  const members: Member[] = [];
  expand(archive.file, "", []);
  return members;

  function expand(file: string, prefix: string, above: readonly string[]): void {
    const place = { file: archive.path, member: prefix === "" ? undefined : prefix.slice(0, -1) };
    const real = resolve(file);
    if (above.includes(real)) throw new FormatError(place, "thin archive holds itself");
    if (above.length === DEEPEST) throw new FormatError(place, `thin archives are nested more than ${DEEPEST} deep`);
    const source = openFile(file, prefix === "" ? archive.path : `${archive.path}(${prefix.slice(0, -1)})`);
    try {
      const { mtimeMs } = source;
      const name = (member: ArchiveMember) => (prefix === "" ? member.name : `${prefix}${member.name})`);
      for (const member of readArchive(source).members) {
        const ref = { path: archive.path, member: name(member) };
        if (member.file !== undefined) addThin(member, member.file, file, ref, [...above, real]);
        else add({ ...ref, file, offset: member.offset, size: member.size, mtimeMs }, undefined);
      }
    } finally {
      source.close();
    }
  }

  function add(ref: InputRef, within: string | undefined): void {
    if (members.length === MOST_MEMBERS) {
      throw new FormatError({ file: archive.path }, `archive has more than ${MOST_MEMBERS} members`);
    }
    members.push({ ref, within });
  }

  function addThin(
    member: ArchiveMember,
    stored: string,
    archiveFile: string,
    ref: { readonly path: string; readonly member: string },
    above: readonly string[],
  ): void {
    const file = isAbsolute(stored) ? stored : `${archiveFile.slice(0, archiveFile.lastIndexOf("/") + 1)}${stored}`;
    const place = { file: ref.path, member: ref.member };
    const open = openFile(file, `${ref.path}(${ref.member})`);
    try {
      if (!open.isFile) throw new FormatError(place, "is not a regular file");
      if (member.origin !== undefined) {
        const inner = readArchive(open).members.find(({ header }) => header === member.origin);
        if (inner === undefined || inner.file !== undefined) {
          throw new FormatError(place, "no member of that archive begins there", member.origin);
        }
        const { offset, size } = inner;
        add(
          { path: ref.path, member: `${ref.member}(${inner.name})`, file, offset, size, mtimeMs: open.mtimeMs },
          undefined,
        );
        return;
      }
      const start = Math.min(KIND_SIZE, open.size);
      const kind = kindOf(open.read(0, start), start);
      if (kind === "archive" || kind === "thin") expand(file, `${ref.member}(`, above);
      else add({ ...ref, file, size: open.size, mtimeMs: open.mtimeMs }, withSlashes(relative(root, file)));
    } finally {
      open.close();
    }
  }
}
