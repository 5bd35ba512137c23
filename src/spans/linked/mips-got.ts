import { SHT } from "../../elf/constants.ts";
import { readDynamicNames } from "../../elf/dynamic.ts";
import type { ElfObject, Section } from "../../elf/object.ts";

/** DT_PLTGOT, DT_MIPS_LOCAL_GOTNO, DT_MIPS_SYMTABNO, DT_MIPS_GOTSYM. MIPS ABI supplement, "Dynamic Section". */
const TAGS = { got: 3n, locals: 0x7000_000an, symbols: 0x7000_0011n, first: 0x7000_0013n } as const;

/** The GOT of a MIPS image that is loaded dynamically: local entries first, then one for each of the last dynamic symbols, in their order. */
export interface MipsGot {
  readonly start: number;
  /** Entries in front of the first that has a symbol; they hold addresses. */
  readonly locals: number;
  /** Names of the entries behind them. */
  readonly names: readonly string[];
}

/** Reads which entry of the GOT belongs to which symbol, which no relocation tells. MIPS ABI supplement, "Global Offset Table". */
export function readMipsGot(
  object: ElfObject,
  wordOf: (section: Section, offset: number) => bigint,
): MipsGot | undefined {
  const table = object.sections.find(({ type }) => type === SHT.DYNAMIC);
  if (table === undefined) return undefined;
  const size = object.class / 8;
  const values = new Map<bigint, number>();
  for (let at = 0; at + 2 * size <= table.bytes.length; at += 2 * size) {
    const tag = wordOf(table, at);
    if (!values.has(tag)) values.set(tag, Number(wordOf(table, at + size)));
  }
  const start = values.get(TAGS.got);
  const locals = values.get(TAGS.locals);
  const first = values.get(TAGS.first);
  const count = values.get(TAGS.symbols);
  if (start === undefined || locals === undefined || first === undefined || count === undefined) return undefined;
  return { start, locals, names: readDynamicNames(object, first, count) };
}
