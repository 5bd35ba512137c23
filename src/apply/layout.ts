import { PF, PT } from "../elf/segments.ts";
import type { Piece, Room } from "./pieces.ts";
import type { Program } from "./program.ts";
import { refuse } from "./refuse.ts";

/** A run of bytes that is put into one of the new segments. */
export interface Part {
  readonly room: Room;
  readonly size: number;
  readonly align: number;
  /** Told its address once that is known. */
  readonly place: (address: bigint, offset: number) => void;
}

/** A new segment. */
interface NewSegment {
  readonly room: Room;
  /** PF_* bits; none is writable and executable. */
  readonly flags: number;
  readonly offset: number;
  readonly address: bigint;
  readonly size: number;
}

export interface Layout {
  readonly segments: readonly NewSegment[];
  /** End of the last one in the file. */
  readonly end: number;
  /** p_align of each. */
  readonly align: number;
}

const FLAGS: Readonly<Record<Room, number>> = { constant: PF.R, code: PF.R | PF.X, data: PF.R | PF.W };
const ROOMS: readonly Room[] = ["constant", "code", "data"];
/** Where a program's zeros would make its file larger by more than this, it is not worth it. */
const MOST_ZEROS = 1 << 28;

/**
 * Puts parts into segments behind all others, so that file offset and address differ as they do in the program's first segment:
 * kernels and emulators that look for the program headers by that difference find them. Linux: fs/binfmt_elf.c, AT_PHDR.
 */
export function layOut(program: Program, parts: readonly Part[]): Layout {
  const { header, arch, bias, bytes, file } = program;
  const loads = header.segments.filter(({ type }) => type === PT.LOAD);
  const align = loads.reduce((most, segment) => Math.max(most, Number(segment.align)), arch.kernel.pageSize);
  const top = loads.reduce(
    (most, { vaddr, memsz }) => (vaddr + BigInt(memsz) > most ? vaddr + BigInt(memsz) : most),
    0n,
  );
  const least = Number(top - bias);
  if (!Number.isSafeInteger(least) || least - bytes.length > MOST_ZEROS)
    refuse(file, "its segments are too far apart for one more behind them");
  let offset = Math.max(bytes.length, least);
  const segments: NewSegment[] = [];
  for (const room of ROOMS) {
    const own = parts.filter((part) => part.room === room && part.size > 0);
    if (own.length === 0) continue;
    offset = roundUp(offset, align);
    const start = offset;
    for (const { size, align: unit, place } of own) {
      offset = roundUp(offset, unit);
      place(BigInt(offset) + bias, offset);
      offset += size;
    }
    segments.push({ room, flags: FLAGS[room], offset: start, address: BigInt(start) + bias, size: offset - start });
  }
  return { segments, end: offset, align };
}

export function roundUp(value: number, unit: number): number {
  return unit <= 1 ? value : Math.ceil(value / unit) * unit;
}

/** Parts of the pieces that are loaded; `place` is told where each is. */
export function partsOfPieces(
  pieces: readonly Piece[],
  place: (piece: Piece, address: bigint, offset: number) => void,
): Part[] {
  return pieces.flatMap((piece) =>
    piece.room === "in-place"
      ? []
      : [
          {
            room: piece.room,
            size: piece.bytes.length,
            align: Math.max(1, piece.section.align),
            place: (address: bigint, offset: number) => place(piece, address, offset),
          },
        ],
  );
}
