/* What GNU readelf prints of a file, and what our model says, as the same lines: two programs that agree give equal lists. */
import { spawnSync } from "node:child_process";
import { SHF, SHN, SHT, STB, STT, STV, visibilityOf } from "../../src/elf/constants.ts";
import type { ElfObject, ElfSymbol, Section } from "../../src/elf/object.ts";
import { isInstalled } from "./tools.ts";

/** One object, line by line; relocations by the file offset of their table. */
export interface Listing {
  readonly sections: readonly string[];
  readonly symbols: readonly string[];
  readonly relocations: ReadonlyMap<number, readonly string[]>;
  readonly groups: readonly string[];
}

type Lines = { sections: string[]; symbols: string[]; relocations: Map<number, string[]>; groups: string[] };

export const hasReadelf =
  isInstalled("readelf") && (spawnSync("readelf", ["--version"], { encoding: "utf8" }).stdout ?? "").startsWith("GNU");

/** readelf's words for section types, where they are not the standard's. */
const TYPE_WORDS: Readonly<Record<string, keyof typeof SHT>> = {
  "SYMTAB SECTION INDICES": "SYMTAB_SHNDX",
  VERDEF: "GNU_VERDEF",
  VERNEED: "GNU_VERNEED",
  VERSYM: "GNU_VERSYM",
};
/** Where types without a name are counted from. */
const OFFSET_WORDS: Readonly<Record<string, number>> = { LOOS: 0x6000_0000, LOUSER: 0x8000_0000 };
/** Letters that mean the same on every machine. */
const FLAG_LETTERS: readonly (readonly [string, bigint])[] = [
  ["W", SHF.WRITE],
  ["A", SHF.ALLOC],
  ["X", SHF.EXECINSTR],
  ["M", SHF.MERGE],
  ["S", SHF.STRINGS],
  ["I", SHF.INFO_LINK],
  ["L", SHF.LINK_ORDER],
  ["O", SHF.OS_NONCONFORMING],
  ["G", SHF.GROUP],
  ["T", SHF.TLS],
  ["C", SHF.COMPRESSED],
];
const PLACES: Readonly<Record<string, number>> = {
  UND: SHN.UNDEF,
  ABS: SHN.ABS,
  COM: SHN.COMMON,
  LARGE_COM: SHN.X86_64_LCOMMON,
};

const SECTION =
  /^ {2}\[ *(\d+)\] +(?:(\S+) +)?((?:[A-Z][A-Z_a-z0-9+ ]*?|<unknown>: \w+)) +([0-9a-f]{8,16}) ([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+) +([A-Za-z]*) +(\d+) +(\d+) +(\d+)$/;
const SYMBOL =
  /^ +(\d+): ([0-9a-f]+) +(\w+) (<[^>]*>: \w+|\w+) +(<[^>]*>: \w+|\w+) +(\w+) +(?:\[[^\]]*\] +)?(\S+)(?: (.*))?$/;
const RELOCATION = /^([0-9a-f]{8}|[0-9a-f]{16}) {2}([0-9a-f]{8}|[0-9a-f]{16}) \S+(.*)$/;

/** Runs readelf over the files, in their order. */
export function readelf(files: readonly string[]): readonly Listing[] {
  const listings: Listing[] = [];
  // So many at once that its output fits in one string.
  for (let from = 0; from < files.length; from += 32) {
    const some = files.slice(from, from + 32);
    // The extra file makes readelf print a heading for each.
    const run = spawnSync("readelf", ["-SsrgW", ...some, "/dev/null"], {
      maxBuffer: 1 << 29,
      env: { ...process.env, LC_ALL: "C.UTF-8" },
    });
    const texts = run.stdout
      .toString()
      .split(/^\nFile: .*\n/m)
      .slice(1);
    listings.push(...texts.slice(0, some.length).map(parseListing));
  }
  return listings;
}

function parseListing(text: string): Listing {
  const lines: Lines = { sections: [], symbols: [], relocations: new Map(), groups: [] };
  let table = "";
  let relocations: string[] = [];
  let format: "rel" | "rela" = "rela";
  for (const line of text.split("\n")) {
    const heading =
      /^(Symbol table|Relocation section|\w+ group section|Section Headers|\w+ section) ?(?:'([^']*)')?(?:.* at offset (0x[0-9a-f]+))?/.exec(
        line,
      );
    if (heading !== null) {
      table = `${heading[1]} ${heading[2] ?? ""}`.trim();
      if (table.startsWith("Relocation section")) {
        relocations = [];
        lines.relocations.set(Number(heading[3]), relocations);
      }
      const group = /^(\w+) group section \[ *(\d+)\] `[^']*' \[(.*)\] contains/.exec(line);
      if (group !== null) lines.groups.push(`${group[2]} ${group[1]} ${group[3]}:`);
      continue;
    }
    if (table === "Section Headers") pushMatch(lines.sections, SECTION.exec(line), sectionLine);
    else if (table === "Symbol table .symtab") pushMatch(lines.symbols, SYMBOL.exec(line), symbolLine);
    else if (/^ +Offset +Info/.test(line)) format = line.endsWith("Addend") ? "rela" : "rel";
    else if (table.startsWith("Relocation section")) {
      pushMatch(relocations, RELOCATION.exec(line), (fields) => relocationLine(fields, format));
    } else if (table.endsWith("group section")) {
      const member = /^ {3}\[ *(\d+)\]/.exec(line);
      if (member !== null) lines.groups.push(`${lines.groups.pop()} ${member[1]}`);
    }
  }
  return lines;
}

function pushMatch(
  lines: string[],
  match: RegExpExecArray | null,
  format: (fields: readonly string[]) => string,
): void {
  if (match !== null) lines.push(format(match.map((field) => field ?? "")));
}

function sectionLine([
  ,
  index,
  name,
  type = "",
  addr = "",
  offset = "",
  size = "",
  entsize = "",
  flags = "",
  link,
  info,
  align,
]: readonly string[]): string {
  const base = OFFSET_WORDS[type.replace(/\+.*/, "")];
  const number =
    base === undefined ? SHT[TYPE_WORDS[type] ?? (type as keyof typeof SHT)] : base + Number(type.replace(/.*\+/, ""));
  const hex = [offset, size, entsize].map((digits) => Number.parseInt(digits, 16)).join(" ");
  return `${index} ${name} ${number ?? "?"} ${BigInt(`0x${addr}`)} ${hex} ${flags.replace(/[^WAXMSILOGTC]/g, "")} ${link} ${info} ${align}`;
}

function symbolLine([
  ,
  index,
  value,
  size,
  type = "",
  bind = "",
  visibility = "",
  ndx = "",
  name,
]: readonly string[]): string {
  // Of sparc64: STT_SPARC_REGISTER, which is STT_LOPROC elsewhere.
  if (type === "REGISTER") type = "<processor specific>: 13";
  const numberOf = (table: Readonly<Record<string, number>>, word: string): number | string =>
    /^<.*>: (\d+)$/.exec(word)?.[1] ?? table[word] ?? table[`GNU_${word}`] ?? word;
  const reserved = /^\w+\[0x(\w+)\]$/.exec(ndx)?.[1];
  const section = reserved === undefined ? (PLACES[ndx] ?? ndx) : Number.parseInt(reserved, 16);
  return `${index} ${BigInt(`0x${value}`)} ${Number(size)} ${numberOf(STT, type)} ${numberOf(bindWords, bind)} ${STV[visibility as keyof typeof STV]} ${section} ${name}`;
}

const bindWords = { ...STB, UNIQUE: STB.GNU_UNIQUE };

function relocationLine([, offset, info = "", rest = ""]: readonly string[], format: "rel" | "rela"): string {
  const bits = info.length === 16 ? 32n : 8n;
  const number = BigInt(`0x${info}`);
  const addend = /(?:([+-]) )?\b([0-9a-f]+)$/.exec(rest);
  const value = addend === null ? 0n : BigInt(`0x${addend[2]}`) * (addend[1] === "-" ? -1n : 1n);
  const shownAddend = format === "rel" ? "-" : BigInt.asIntN(info.length * 4, value);
  return `${BigInt(`0x${offset}`)} ${number & ((1n << bits) - 1n)} ${number >> bits} ${shownAddend}`;
}

/** The same listing from our model. */
export function listingOf(object: ElfObject): Listing {
  const relocations = new Map<number, readonly string[]>();
  for (const section of object.sections) {
    let from = 0;
    const records = object.relocationsOf(section.index);
    for (const index of object.relocationSectionsOf(section.index)) {
      const table = object.sections[index] as Section;
      const lines = records
        .slice(from, from + table.size / table.entsize)
        .map(({ offset, type, symbol, addend, rela }) => `${offset} ${type} ${symbol} ${rela ? addend : "-"}`);
      from += lines.length;
      if (lines.length > 0) relocations.set(table.offset, lines);
    }
  }
  return {
    sections: object.sections.map((section) => {
      const { index, name, type, addr, offset, size, entsize, flags, link, info, addralign } = section;
      const known = type < 0x7000_0000 || type > 0x7fff_ffff;
      const letters = FLAG_LETTERS.filter(([, bit]) => (flags & bit) !== 0n).map(([letter]) => letter);
      return `${index} ${name} ${known ? type : "?"} ${addr} ${offset} ${size} ${entsize} ${letters.join("")} ${link} ${info} ${addralign}`;
    }),
    symbols: object.symbols.map((symbol) => {
      const { index, value, size, type, bind, other, shndx } = symbol;
      return `${index} ${value} ${size} ${type} ${bind} ${visibilityOf(other)} ${symbol.section ?? shndx} ${shownName(object, symbol)}`;
    }),
    relocations,
    groups: object.groups.map(
      ({ section, comdat, signature, members }) =>
        `${section} ${comdat ? "COMDAT" : ""} ${signature}: ${members.join(" ")}`,
    ),
  };
}

/** readelf shows a section symbol by its section's name, and control characters (GNU as puts them into `.L9\x021`) as ^X. */
function shownName(object: ElfObject, symbol: ElfSymbol): string {
  const section = symbol.type === STT.SECTION && symbol.name === "" ? symbol.section : undefined;
  const name = section === undefined ? symbol.name : (object.sections[section] as Section).name;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return name.replace(/[\x01-\x1f]/g, (character) => `^${String.fromCharCode(character.charCodeAt(0) + 0x40)}`);
}
