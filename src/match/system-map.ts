import { readFileSync } from "node:fs";
import { FormatError } from "../errors.ts";
import { type RunSymbol, type RunSymbols, runSymbols } from "./run-symbols.ts";

/** `address type name`, and in /proc/kallsyms a tab and `[module]` behind it. Linux: kernel/kallsyms.c, s_show. */
const LINE = /^([0-9a-fA-F]{1,16}) ([A-Za-z?]) ([^\t\n]+)(?:\t\[([^\]]+)\])?\s*$/;

/** Reads System.map or /proc/kallsyms. */
export function readSystemMap(file: string): RunSymbols {
  const text = readFileSync(file, "latin1");
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

function readLine(line: string, index: number): RunSymbol | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  const [, address, , name, module] = match;
  return { name: name as string, address: BigInt(`0x${address}`), size: 0, module, index };
}
