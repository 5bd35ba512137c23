import { closeSync, openSync, readFileSync, writeSync } from "node:fs";

/** Where the corpus kernel's physical memory begins, and where its image and all memory are mapped. */
const BASE = 0x100_0000;
const IMAGE = 0xffff_ffff_8000_0000n;
const DIRECT = 0xffff_8880_0000_0000n;
const SPARE_PAGES = 16;

/** What makedumpfile wants to know of a kernel besides addresses, and has no use for in a dump of level 0. */
const REST = `PAGESIZE=4096
NUMBER(phys_base)=0
NUMBER(pgtable_l5_enabled)=0
NUMBER(KERNEL_IMAGE_SIZE)=1073741824
NUMBER(sme_mask)=0
KERNELOFFSET=0
OFFSET(uts_namespace.name)=0
SIZE(page)=64
SIZE(list_head)=16
NUMBER(NR_FREE_PAGES)=0
NUMBER(PG_lru)=4
NUMBER(PG_private)=12
NUMBER(PG_swapcache)=10
NUMBER(PG_slab)=9
OFFSET(page.flags)=0
OFFSET(page._refcount)=52
OFFSET(page.mapping)=24
OFFSET(page.lru)=8
OFFSET(page._mapcount)=48
OFFSET(page.private)=40
`;

/** The symbols whose addresses go into VMCOREINFO. */
const NAMED =
  /^(init_uts_ns|_stext|init_top_pgt|node_online_map|kallsyms_(names|num_syms|token_table|token_index|offsets|relative_base))$/;

/** Writes the linked kernel as the core that /proc/vmcore of its crash would be: its memory, its page tables, its VMCOREINFO. */
export function writeVmcore(vmlinux: string, systemMap: string, path: string): void {
  const elf = readFileSync(vmlinux);
  const segments = Array.from({ length: elf.readUInt16LE(56) }, (_, index) => {
    const at = Number(elf.readBigUInt64LE(32)) + 56 * index;
    const word = (offset: number): number => Number(elf.readBigUInt64LE(at + offset));
    return { type: elf.readUInt32LE(at), offset: word(8), paddr: word(24), filesz: word(32), memsz: word(40) };
  }).filter(({ type }) => type === 1);
  const end = Math.ceil(Math.max(...segments.map(({ paddr, memsz }) => paddr + memsz)) / 4096) * 4096;
  const memory = Buffer.alloc(end - BASE + SPARE_PAGES * 4096);
  for (const { offset, paddr, filesz } of segments) elf.copy(memory, paddr - BASE, offset, offset + filesz);

  const symbols = new Map<string, string>();
  for (const line of readFileSync(systemMap, "latin1").split("\n")) {
    const [address = "", , name = ""] = line.split(" ");
    if (NAMED.test(name) || name === "mem_section") symbols.set(name, address);
  }
  const root = Number(BigInt(`0x${symbols.get("init_top_pgt")}`) - IMAGE);
  const entry = (table: number, index: number, value: number): void => {
    memory.writeBigUInt64LE(BigInt(value), table - BASE + 8 * index);
  };
  entry(root, 511, end | 0x63);
  entry(end, 510, (end + 4096) | 0x63);
  for (let index = 0; index < 512; index++) entry(end + 4096, index, index * 0x20_0000 + 0xe3);
  entry(root, 273, (end + 8192) | 0x63);
  for (let index = 0; index < 4; index++) entry(end + 8192, index, index * 0x4000_0000 + 0xe3);
  // For a machine with one flat map of pages, the place of the pointer to it is enough.
  entry(Number(BigInt(`0x${symbols.get("mem_section")}`) - IMAGE), 0, end + 12288);
  const lines = [...symbols]
    .filter(([name]) => name !== "mem_section")
    .map(([name, address]) => `SYMBOL(${name})=${address}\n`);
  const places = `SYMBOL(mem_map)=${symbols.get("mem_section")}\nSYMBOL(swapper_pg_dir)=${symbols.get("init_top_pgt")}\n`;
  const info = Buffer.from(`OSRELEASE=6.1.192\n${lines.join("")}${places}${REST}`);
  writeCore(path, memory, Buffer.concat([note("CORE", 1, Buffer.alloc(336)), note("VMCOREINFO", 0, info)]));
}

function note(name: string, type: number, desc: Buffer): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt32LE(name.length + 1, 0);
  header.writeUInt32LE(desc.length, 4);
  header.writeUInt32LE(type, 8);
  const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
  return Buffer.concat([header, padded(Buffer.from(`${name}\0`)), padded(desc)]);
}

function writeCore(path: string, memory: Buffer, notes: Buffer): void {
  const at = 0x1_0000;
  const header = Buffer.alloc(64 + 3 * 56);
  header.write("7f454c46020101", "hex");
  header.writeUInt16LE(4, 16);
  header.writeUInt16LE(62, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(64n, 32);
  for (const [offset, value] of [64, 56, 3, 64].entries()) header.writeUInt16LE(value, 52 + 2 * offset);
  const segments: [type: number, flags: number, offset: number, vaddr: bigint, paddr: number, size: number][] = [
    [4, 0, 4096, 0n, 0, notes.length],
    [1, 7, at, IMAGE + BigInt(BASE), BASE, memory.length],
    [1, 7, at, DIRECT + BigInt(BASE), BASE, memory.length],
  ];
  for (const [index, [type, flags, offset, vaddr, paddr, size]] of segments.entries()) {
    const place = 64 + 56 * index;
    header.writeUInt32LE(type, place);
    header.writeUInt32LE(flags, place + 4);
    const words = [BigInt(offset), vaddr, BigInt(paddr), BigInt(size), BigInt(size)];
    for (const [i, value] of words.entries()) header.writeBigUInt64LE(value, place + 8 + 8 * i);
  }
  const file = openSync(path, "w");
  writeSync(file, header, 0, header.length, 0);
  writeSync(file, notes, 0, notes.length, 4096);
  writeSync(file, memory, 0, memory.length, at);
  closeSync(file);
}
