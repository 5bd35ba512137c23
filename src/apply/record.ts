import { createHash } from "node:crypto";
import { byteView } from "../bytes.ts";
import type { UpdateDescription } from "../contract/description.ts";
import { readObject } from "../elf/object.ts";
import { FormatError } from "../errors.ts";

/** Name of the section that says what was done to a program. */
export const RECORD_SECTION = ".note.elfsplice";
const OWNER = "elfsplice\0";
const TYPE = 1;

/** Bytes of the original file that were written over. */
export interface Range {
  readonly offset: number;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

/** What is needed to know an update in a program, and to take it out again. */
export interface ApplyRecord {
  /** Of the update. */
  readonly id: string;
  readonly digest: string;
  /** Length and SHA-256 of the file before. */
  readonly size: number;
  readonly sha256: string;
  readonly ranges: readonly Range[];
}

/** A hash of all that an update does, whatever was found out since about where. */
export function digestOf({ changes }: UpdateDescription): string {
  const does = changes.map(({ target, newCode, patches }) => [
    target,
    newCode.sections.map(({ label, sha256 }) => [label, sha256]),
    newCode.relocations,
    patches.map(({ type, oldLabel, oldOffset, replacement, size }) => [type, oldLabel, oldOffset, replacement, size]),
  ]);
  return sha256Of(JSON.stringify(does));
}

export function sha256Of(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The record as a note. gABI chapter 5, "Note Section". */
export function encodeRecord(record: ApplyRecord, data: "lsb" | "msb"): Uint8Array {
  const text = JSON.stringify({
    ...record,
    ranges: record.ranges.map(({ offset, before, after }) => [
      offset,
      Buffer.from(before).toString("base64"),
      Buffer.from(after).toString("base64"),
    ]),
  });
  const desc = Buffer.from(text);
  const nameSize = roundUp4(OWNER.length);
  const note = Buffer.alloc(12 + nameSize + roundUp4(desc.length));
  const view = new DataView(note.buffer, note.byteOffset, note.length);
  for (const [i, value] of [OWNER.length, desc.length, TYPE].entries()) view.setUint32(4 * i, value, data === "lsb");
  note.write(OWNER, 12, "latin1");
  desc.copy(note, 12 + nameSize);
  return Uint8Array.from(note);
}

function roundUp4(size: number): number {
  return Math.ceil(size / 4) * 4;
}

/** Records of the updates in a program, the last one last. Throws FormatError for one that cannot be right. */
export function readRecords(bytes: Uint8Array, file: string): ApplyRecord[] {
  const object = readObject(bytes, file);
  return object.sections
    .filter(({ name }) => name === RECORD_SECTION)
    .map((section) => {
      const fail = (problem: string, offset = 0): never => {
        throw new FormatError({ file, section: RECORD_SECTION, offset }, problem);
      };
      const view = byteView(section.bytes, object.data, fail);
      const [nameSize, size] = [view.u32(0), view.u32(4)];
      const text = Buffer.from(view.slice(12 + roundUp4(nameSize), size)).toString("utf8");
      return parseRecord(text, bytes.length) ?? fail("is not a record of an update");
    });
}

function parseRecord(text: string, length: number): ApplyRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { id, digest, size, sha256, ranges } = value as Readonly<Record<string, unknown>>;
  if (typeof id !== "string" || typeof digest !== "string" || typeof sha256 !== "string") return undefined;
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0 || size > length) return undefined;
  if (!Array.isArray(ranges)) return undefined;
  const read: Range[] = [];
  for (const range of ranges as unknown[]) {
    if (!Array.isArray(range)) return undefined;
    const [offset, before, after] = range as unknown[];
    if (typeof offset !== "number" || typeof before !== "string" || typeof after !== "string") return undefined;
    const [old, now] = [Buffer.from(before, "base64"), Buffer.from(after, "base64")];
    if (!Number.isSafeInteger(offset) || offset < 0 || offset + old.length > size || old.length !== now.length)
      return undefined;
    read.push({ offset, before: old, after: now });
  }
  return { id, digest, size, sha256, ranges: read };
}
