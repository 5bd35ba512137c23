import { FormatError } from "../errors.ts";
import { readGivenText } from "../input/listing/file.ts";
import { type RunSymbol, type RunSymbols, runSymbols } from "./run-symbols.ts";

/** Reads System.map or /proc/kallsyms. */
export function readSystemMap(file: string): RunSymbols {
  const text = readGivenText(file, "a System.map", "latin1");
  const symbols: RunSymbol[] = [];
  let start = 0;
  let zeros = 0;
  for (let line = 1; start < text.length; line++) {
    const end = text.indexOf("\n", start);
    const stop = end === -1 ? text.length : end;
    if (stop > start) {
      const symbol = readLine(text.slice(start, stop), symbols.length);
      if (symbol === undefined) {
        throw new FormatError({ file, offset: start }, `line ${line} is not of the form "address type name"`);
      }
      if (symbol.address === 0n) zeros++;
      symbols.push(symbol);
    }
    start = stop + 1;
  }
  if (symbols.length > 0 && zeros === symbols.length) {
    throw new FormatError({ file }, "all addresses are zero: kernel.kptr_restrict hides them from this user");
  }
  return runSymbols("system-map", symbols);
}

/** Letters of weak symbols. nm(1). */
const WEAK = "WwVv";

/** `address type name`, and in /proc/kallsyms a tab and `[module]` behind it. Linux: kernel/kallsyms.c, s_show. */
function readLine(line: string, index: number): RunSymbol | undefined {
  const space = line.indexOf(" ");
  const tab = line.indexOf("\t");
  const address = parseHex(line, space);
  if (address === undefined || line[space + 2] !== " " || line.length < space + 4) return undefined;
  const end = tab === -1 ? line.trimEnd().length : tab;
  const module = tab === -1 ? undefined : /^\[([^\]]+)\]\s*$/.exec(line.slice(tab + 1))?.[1];
  if (tab !== -1 && module === undefined) return undefined;
  return {
    name: line.slice(space + 3, end),
    address,
    size: 0,
    weak: WEAK.includes(line[space + 1] as string),
    module,
    index,
  };
}

/** The hexadecimal number of up to 16 digits before an end. */
function parseHex(line: string, end: number): bigint | undefined {
  if (end < 1 || end > 16) return undefined;
  const split = Math.max(0, end - 8);
  const high = split === 0 ? 0 : Number(`0x${line.slice(0, split)}`);
  const low = Number(`0x${line.slice(split, end)}`);
  if (Number.isNaN(high) || Number.isNaN(low)) return undefined;
  return (BigInt(high) << 32n) | BigInt(low);
}
