/** What is wrong with compressed bytes; the caller knows where they are. */
export type Fail = (problem: string) => never;

/**
 * Unpacks LZO1X into exactly `size` bytes. Each instruction copies a piece of what was already unpacked, and up to three new bytes
 * after it; which of them a low opcode means depends on how many new bytes came before. Linux: Documentation/staging/lzo.rst.
 */
export function unpackLzo1x(input: Uint8Array, size: number, fail: Fail): Uint8Array {
  const output = new Uint8Array(size);
  let at = 0;
  let to = 0;

  const next = (): number => {
    const byte = input[at++];
    return byte === undefined ? fail("LZO data ends too early") : byte;
  };
  const literals = (count: number): void => {
    if (at + count > input.length || to + count > size) fail("LZO data runs past its end");
    output.set(input.subarray(at, at + count), to);
    at += count;
    to += count;
  };
  const match = (distance: number, count: number): void => {
    if (distance > to || to + count > size) fail("LZO data refers to what is not there");
    for (const end = to + count; to < end; to++) output[to] = output[to - distance] as number;
  };
  /** A length that did not fit its opcode: zero bytes count 255 each, the first other one ends it. */
  const longer = (most: number): number => {
    let length = most;
    let byte = next();
    for (; byte === 0; byte = next()) length += 255;
    return length + byte;
  };

  /** New bytes that the instruction before copied; 4 stands for a long run. */
  let state = 0;
  if ((input[0] ?? 0) > 17) {
    const count = next() - 17;
    literals(count);
    state = Math.min(count, 4);
  }
  for (;;) {
    const opcode = next();
    let tail = opcode & 3;
    if (opcode < 16 && state === 0) {
      literals((opcode === 0 ? longer(15) : opcode) + 3);
      state = 4;
      continue;
    }
    if (opcode < 16) {
      const far = state === 4;
      match((next() << 2) + (opcode >> 2) + (far ? 0x801 : 1), far ? 3 : 2);
    } else if (opcode >= 64) {
      match((next() << 3) + ((opcode >> 2) & 7) + 1, (opcode >> 5) + 1);
    } else {
      const low = opcode >= 32 ? 31 : 7;
      const length = (opcode & low || longer(low)) + 2;
      const word = next() | (next() << 8);
      tail = word & 3;
      const distance = word >> 2;
      if (opcode >= 32) match(distance + 1, length);
      else {
        const high = (opcode & 8) << 11;
        if (high + distance === 0) break;
        match(high + distance + 0x4000, length);
      }
    }
    literals(tail);
    state = tail;
  }
  if (to !== size) fail(`LZO data gives ${to} bytes instead of ${size}`);
  return output;
}
