import { hex } from "./hex.ts";

/** Where in the input trouble was met; every part that is known is named in the message. */
export interface Place {
  readonly file?: string | undefined;
  /** Member of an archive, when the object was read from one. */
  readonly member?: string | undefined;
  /** Section name, or its index when the name itself cannot be read. */
  readonly section?: string | number | undefined;
  /** Byte offset: inside the section when one is named, else inside the file. */
  readonly offset?: number | bigint | undefined;
}

function placeText(place: Place): string {
  const file = place.file ?? "input";
  const parts = [place.member === undefined ? file : `${file}(${place.member})`];
  if (place.section !== undefined) {
    parts.push(typeof place.section === "number" ? `section [${place.section}]` : `section ${place.section}`);
  }
  if (place.offset !== undefined) parts.push(`offset ${hex(place.offset)}`);
  return parts.join(": ");
}

/** Malformed input: a file that contradicts the ELF specification or itself. */
export class FormatError extends Error {
  override readonly name = "FormatError";
  readonly place: Place;
  /** What is wrong, without the place. */
  readonly problem: string;
  /** The offending value, when there is one. */
  readonly value: number | bigint | string | undefined;

  constructor(place: Place, problem: string, value?: number | bigint | string) {
    const shown = typeof value === "string" ? `"${value}"` : value?.toString();
    super(`${placeText(place)}: ${problem}${shown === undefined ? "" : ` (value ${shown})`}`);
    this.place = place;
    this.problem = problem;
    this.value = value;
  }
}

/** Valid input that this version cannot work on; the message says what it is and why not. */
export class UnsupportedError extends Error {
  override readonly name = "UnsupportedError";
  readonly place: Place;

  constructor(place: Place, problem: string) {
    super(`${placeText(place)}: ${problem}`);
    this.place = place;
  }
}

/** Wrong use of the command line or of the library's arguments. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const CAUSES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ENOENT: "no such file or directory",
    EACCES: "permission denied",
    EPERM: "operation not permitted",
    EISDIR: "it is a directory",
    ENOTDIR: "a part of the path is not a directory",
    ENOSPC: "no space left on the device",
    EROFS: "the file system is read-only",
    EMFILE: "too many open files",
    EIO: "input/output error",
    ELOOP: "its links lead in a circle",
    ENAMETOOLONG: "the name is too long",
    ENXIO: "nothing reads from it or answers there",
    EEXIST: "it exists already",
    ERR_STRING_TOO_LONG: "it is longer than a text can be",
    ERR_FS_FILE_TOO_LARGE: "it is larger than 2 GiB",
  }),
);

/** What the system said, without codes and call names where we know words for it. */
export function describeSystemError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return CAUSES.get(code ?? "") ?? message;
}
