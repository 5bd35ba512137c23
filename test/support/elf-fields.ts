/* The small pieces that elf-builder.ts writes files from. */
import type { ByteOrder } from "../../src/bytes.ts";
import type { Content, Key, Name } from "./elf-description.ts";

/** Size in bytes and value of one field of a record. */
export type Field = readonly [size: 1 | 2 | 4 | 8, value: number | bigint];
export type Lookup = (id: string | number) => number;

export function pack(order: ByteOrder, fields: readonly Field[]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((total, [size]) => total + size, 0));
  const view = new DataView(bytes.buffer);
  const little = order === "lsb";
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 8) view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), little);
    else if (size === 4) view.setUint32(at, Number(value), little);
    else if (size === 2) view.setUint16(at, Number(value), little);
    else view.setUint8(at, Number(value));
    at += size;
  }
  return bytes;
}

/** Index by id; numbers stand for themselves, unknown and repeated ids are the test's mistake. */
export function lookup(what: string, ids: readonly string[]): Lookup {
  const indices = new Map<string, number>();
  const repeated = new Set<string>();
  ids.forEach((id, index) => {
    if (indices.has(id)) repeated.add(id);
    else indices.set(id, index);
  });
  return (id) => {
    if (typeof id === "number") return id;
    const index = indices.get(id);
    if (index === undefined) throw new Error(`the description has no ${what} "${id}"`);
    if (repeated.has(id) && id !== "") throw new Error(`the description has several ${what}s "${id}": give them an id`);
    return index;
  };
}

export function stringTable(): { add(name: Name): number; bytes(): Uint8Array } {
  const offsets = new Map<string, number>([["", 0]]);
  const parts = [Buffer.from([0])];
  let length = 1;
  return {
    add(name) {
      const bytes = Buffer.from(name as string);
      const key = bytes.toString("latin1");
      const known = offsets.get(key);
      if (known !== undefined) return known;
      const offset = length;
      offsets.set(key, offset);
      parts.push(bytes, Buffer.from([0]));
      length += bytes.length + 1;
      return offset;
    },
    bytes: () => Buffer.concat(parts),
  };
}

export function numberOf<Table extends Readonly<Record<string, number>>>(table: Table, key: Key<Table>): number {
  const value = typeof key === "number" ? key : table[key.toUpperCase()];
  if (value === undefined) throw new Error(`unknown constant "${key}"`);
  return value;
}

export function bytesOf(content: Content): Uint8Array {
  if (typeof content !== "string") return content;
  const digits = content.replaceAll(/\s/g, "");
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error(`not hexadecimal bytes: "${content}"`);
  return Buffer.from(digits, "hex");
}

export function padded(content: Uint8Array, size: number | undefined): Uint8Array {
  if (size === undefined || size <= content.length) return content;
  const bytes = new Uint8Array(size);
  bytes.set(content);
  return bytes;
}

export function alignUp(offset: number, alignment: number): number {
  return alignment > 1 ? Math.ceil(offset / alignment) * alignment : offset;
}
