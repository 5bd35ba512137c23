/*
 * zstd frames. They are walked here, block by block, so that sizes are known and bounded before anything is unpacked; each is
 * then given to zstddec, the reference decoder as WebAssembly, which verifies the checksum. It reports no errors but returns
 * too few bytes, so every result is held against the size that the frame states. Source: RFC 8878.
 */
import { ZSTDDecoder } from "zstddec/stream";
import { byteView } from "../../bytes.ts";
import { FormatError, type Place, UnsupportedError } from "../../errors.ts";

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a5;
/** Most bytes that one block gives. RFC 8878, 3.1.1.2.3. */
const LARGEST_BLOCK = 1 << 17;
const RAW = 0;
const RLE = 1;
const RESERVED = 3;

interface Frame {
  readonly start: number;
  readonly end: number;
  /** Bytes that it gives, when it says so. */
  readonly size: number | undefined;
  /** Bytes that its blocks can give at most. */
  readonly bound: number;
}

/** Decompresses a whole zstd file of any number of frames; refuses one that may give more than `most` bytes before it reserves them. */
export async function decompressZstd(bytes: Uint8Array, place: Place, most: number): Promise<Uint8Array> {
  const frames = readFrames(bytes, place);
  const decoder = new ZSTDDecoder();
  await decoder.init();
  let total = 0;
  const parts: Uint8Array[] = [];
  for (const frame of frames) {
    const { start, end, size, bound } = frame;
    if (total + (size ?? bound) > most) {
      throw new FormatError({ ...place, offset: start }, `decompressed contents are larger than ${most} bytes`);
    }
    const part =
      bound === 0 ? new Uint8Array(0) : unpack(decoder, bytes.subarray(start, end), size ?? bound, size !== undefined);
    const isWrong = size === undefined ? bound > 0 && !(part.length > 0 && part.length <= bound) : part.length !== size;
    if (isWrong) throw new FormatError({ ...place, offset: start }, "corrupt zstd data");
    total += part.length;
    parts.push(part);
  }
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
}

/** Bytes from which a frame is unpacked in steps: at once, the decoder's memory would hold it a second time, and keep that. */
const LARGE = 1 << 22;
/** An empty frame that is skipped: with it behind, the decoder hands out all that it still holds. RFC 8878, 3.1.2. */
const FLUSH = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0);
/** Steps without a result after which the decoder stands still: it reports no errors. */
const MOST_IDLE = 16;

/** A large frame whose size is known, written where it belongs piece by piece; undefined where that many bytes do not come. */
function unpackInSteps(decoder: ZSTDDecoder, frame: Uint8Array, size: number): Uint8Array | undefined {
  const whole = new Uint8Array(size);
  let filled = 0;
  let idle = 0;
  for (const part of decoder.decodeStreaming([frame, FLUSH])) {
    idle = part.length === 0 ? idle + 1 : 0;
    if (idle > MOST_IDLE || filled + part.length > size) return undefined;
    whole.set(part, filled);
    filled += part.length;
  }
  return filled === size ? whole : undefined;
}

/** Nothing where the decoder found an error. */
function unpack(decoder: ZSTDDecoder, frame: Uint8Array, size: number, isCertain: boolean): Uint8Array {
  try {
    if (isCertain && size >= LARGE) return unpackInSteps(decoder, frame, size) ?? new Uint8Array(0);
    return decoder.decode(frame, size);
  } catch (error) {
    // WebAssembly traps and refused memory.
    if (error instanceof Error && (error.name === "RuntimeError" || error instanceof RangeError))
      return new Uint8Array(0);
    throw error;
  }
}

function readFrames(bytes: Uint8Array, place: Place): Frame[] {
  const fail = (problem: string, offset: number, value?: number): never => {
    throw new FormatError({ ...place, offset }, problem, value);
  };
  const view = byteView(bytes, "lsb", () => fail("zstd data is truncated", bytes.length));
  const frames: Frame[] = [];
  for (let at = 0; at === 0 || at < bytes.length; ) {
    const magic = view.u32(at);
    if (magic >>> 4 === SKIPPABLE) {
      at += 8 + view.u32(at + 4);
      if (at > bytes.length) fail("zstd data is truncated", bytes.length);
      continue;
    }
    if (magic !== MAGIC) fail("not zstd data", at, magic);
    const frame = readFrame(at);
    frames.push(frame);
    at = frame.end;
  }
  return frames;

  function readFrame(start: number): Frame {
    const descriptor = view.u8(start + 4);
    const isSingle = (descriptor & 0x20) !== 0;
    if ((descriptor & 0x08) !== 0) fail("zstd frame with a reserved flag", start + 4, descriptor);
    let at = start + 5 + (isSingle ? 0 : 1);
    const dictionarySize = [0, 1, 2, 4][descriptor & 3] as number;
    if (view.slice(at, dictionarySize).some((byte) => byte !== 0)) {
      throw new UnsupportedError({ ...place, offset: at }, "zstd frame that needs a dictionary");
    }
    at += dictionarySize;
    const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
    const size = readSize(at, sizeBytes);
    at += sizeBytes;
    let bound = 0;
    for (let isLast = false; !isLast; ) {
      const header = view.u16(at) | (view.u8(at + 2) << 16);
      const [kind, length] = [(header >> 1) & 3, header >> 3];
      if (kind === RESERVED) fail("zstd block of unknown kind", at);
      if (length > LARGEST_BLOCK) fail("zstd block is too large", at, length);
      isLast = (header & 1) === 1;
      bound += kind === RAW || kind === RLE ? length : LARGEST_BLOCK;
      at += 3 + (kind === RLE ? 1 : length);
      if (at > bytes.length) fail("zstd data is truncated", bytes.length);
    }
    if ((descriptor & 0x04) !== 0) at += 4;
    if (at > bytes.length) fail("zstd data is truncated", bytes.length);
    // The decoder takes a size of zero for one that is not known.
    if (size !== undefined && (size > bound || (size === 0 && bound > 0))) {
      fail("zstd frame states a size that its blocks cannot have", start, size);
    }
    return { start, end: at, size, bound };
  }

  function readSize(at: number, size: number): number | undefined {
    if (size === 0) return undefined;
    if (size === 1) return view.u8(at);
    // RFC 8878, 3.1.1.1.4: two bytes begin at 256.
    return size === 2 ? view.u16(at) + 256 : size === 4 ? view.u32(at) : Number(view.u64(at));
  }
}
