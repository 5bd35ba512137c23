/*
 * Compact relocations, SHT_CREL: a byte or two for most records, because each tells only in what it differs from the one
 * before. A ULEB128 header holds the number of records, whether they have addends, and by how many bits all offsets are
 * shifted. A record begins with a ULEB128 number whose low bits tell which of symbol, type and addend follow as SLEB128
 * differences; the rest of it is the difference of the offset. LLVM: BinaryFormat/ELF.h, CREL_HDR_ADDEND; the proposal
 * "CREL: compact relocations" for the gABI.
 */
import type { Relocation } from "./model.ts";

/** Low bits of the header: the shift of offsets, and whether records have addends. */
const SHIFT_MASK = 3n;
const HAS_ADDEND = 4n;

/** What is wrong, and where in the section. */
export type Fail = (problem: string, offset: number, value?: number | bigint) => never;

/** The records of one SHT_CREL section; `offset` is as stored. Numbers wrap at the file's class, symbols and types at 32 bits. */
export function readCompactRelocations(bytes: Uint8Array, bits: 32 | 64, fail: Fail): Relocation[] {
  let at = 0;
  const header = uleb();
  const count = header >> 3n;
  const rela = (header & HAS_ADDEND) !== 0n;
  const shift = header & SHIFT_MASK;
  if (count > BigInt(bytes.length - at)) fail("counts more records than it has bytes", 0, count);
  const flagBits = rela ? 3n : 2n;
  const records: Relocation[] = [];
  let [offset, symbol, type, addend] = [0n, 0n, 0n, 0n];
  for (let left = Number(count); left > 0; left--) {
    const flags = bytes[at] ?? 0;
    offset = BigInt.asUintN(bits, offset + (uleb() >> flagBits));
    if ((flags & 1) !== 0) symbol = BigInt.asUintN(32, symbol + sleb());
    if ((flags & 2) !== 0) type = BigInt.asUintN(32, type + sleb());
    if (rela && (flags & 4) !== 0) addend = BigInt.asIntN(bits, addend + sleb());
    const place = BigInt.asUintN(bits, offset << shift);
    records.push({ offset: Number(place), symbol: Number(symbol), type: Number(type), addend, rela });
  }
  if (at < bytes.length) fail("has bytes behind its last record", at, bytes.length - at);
  return records;

  function uleb(): bigint {
    let value = 0n;
    for (let shifted = 0n; ; shifted += 7n) {
      const byte = next();
      value |= BigInt(byte & 0x7f) << shifted;
      if (byte < 0x80) return value;
    }
  }

  function sleb(): bigint {
    let value = 0n;
    for (let shifted = 0n; ; ) {
      const byte = next();
      value |= BigInt(byte & 0x7f) << shifted;
      shifted += 7n;
      if (byte < 0x80) return (byte & 0x40) !== 0 ? value - (1n << shifted) : value;
    }
  }

  function next(): number {
    const byte = bytes[at];
    if (byte === undefined) return fail("ends in the middle of a record", at);
    at++;
    return byte;
  }
}
