import { STB } from "../../elf/constants.ts";
import type { RunImage } from "../../image/image.ts";
import type { SpanMatch } from "../span-match.ts";

/** Name of the rule for statics of equal names that the run system's symbols tell by file. */
export const FILE_RULE = {
  name: "same-file",
  why: "the local symbols of one input file stand together behind its STT_FILE symbol: where others of the object lie says which is its own",
  source: "gABI chapter 4, Symbol Table, STT_FILE",
} as const;

/** Index of the STT_FILE symbol behind which the object's own locals stand; undefined where they are in several blocks, or none is known. */
export function fileOf({ symbols }: RunImage, matches: readonly (SpanMatch | undefined)[]): number | undefined {
  const files = new Set<number>();
  for (const match of matches) {
    if (match?.address === undefined || (match.status !== "matched" && match.status !== "located")) continue;
    const { span, address } = match;
    if (span.symbol === undefined || span.symbol.bind !== STB.LOCAL) continue;
    const own = symbols.named(span.symbol.name).filter((symbol) => symbol.address === address + BigInt(span.entry));
    for (const { file } of own) if (file !== undefined) files.add(file);
  }
  const [only, second] = files;
  return second === undefined ? only : undefined;
}

/** The one address of a name in the block of a file. */
export function addressInFile({ symbols }: RunImage, name: string, file: number | undefined): bigint | undefined {
  if (file === undefined) return undefined;
  const found = new Set(symbols.named(name).flatMap((symbol) => (symbol.file === file ? [symbol.address] : [])));
  const [only, second] = found;
  return second === undefined ? only : undefined;
}
