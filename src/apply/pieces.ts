import type { CodeSection, Patch } from "../contract/code.ts";
import type { UpdateDescription } from "../contract/description.ts";
import type { Program } from "./program.ts";
import { refuse } from "./refuse.ts";

/** Which of the new segments a piece is in. */
export type Room = "constant" | "code" | "data";

/** One section of new code that is loaded, or whose contents are written over the old ones. */
export interface Piece {
  readonly label: string;
  readonly change: number;
  readonly section: CodeSection;
  /** Contents, to be relocated. */
  readonly bytes: Uint8Array;
  readonly room: Room | "in-place";
}

const SHF_WRITE = 1n;
const SHF_EXECINSTR = 4n;

/** The sections of an update that a loader has to bring. */
export function piecesOf(update: UpdateDescription, program: Program): Piece[] {
  return update.changes.flatMap((change, index) => {
    const inPlace = labelsInPlace(change);
    return change.newCode.sections.map((section) => pieceOf(section, index, inPlace.has(section.label), program));
  });
}

/** Contents that are written where the old ones are. */
function labelsInPlace({ patches }: Pick<UpdateDescription["changes"][number], "patches">): ReadonlySet<string> {
  return new Set(patches.filter(({ type }) => type === "data").flatMap(({ replacement }) => replacement ?? []));
}

function pieceOf(section: CodeSection, change: number, isInPlace: boolean, program: Program): Piece {
  const { label, kind, size, contents } = section;
  if (kind === "tls")
    refuse(program.file, `${label} is a new thread-local: those of a program are laid out when it is linked`);
  const flags = BigInt(section.flags);
  if (contents === undefined && size > 0 && kind !== "bss")
    refuse(program.file, `the description has no contents of ${label}: make it with diff --contents`);
  const bytes = new Uint8Array(size);
  bytes.set(Buffer.from(contents ?? "", "base64").subarray(0, size));
  return { label, change, section, bytes, room: isInPlace ? "in-place" : roomOf(flags) };
}

function roomOf(flags: bigint): Room {
  if ((flags & SHF_EXECINSTR) !== 0n) return "code";
  return (flags & SHF_WRITE) !== 0n ? "data" : "constant";
}

/** Patches that only a kernel has. */
export function checkPatches(patches: readonly Patch[], file: string): void {
  for (const { type, oldLabel } of patches) {
    if (type === "export" || type === "bug")
      refuse(file, `${oldLabel} is in a table of the kernel's, which no program has`);
  }
}
