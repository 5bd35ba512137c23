/* Writes ar archives, right and wrong ones, from a readable description. */

/** One header and what follows it; every field may be given as it stands in the file. */
export interface ArPart {
  /** 16 bytes at most: `a.o/`, `/12`, `#1/20`, `//`. */
  readonly name: string;
  readonly contents?: Uint8Array | string;
  /** The size field; default: the contents' own. */
  readonly size?: number | string;
  /** The last two bytes of the header. */
  readonly end?: string;
  /** What follows contents of odd length; default: a line end. */
  readonly padding?: string;
}

export function buildAr(parts: readonly ArPart[], magic = "!<arch>\n"): Buffer {
  return Buffer.concat([
    Buffer.from(magic),
    ...parts.flatMap(({ name, contents = "", size, end = "`\n", padding = "\n" }) => {
      const bytes = Buffer.from(contents as string);
      const fields = `${name.padEnd(16)}${"0".padEnd(12)}0     0     644     ${String(size ?? bytes.length).padEnd(10)}${end}`;
      return [Buffer.from(fields, "latin1"), bytes, Buffer.from(bytes.length % 2 === 1 ? padding : "")];
    }),
  ]);
}

/** Offset of a part's header. */
export function headerOffset(parts: readonly ArPart[], index: number): number {
  return buildAr(parts.slice(0, index)).length;
}
