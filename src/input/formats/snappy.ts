import type { Fail } from "./lzo.ts";

/** Unpacks a raw Snappy block into exactly `size` bytes. Snappy: format_description.txt. */
export function unpackSnappy(input: Uint8Array, size: number, fail: Fail): Uint8Array {
  const output = new Uint8Array(size);
  let at = 0;
  let to = 0;

  const number = (bytes: number): number => {
    if (at + bytes > input.length) fail("Snappy data ends too early");
    let value = 0;
    for (let i = 0; i < bytes; i++) value += (input[at++] as number) * 2 ** (8 * i);
    return value;
  };
  const match = (distance: number, count: number): void => {
    if (distance === 0 || distance > to || to + count > size) fail("Snappy data refers to what is not there");
    for (const end = to + count; to < end; to++) output[to] = output[to - distance] as number;
  };

  let length = 0;
  for (let shift = 0, more = true; more; shift += 7) {
    const byte = number(1);
    length += (byte & 0x7f) * 2 ** shift;
    more = byte >= 0x80 && shift < 28;
  }
  if (length !== size) fail(`Snappy data gives ${length} bytes instead of ${size}`);
  while (at < input.length) {
    const tag = number(1);
    const kind = tag & 3;
    if (kind === 0) {
      const short = tag >> 2;
      const count = (short < 60 ? short : number(short - 59)) + 1;
      if (at + count > input.length || to + count > size) fail("Snappy data runs past its end");
      output.set(input.subarray(at, at + count), to);
      at += count;
      to += count;
    } else if (kind === 1) match(((tag >> 5) << 8) | number(1), ((tag >> 2) & 7) + 4);
    else match(number(kind === 2 ? 2 : 4), (tag >> 2) + 1);
  }
  if (to !== size) fail(`Snappy data gives ${to} bytes instead of ${size}`);
  return output;
}
