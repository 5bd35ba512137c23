/*
 * LZMA2, the one filter that compressed kernel modules use. Chunks say how large they are on both sides, so the whole is
 * measured before a byte of output is reserved; then it is decoded straight into place, which also serves as the dictionary.
 * Sources: the .xz file format 1.2.0 and LZMA specification of the 7-Zip project; Linux lib/xz/xz_dec_lzma2.c.
 */

/** Ends decoding: throws the caller's own error for this offset in the compressed bytes. */
export type FailAt = (problem: string, offset: number) => never;

/** Bytes that an LZMA2 sequence takes and gives. */
export interface Lzma2Extent {
  /** Offset after its end marker. */
  readonly end: number;
  readonly size: number;
}

/** Walks the chunk headers from `start`, without decoding. */
export function measureLzma2(input: Uint8Array, start: number, fail: FailAt): Lzma2Extent {
  let at = start;
  let size = 0;
  for (;;) {
    const control = input[at];
    if (control === undefined) return fail("LZMA2 data is truncated", at);
    if (control === 0) return { end: at + 1, size };
    if (control > 2 && control < 0x80) fail("LZMA2 chunk of unknown kind", at);
    const chunk = readChunk(input, at, control, fail);
    size += chunk.size;
    at = chunk.start + chunk.stored;
    if (at > input.length) fail("LZMA2 data is truncated", input.length);
  }
}

interface Chunk {
  /** Offset of its first byte after the header. */
  readonly start: number;
  readonly stored: number;
  readonly size: number;
}

function readChunk(input: Uint8Array, at: number, control: number, fail: FailAt): Chunk {
  const isPacked = control >= 0x80;
  const header = !isPacked ? 3 : control >= 0xc0 ? 6 : 5;
  if (at + header > input.length) fail("LZMA2 data is truncated", input.length);
  const low = word(input, at + 1) + 1;
  if (!isPacked) return { start: at + header, stored: low, size: low };
  return { start: at + header, stored: word(input, at + 3) + 1, size: ((control & 0x1f) << 16) + low };
}

function word(input: Uint8Array, at: number): number {
  return ((input[at] as number) << 8) | (input[at + 1] as number);
}

/** Decodes a sequence that measureLzma2() measured into `output`, which has exactly its size; `dictionary` is the most bytes a match may reach back. */
export function decodeLzma2(
  input: Uint8Array,
  start: number,
  output: Uint8Array,
  dictionary: number,
  fail: FailAt,
): void {
  const decoder = new LzmaDecoder(input, output, dictionary, fail);
  let needDictionary = true;
  let needProperties = true;
  for (let at = start; input[at] !== 0; ) {
    const control = input[at] as number;
    const chunk = readChunk(input, at, control, fail);
    if (control >= 0xe0 || control === 1) {
      needDictionary = false;
      needProperties = true;
      decoder.resetDictionary();
    } else if (needDictionary) fail("LZMA2 data does not start with a new dictionary", at);
    if (control < 0x80) decoder.copy(chunk.start, chunk.size);
    else {
      if (control >= 0xc0) {
        needProperties = false;
        decoder.setProperties(input[chunk.start - 1] as number, chunk.start - 1);
      } else if (needProperties) fail("LZMA2 chunk without properties", at);
      if (control >= 0xa0) decoder.resetState();
      decoder.decode(chunk.start, chunk.stored, chunk.size);
    }
    at = chunk.start + chunk.stored;
  }
}

/*
 * Probabilities, all in one table: where each kind begins. There are 12 states and up to 16 positions; a tree of n bits takes
 * 2^n entries, the first unused.
 */
const STATES = 12;
const IS_MATCH = 0;
const IS_REP = IS_MATCH + (STATES << 4);
const IS_REP_G0 = IS_REP + STATES;
const IS_REP_G1 = IS_REP_G0 + STATES;
const IS_REP_G2 = IS_REP_G1 + STATES;
const IS_REP0_LONG = IS_REP_G2 + STATES;
const DISTANCE_SLOT = IS_REP0_LONG + (STATES << 4);
const DISTANCE = DISTANCE_SLOT + (4 << 6);
const DISTANCE_ALIGN = DISTANCE + 128;
const MATCH_LENGTH = DISTANCE_ALIGN + 16;
/** Two choices, 16 low trees and 16 middle trees of 3 bits, one high tree of 8. */
const LENGTH_LOW = 2;
const LENGTH_MIDDLE = LENGTH_LOW + (16 << 3);
const LENGTH_HIGH = LENGTH_MIDDLE + (16 << 3);
const REP_LENGTH = MATCH_LENGTH + LENGTH_HIGH + 256;
const LITERAL = REP_LENGTH + LENGTH_HIGH + 256;
/** One set of literal probabilities; LZMA2 allows up to 2^4 sets. */
const LITERAL_SET = 0x300;
const TOTAL = LITERAL + (LITERAL_SET << 4);
const EVEN = 1 << 10;
const SHORTEST_MATCH = 2;

class LzmaDecoder {
  readonly #input: Uint8Array;
  readonly #output: Uint8Array;
  readonly #dictionary: number;
  readonly #fail: FailAt;
  readonly #probabilities = new Uint16Array(TOTAL);
  /** Next byte of input, and where the chunk ends. */
  #at = 0;
  #end = 0;
  #range = 0;
  #code = 0;
  /** Next byte of output, and where the dictionary began. */
  #place = 0;
  #origin = 0;
  #state = 0;
  #reps: [number, number, number, number] = [0, 0, 0, 0];
  #literalContext = 0;
  #literalMask = 0;
  #positionMask = 0;

  constructor(input: Uint8Array, output: Uint8Array, dictionary: number, fail: FailAt) {
    this.#input = input;
    this.#output = output;
    this.#dictionary = dictionary;
    this.#fail = fail;
  }

  resetDictionary(): void {
    this.#origin = this.#place;
  }

  resetState(): void {
    this.#probabilities.fill(EVEN);
    this.#state = 0;
    this.#reps = [0, 0, 0, 0];
  }

  /** One byte: (pb * 5 + lp) * 9 + lc. */
  setProperties(value: number, at: number): void {
    const literalContext = value % 9;
    const literalPosition = Math.floor(value / 9) % 5;
    const position = Math.floor(value / 45);
    if (position > 4 || literalContext + literalPosition > 4) this.#fail("LZMA2 properties are out of range", at);
    this.#literalContext = literalContext;
    this.#literalMask = (1 << literalPosition) - 1;
    this.#positionMask = (1 << position) - 1;
  }

  /** A chunk that is stored as it is. */
  copy(start: number, size: number): void {
    this.#output.set(this.#input.subarray(start, start + size), this.#place);
    this.#place += size;
  }

  decode(start: number, stored: number, size: number): void {
    const input = this.#input;
    const output = this.#output;
    this.#end = start + stored;
    if (stored < 5 || input[start] !== 0) this.#fail("corrupt LZMA data", start);
    this.#range = 0xffffffff;
    this.#code = new DataView(input.buffer, input.byteOffset + start + 1, 4).getUint32(0);
    this.#at = start + 5;
    const limit = this.#place + size;
    while (this.#place < limit) {
      const positionState = (this.#place - this.#origin) & this.#positionMask;
      const state = this.#state;
      if (this.#bit(IS_MATCH + (state << 4) + positionState) === 0) {
        this.#literal();
        continue;
      }
      const length = this.#bit(IS_REP + state) === 0 ? this.#match(positionState) : this.#repeated(positionState);
      const distance = this.#reps[0] + 1;
      if (distance > this.#place - this.#origin || distance > this.#dictionary) this.#corrupt();
      if (this.#place + length > limit) this.#corrupt();
      const from = this.#place - distance;
      if (distance >= length) output.copyWithin(this.#place, from, from + length);
      else for (let index = 0; index < length; index++) output[this.#place + index] = output[from + index] as number;
      this.#place += length;
    }
    this.#normalize();
    if (this.#code !== 0 || this.#at !== this.#end) this.#corrupt();
  }

  #corrupt(): never {
    return this.#fail("corrupt LZMA data", Math.min(this.#at, this.#end));
  }

  #normalize(): void {
    if (this.#range < 0x1000000) {
      if (this.#at >= this.#end) this.#corrupt();
      this.#range = (this.#range << 8) >>> 0;
      this.#code = ((this.#code << 8) | (this.#input[this.#at++] as number)) >>> 0;
    }
  }

  #bit(index: number): 0 | 1 {
    this.#normalize();
    const probability = this.#probabilities[index] as number;
    const bound = (this.#range >>> 11) * probability;
    if (this.#code < bound) {
      this.#range = bound;
      this.#probabilities[index] = probability + ((2048 - probability) >> 5);
      return 0;
    }
    this.#range -= bound;
    this.#code -= bound;
    this.#probabilities[index] = probability - (probability >> 5);
    return 1;
  }

  #tree(base: number, bits: number): number {
    let symbol = 1;
    for (let count = 0; count < bits; count++) symbol = (symbol << 1) | this.#bit(base + symbol);
    return symbol - (1 << bits);
  }

  /** A tree whose bits come least significant first. */
  #reverseTree(base: number, bits: number): number {
    let symbol = 1;
    let value = 0;
    for (let count = 0; count < bits; count++) {
      const bit = this.#bit(base + symbol);
      symbol = (symbol << 1) | bit;
      value |= bit << count;
    }
    return value;
  }

  #direct(bits: number): number {
    let value = 0;
    for (let count = 0; count < bits; count++) {
      this.#normalize();
      this.#range >>>= 1;
      const bit = this.#code >= this.#range ? 1 : 0;
      if (bit === 1) this.#code -= this.#range;
      value = (value << 1) | bit;
    }
    return value;
  }

  #literal(): void {
    const output = this.#output;
    const position = this.#place - this.#origin;
    const previous = position === 0 ? 0 : (output[this.#place - 1] as number);
    const set = ((position & this.#literalMask) << this.#literalContext) + (previous >> (8 - this.#literalContext));
    const base = LITERAL + LITERAL_SET * set;
    let symbol = 1;
    if (this.#state >= 7) {
      // After a match the byte that would have continued it says what is likely.
      const distance = this.#reps[0] + 1;
      if (distance > position) this.#corrupt();
      let matched = output[this.#place - distance] as number;
      while (symbol < 0x100) {
        const expected = (matched >> 7) & 1;
        matched <<= 1;
        const bit = this.#bit(base + ((1 + expected) << 8) + symbol);
        symbol = (symbol << 1) | bit;
        if (bit !== expected) break;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | this.#bit(base + symbol);
    output[this.#place++] = symbol & 0xff;
    const state = this.#state;
    this.#state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
  }

  /** A match at a new distance; returns its length. */
  #match(positionState: number): number {
    const [first, second, third] = this.#reps;
    const length = this.#length(MATCH_LENGTH, positionState);
    this.#state = this.#state < 7 ? 7 : 10;
    const slot = this.#tree(DISTANCE_SLOT + (Math.min(length - SHORTEST_MATCH, 3) << 6), 6);
    let distance = slot;
    if (slot >= 4) {
      const bits = (slot >> 1) - 1;
      distance = ((2 | (slot & 1)) << bits) >>> 0;
      if (slot < 14) distance += this.#reverseTree(DISTANCE + distance - slot, bits);
      else distance += ((this.#direct(bits - 4) << 4) >>> 0) + this.#reverseTree(DISTANCE_ALIGN, 4);
    }
    this.#reps = [distance, first, second, third];
    return length;
  }

  /** A match at one of the last four distances; returns its length. */
  #repeated(positionState: number): number {
    const state = this.#state;
    const reps = this.#reps;
    if (this.#bit(IS_REP_G0 + state) === 0) {
      if (this.#bit(IS_REP0_LONG + (state << 4) + positionState) === 0) {
        this.#state = state < 7 ? 9 : 11;
        return 1;
      }
    } else if (this.#bit(IS_REP_G1 + state) === 0) this.#reps = [reps[1], reps[0], reps[2], reps[3]];
    else if (this.#bit(IS_REP_G2 + state) === 0) this.#reps = [reps[2], reps[0], reps[1], reps[3]];
    else this.#reps = [reps[3], reps[0], reps[1], reps[2]];
    this.#state = state < 7 ? 8 : 11;
    return this.#length(REP_LENGTH, positionState);
  }

  #length(base: number, positionState: number): number {
    if (this.#bit(base) === 0) return SHORTEST_MATCH + this.#tree(base + LENGTH_LOW + (positionState << 3), 3);
    if (this.#bit(base + 1) === 0) {
      return SHORTEST_MATCH + 8 + this.#tree(base + LENGTH_MIDDLE + (positionState << 3), 3);
    }
    return SHORTEST_MATCH + 16 + this.#tree(base + LENGTH_HIGH, 8);
  }
}
