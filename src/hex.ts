/** A number as people read addresses: `0x1f`, `-0x8`; with at least so many digits. */
export function hex(value: number | bigint, digits = 0): string {
  return value < 0
    ? `-0x${(-value).toString(16).padStart(digits, "0")}`
    : `0x${value.toString(16).padStart(digits, "0")}`;
}

/** A distance, which always has its sign: `+0x1f`, `-0x8`, `+0x0`. */
export function signedHex(value: number | bigint): string {
  return value < 0 ? hex(value) : `+${hex(value)}`;
}

/** The number in a text that hex() made. */
export function hexValue(text: string): bigint {
  return text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text);
}
