/* Pieces of work of any size. Each is prepared for a count and then done; only what is done is counted. */
import { align } from "../../src/disasm/align.ts";
import { decodeName, nameReader } from "../../src/elf/names.ts";
import { readObject } from "../../src/elf/object.ts";
import { orderCopies } from "../../src/kexec/copy.ts";
import { diffOf, outcomesOf } from "../support/built-pair.ts";
import { buildElf, type ElfDescription } from "../support/elf-builder.ts";
import { type Part, text } from "../support/elf-parts.ts";

type Work = (count: number) => () => unknown;

/** Reads an object with all that is in it. */
function reading(description: ElfDescription): () => void {
  const bytes = buildElf(description);
  return () => {
    const object = readObject(bytes, "many.o");
    for (const { index } of object.sections) object.relocationsOf(index);
  };
}

/** The same for an object that is refused on the way. */
function refusing(description: ElfDescription, problem: RegExp): () => void {
  const read = reading(description);
  return () => {
    try {
      read();
    } catch (error) {
      if (problem.test(String(error))) return;
      throw error;
    }
    throw new Error("the file was read");
  };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const longName = (length: number, last: string): string => `${"61".repeat(length)}${last}`;

const sections: Work = (count) => {
  const names = upTo(count).map((index) => `.text.f${index}`);
  return reading({
    sections: names.map((name) => ({ name, code: "c3" })),
    symbols: names.map((name) => ({ name: name.slice(6), section: name, type: "func", bind: "global", size: 1 })),
  });
};

const relocations: Work = (count) =>
  reading({
    symbols: upTo(count / 4).map((index) => ({ name: `symbol_${index}` })),
    sections: [
      {
        name: ".text",
        code: new Uint8Array(4 * count),
        relocations: upTo(count).map((index) => ({
          offset: index * 4,
          type: 4,
          symbol: `symbol_${index % (count / 4)}`,
          addend: index % 3 === 0 ? index * 7919 : -4,
        })),
      },
    ],
  });

const unfinishedName: Work = (count) =>
  refusing(
    {
      sections: upTo(count).map((index) => ({ name: "", id: `${index}` })),
      overrides: { ".shstrtab": { content: longName(50 * count, "61") } },
    },
    /not terminated/,
  );

const sectionNames: Work = (count) =>
  refusing(
    {
      sections: upTo(count).map((index) => ({ name: "", id: `${index}` })),
      overrides: {
        ...Object.fromEntries(upTo(count).map((index) => [`${index}`, { name: index }])),
        ".shstrtab": { content: longName(50 * count, "00") },
      },
    },
    /overlap so much/,
  );

const symbolNames: Work = (count) => {
  const symbols = Buffer.alloc(24 * count);
  for (let index = 0; index < count; index++) symbols.writeUInt32LE(index, index * 24);
  const overrides = { ".symtab": { content: symbols }, ".strtab": { content: longName(50 * count, "00") } };
  return refusing({ overrides }, /overlap so much/);
};

const sharedTables: Work = (count) => {
  const size = 96 * count;
  const shape = { name: "", type: "rela", entsize: 24, link: ".symtab", info: ".text" } as const;
  const tables = upTo(count).map((index) => ({ ...shape, id: `${index}` }));
  const shared = { name: ".table", content: new Uint8Array(size), addralign: 1 };
  return refusing(
    {
      sections: [shared, ...tables, { name: ".text", code: "c3" }],
      overrides: Object.fromEntries(tables.map(({ id }) => [id, { offset: 64, size }])),
    },
    /together they are far larger than the file/,
  );
};

const badName: Work = (count) => () => decodeName(new Uint8Array(count).fill(0xff));
const goodName: Work = (count) => () => decodeName(new Uint8Array(count).fill(0x61));

const sharedName: Work = (count) => {
  const table = new Uint8Array(100 * count).fill(0x61);
  table[table.length - 1] = 0;
  return () => {
    const nameAt = nameReader(table, (problem) => {
      throw new Error(problem);
    });
    for (let use = 0; use < count; use++) nameAt(0);
  };
};

/** Each function jumps into the middle of the one before it, so the change of the first changes them all. */
const chain: Work = (count) => {
  const parts = (changed: string): Part[] => [
    text("f0", `b8${changed}000000 90909090 c3`),
    ...upTo(count).map((i) => text(`f${i + 1}`, `e9{PC32 .text.f${i}:f${i}+1}90`)),
  ];
  return () => {
    const outcomes = outcomesOf(diffOf(parts("01"), parts("02")));
    if (outcomes.length !== count + 1) throw new Error(`${outcomes.length} outcomes`);
  };
};

const pages: Work = (count) => {
  const sources = Float64Array.from({ length: count }, (_, index) => index);
  const destinations = Float64Array.from({ length: count }, (_, index) => (index * 7919 + 13) % count);
  return () => orderCopies(sources, destinations, count);
};

const aligning =
  (item: (i: number, side: string, count: number) => string): Work =>
  (count) => {
    const side = (name: string): string[] => upTo(count).map((i) => item(i, name, count));
    const [pre, post] = [side("a"), side("b")];
    return () => align(pre, post);
  };

export const WORK = {
  sections,
  relocations,
  unfinishedName,
  sectionNames,
  symbolNames,
  sharedTables,
  badName,
  goodName,
  sharedName,
  chain,
  pages,
  apart: aligning((i, side) => `${side} ${i}`),
  alike: aligning((i, side) => String((i * i + (side === "a" ? i >> 3 : i >> 5)) % 7)),
  reversed: aligning((i, side, count) => String(side === "a" ? i : count - i)),
  /** What the count itself must be able to tell: work that grows with the square. */
  square: (count: number) => () => {
    for (let i = 0; i < count; i++) decodeName(new Uint8Array(count));
  },
  squareOfSearches: (count: number) => () => {
    for (let i = 0; i < count; i++) new Uint8Array(count).indexOf(1);
  },
} satisfies Record<string, Work>;
