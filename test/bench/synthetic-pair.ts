import {
  R_X86_64,
  SHF,
  SHT,
  STT,
  type WrittenRelocation,
  type WrittenSection,
  type WrittenSymbol,
  writeObject,
} from "./elf-writer.ts";

/*
 * Objects as -ffunction-sections -fdata-sections makes them of a large source file. Each function prints a string of its
 * own, calls two others (so the calls form circles), reads a table of pointers that it shares with three others, and
 * ends in a BUG(). Every second function is static.
 */

/** Functions per data object. */
const SHARING = 4;
const STRINGS = ".rodata.str1.1";

/** What the objects are to have. */
interface Shape {
  /** Whether tables hold the addresses of functions, else numbers only. */
  readonly tables?: boolean;
}

/**
 * A pair of objects of `count` functions that differ in one of them: its code is longer, what it refers to is the same.
 * The objects are the same at every call.
 */
export function syntheticPair(
  count: number,
  { tables = true }: Shape = {},
): {
  readonly pre: Buffer;
  readonly post: Buffer;
  readonly changed: string;
} {
  const changed = Math.floor(count / 2);
  return {
    pre: syntheticObject(count, tables),
    post: syntheticObject(count, tables, changed),
    changed: functionName(changed),
  };
}

function functionName(index: number): string {
  return `driver_operation_${index}`;
}

function dataName(index: number): string {
  return `driver_table_${Math.floor(index / SHARING)}`;
}

function syntheticObject(count: number, tables: boolean, changed?: number): Buffer {
  const source = "drivers/bench/driver.c";
  const texts = [source];
  let stringEnd = source.length + 1;
  const sections: WrittenSection[] = [];
  const symbols: WrittenSymbol[] = [
    { name: "driver.c", section: "*ABS*", type: STT.FILE, local: true },
    { name: "", id: STRINGS, section: STRINGS, type: STT.SECTION, local: true },
    { name: "__fentry__" },
    { name: "_printk" },
  ];
  const bugs: Bug[] = [];
  for (let index = 0; index < count; index++) {
    const text = `operation ${index}: state %d\n`;
    texts.push(text);
    const name = functionName(index);
    const { code, relocations, bugAt } = functionCode(index, count, stringEnd, index === changed);
    stringEnd += text.length + 1;
    const flags = SHF.ALLOC | SHF.EXECINSTR;
    sections.push({ name: `.text.${name}`, type: SHT.PROGBITS, flags, align: 16, content: code, relocations });
    symbols.push({ name, section: `.text.${name}`, size: code.length, type: STT.FUNC, local: index % 2 === 1 });
    bugs.push({ name, bugAt, line: 10 + (index % 60_000) });
    if (index % SHARING === 0) {
      const table = pointerTable(index, count, tables);
      sections.push(table);
      const data = { name: dataName(index), section: table.name, size: table.content.length };
      symbols.push({ ...data, type: STT.OBJECT, local: true });
    }
  }
  sections.push({
    name: STRINGS,
    type: SHT.PROGBITS,
    flags: SHF.ALLOC | SHF.MERGE | SHF.STRINGS,
    align: 1,
    entsize: 1,
    content: Buffer.from(texts.map((text) => `${text}\0`).join(""), "latin1"),
  });
  sections.push(bugTable(bugs));
  return writeObject({ sections, symbols });
}

/** Where a function has its BUG(), and the source line of it. */
interface Bug {
  readonly name: string;
  readonly bugAt: number;
  readonly line: number;
}

/** One function: instructions with zeros where relocations go. */
function functionCode(
  index: number,
  count: number,
  stringOffset: number,
  isChanged: boolean,
): { readonly code: Buffer; readonly relocations: readonly WrittenRelocation[]; readonly bugAt: number } {
  const bytes: number[] = [];
  const relocations: WrittenRelocation[] = [];
  const refer = (opcode: readonly number[], type: number, symbol: string, addend: number): void => {
    bytes.push(...opcode);
    relocations.push({ offset: bytes.length, type, symbol, addend });
    bytes.push(0, 0, 0, 0);
  };
  const immediate = Buffer.alloc(4);
  immediate.writeUInt32LE(index);
  refer([0xe8], R_X86_64.PLT32, "__fentry__", -4);
  refer([0x48, 0xc7, 0xc7], R_X86_64["32S"], STRINGS, stringOffset); // mov $string, %rdi
  bytes.push(0xbe, ...immediate); // mov $index, %esi
  refer([0xe8], R_X86_64.PLT32, "_printk", -4);
  refer([0x48, 0x8b, 0x05], R_X86_64.PC32, dataName(index), (index % SHARING) * 8 - 4); // mov table(%rip), %rax
  if (isChanged) bytes.push(0x48, 0x83, 0xc0, 0x01); // add $1, %rax
  refer([0xe8], R_X86_64.PLT32, functionName((index * 7 + 1) % count), -4);
  refer([0xe8], R_X86_64.PLT32, functionName((index * 13 + 5) % count), -4);
  const bugAt = bytes.length;
  bytes.push(0x0f, 0x0b); // ud2
  bytes.push(0xc3); // ret
  return { code: Buffer.from(bytes), relocations, bugAt };
}

/** A writable table of pointers to the functions that share it. */
function pointerTable(first: number, count: number, hasPointers: boolean): WrittenSection {
  const size = Math.min(SHARING, count - first);
  const relocations = Array.from({ length: hasPointers ? size : 0 }, (_, slot) => ({
    offset: slot * 8,
    type: R_X86_64[64],
    symbol: functionName(first + slot),
    addend: 0,
  }));
  const flags = SHF.ALLOC | SHF.WRITE;
  const content = Buffer.alloc(size * 8);
  return { name: `.data.${dataName(first)}`, type: SHT.PROGBITS, flags, align: 8, content, relocations };
}

/** `struct bug_entry` on x86-64: two displacements, line, flags. Linux: include/asm-generic/bug.h */
function bugTable(bugs: readonly Bug[]): WrittenSection {
  const content = Buffer.alloc(bugs.length * 12);
  const relocations = bugs.flatMap(({ name, bugAt, line }, index) => {
    content.writeUInt16LE(line, index * 12 + 8);
    return [
      { offset: index * 12, type: R_X86_64.PC32, symbol: name, addend: bugAt },
      { offset: index * 12 + 4, type: R_X86_64.PC32, symbol: STRINGS, addend: 0 },
    ];
  });
  const flags = SHF.ALLOC | SHF.WRITE;
  return { name: "__bug_table", type: SHT.PROGBITS, flags, align: 1, content, relocations };
}
