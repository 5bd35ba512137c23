/** Byte order of multi-byte numbers: least or most significant byte first. */
export type ByteOrder = "lsb" | "msb";

/** Ends a read that cannot be made: throws the reader's own error for this byte offset. */
export type FailAt = (problem: string, offset: number) => never;

/** A variable-length number and where the bytes after it start. DWARF 5 section 7.6. */
interface Leb128 {
  readonly value: bigint;
  /** Offset of the first byte after the number. */
  readonly next: number;
}

/** Zero-terminated bytes without their terminator, and where the bytes after it start. */
interface CString {
  readonly bytes: Uint8Array;
  readonly next: number;
}

/** Bounds-checked random access to bytes in one byte order; every offset counts from the view's first byte. */
export interface ByteView {
  readonly bytes: Uint8Array;
  readonly length: number;
  u8(offset: number): number;
  u16(offset: number): number;
  u32(offset: number): number;
  i32(offset: number): number;
  u64(offset: number): bigint;
  i64(offset: number): bigint;
  /** Unsigned LEB128 of at most 64 bits. */
  uleb128(offset: number): Leb128;
  /** Signed LEB128 of at most 64 bits. */
  sleb128(offset: number): Leb128;
  cstring(offset: number): CString;
  /** `size` bytes from `offset`: a view, never a copy. */
  slice(offset: number, size: number): Uint8Array;
}

/** Ten groups of seven bits hold every 64-bit number. */
const LEB128_MAX_BYTES = 10;

/** A view that reports reads outside `bytes` through `fail`. */
export function byteView(bytes: Uint8Array, order: ByteOrder, fail: FailAt): ByteView {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.byteLength;
  const little = order === "lsb";

  function need(offset: number, size: number): void {
    // Written so that NaN fails too.
    if (!(offset >= 0 && offset + size <= length)) fail(`needs ${size} bytes of ${length}`, offset);
  }

  function leb128(offset: number, signedness: "signed" | "unsigned"): Leb128 {
    let value = 0n;
    let next = offset;
    for (let shift = 0n; ; shift += 7n) {
      if (next - offset === LEB128_MAX_BYTES) fail("LEB128 number is longer than 64 bits", offset);
      need(next, 1);
      const byte = view.getUint8(next++);
      value |= BigInt(byte & 0x7f) << shift;
      if ((byte & 0x80) !== 0) continue;
      if (signedness === "signed" && (byte & 0x40) !== 0) value -= 1n << (shift + 7n);
      break;
    }
    const kept = signedness === "signed" ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value);
    if (kept !== value) fail("LEB128 number is longer than 64 bits", offset);
    return { value, next };
  }

  return {
    bytes,
    length,
    u8(offset) {
      need(offset, 1);
      return view.getUint8(offset);
    },
    u16(offset) {
      need(offset, 2);
      return view.getUint16(offset, little);
    },
    u32(offset) {
      need(offset, 4);
      return view.getUint32(offset, little);
    },
    i32(offset) {
      need(offset, 4);
      return view.getInt32(offset, little);
    },
    u64(offset) {
      need(offset, 8);
      return view.getBigUint64(offset, little);
    },
    i64(offset) {
      need(offset, 8);
      return view.getBigInt64(offset, little);
    },
    uleb128: (offset) => leb128(offset, "unsigned"),
    sleb128: (offset) => leb128(offset, "signed"),
    cstring(offset) {
      need(offset, 1);
      const end = bytes.indexOf(0, offset);
      if (end === -1) fail("string has no terminator", offset);
      return { bytes: bytes.subarray(offset, end), next: end + 1 };
    },
    slice(offset, size) {
      if (!(size >= 0)) fail(`cannot take ${size} bytes`, offset);
      need(offset, size);
      return bytes.subarray(offset, offset + size);
    },
  };
}

/** An unsigned number of 1 to 6 bytes that the caller knows to lie inside `bytes`. */
export function readInteger(bytes: Uint8Array, offset: number, size: number, order: ByteOrder): number {
  let value = 0;
  for (let index = 0; index < size; index++) {
    value = value * 0x100 + (bytes[order === "msb" ? offset + index : offset + size - 1 - index] as number);
  }
  return value;
}

/* Numbers that the caller knows to lie inside the bytes, without sign. */

export function readHalf(bytes: Uint8Array, at: number, little: boolean): number {
  return (bytes[little ? at : at + 1] as number) | ((bytes[little ? at + 1 : at] as number) << 8);
}

export function readWord(bytes: Uint8Array, at: number, little: boolean): number {
  const byte = (i: number): number => bytes[at + (little ? i : 3 - i)] as number;
  return (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0;
}

/** An address or size as wide as the class of its object, 4 or 8 bytes. */
export function readAddress(bytes: Uint8Array, at: number, width: number, little: boolean): bigint {
  if (width === 4) return BigInt(readWord(bytes, at, little));
  const [low, high] = little ? [at, at + 4] : [at + 4, at];
  return (BigInt(readWord(bytes, high, little)) << 32n) | BigInt(readWord(bytes, low, little));
}
