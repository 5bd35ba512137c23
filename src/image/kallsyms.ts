import type { ElfData } from "../elf/object.ts";
import type { Memory } from "./memory.ts";
import { type RunSymbol, type RunSymbols, runSymbols } from "./run-symbols.ts";
import type { VmcoreInfo } from "./vmcoreinfo.ts";

/*
 * The kernel carries its own symbols. Names are compressed: each is a list of bytes, and each byte stands for a token, which is text.
 * The first character is the letter of nm(1). Addresses are 32-bit distances from a base, or whole words in old kernels.
 * Since 6.0 VMCOREINFO says where the tables are. Linux: kernel/kallsyms.c, scripts/kallsyms.c.
 */

const TOKENS = 256;
/** More symbols than any kernel has, and more bytes than a name takes in the table on average. */
const MOST_SYMBOLS = 1 << 22;
const NAME_BYTES = 64;
const WEAK = "WwVv";

/** What reading the tables gives: symbols, or why there are none. */
export type Kallsyms =
  | { readonly symbols: RunSymbols; readonly problem?: undefined }
  | { readonly symbols?: undefined; readonly problem: string };

/** The symbols that the kernel itself lists; undefined where VMCOREINFO does not say where they are. */
export function readKallsyms(memory: Memory, info: VmcoreInfo, data: ElfData): Kallsyms | undefined {
  const place = (name: string): bigint | undefined => info.symbol(`kallsyms_${name}`);
  const [names, count, tokens, indexes] = [
    place("names"),
    place("num_syms"),
    place("token_table"),
    place("token_index"),
  ];
  if (names === undefined || count === undefined || tokens === undefined || indexes === undefined) return undefined;
  const little = data === "lsb";
  const read = (address: bigint | undefined, size: number): DataView | undefined => {
    const bytes = address === undefined ? undefined : memory.read(address, size);
    if (bytes === undefined || bytes.length < size) return undefined;
    return new DataView(bytes.buffer, bytes.byteOffset, size);
  };
  const total = read(count, 4)?.getUint32(0, little) ?? 0;
  if (total === 0 || total > MOST_SYMBOLS) return { problem: "kallsyms_num_syms holds no number of symbols" };
  const table = tokenTexts(memory.read(tokens, TOKENS * 64), read(indexes, TOKENS * 2), little);
  if (table === undefined) return { problem: "the tokens of kallsyms are not in the core" };
  const list = expandNames(memory.read(names, total * NAME_BYTES) ?? new Uint8Array(0), total, table);
  if (list === undefined) return { problem: "the names of kallsyms are not all in the core" };
  const addresses = readAddresses(list, info, read, little);
  if (addresses === undefined) return { problem: "the addresses of kallsyms do not agree with where _stext is" };
  const symbols = list.map(
    (text, index): RunSymbol => ({
      name: text.slice(1),
      address: addresses(index),
      size: 0,
      weak: WEAK.includes(text[0] as string),
      module: undefined,
      index,
    }),
  );
  return { symbols: runSymbols("kallsyms", symbols) };
}

function tokenTexts(
  texts: Uint8Array | undefined,
  indexes: DataView | undefined,
  little: boolean,
): string[] | undefined {
  if (texts === undefined || indexes === undefined) return undefined;
  const found: string[] = [];
  for (let token = 0; token < TOKENS; token++) {
    const start = indexes.getUint16(2 * token, little);
    const end = texts.indexOf(0, start);
    if (start >= texts.length || end === -1) return undefined;
    found.push(Buffer.from(texts.subarray(start, end)).toString("latin1"));
  }
  return found;
}

/** Every name with its letter in front. A length of 128 and more takes two bytes, since 6.1. */
function expandNames(bytes: Uint8Array, total: number, tokens: readonly string[]): string[] | undefined {
  const names: string[] = [];
  let at = 0;
  for (let i = 0; i < total; i++) {
    let length = bytes[at++] ?? 0;
    if (length & 0x80) length = (length & 0x7f) | ((bytes[at++] ?? 0) << 7);
    if (length === 0 || at + length > bytes.length) return undefined;
    let name = "";
    for (const end = at + length; at < end; at++) name += tokens[bytes[at] as number];
    names.push(name);
  }
  return names;
}

/** The address of a symbol by its position. Which of the forms a kernel has is seen by where `_stext` is. */
function readAddresses(
  names: readonly string[],
  info: VmcoreInfo,
  read: (address: bigint | undefined, size: number) => DataView | undefined,
  little: boolean,
): ((index: number) => bigint) | undefined {
  const anchor = names.findIndex((name) => name.slice(1) === "_stext");
  const expected = info.symbol("_stext");
  if (anchor === -1 || expected === undefined) return undefined;
  const forms: ((index: number) => bigint)[] = [];
  const whole = read(info.symbol("kallsyms_addresses"), names.length * 8);
  if (whole !== undefined) forms.push((index) => whole.getBigUint64(8 * index, little));
  const offsets = read(info.symbol("kallsyms_offsets"), names.length * 4);
  const base = read(info.symbol("kallsyms_relative_base"), 8)?.getBigUint64(0, little);
  if (offsets !== undefined && base !== undefined) {
    forms.push(
      (index) => base + BigInt(offsets.getUint32(4 * index, little)),
      // With KALLSYMS_ABSOLUTE_PERCPU, values from 0 on are themselves, and negative ones count down from the base.
      (index) => {
        const offset = BigInt(offsets.getInt32(4 * index, little));
        return offset >= 0n ? offset : base - 1n - offset;
      },
    );
  }
  return forms.find((addressOf) => addressOf(anchor) === expected);
}
