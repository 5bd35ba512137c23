import { FormatError, UsageError } from "../errors.ts";
import { mergeRanges, type Range, subtractRanges } from "./ranges.ts";

/** The memory of the machine, as far as a kernel that is loaded may use it. */
export interface MemoryMap {
  /** System RAM without what firmware, device trees or a crash kernel have reserved: a new kernel may lie there. */
  readonly usable: readonly Range[];
  /** The same without the running kernel: pages that an allocator could hand out. */
  readonly free: readonly Range[];
  /** Reserved for a crash kernel, if the map says so. */
  readonly crash: readonly Range[];
}

/** Most lines a map may have: far above any real machine. */
const MOST_LINES = 1 << 20;

interface Line extends Range {
  readonly name: string;
  readonly depth: number;
}

const IOMEM_LINE = /^(\s*)([0-9a-fA-F]{1,16})-([0-9a-fA-F]{1,16})\s*:\s*(.*?)\s*$/;
const PLAIN_LINE = /^\s*(?:0x)?([0-9a-fA-F]{1,16})-(?:0x)?([0-9a-fA-F]{1,16})\s*$/;

/**
 * Reads a copy of /proc/iomem (only System RAM counts), or a list of `start-end`, one a line; hexadecimal, the end belongs to the
 * range. Lines that begin with # are comments. Throws FormatError with the line that is neither. Linux: kernel/resource.c, r_show.
 */
export function readMemoryMap(text: string, file: string): MemoryMap {
  const lines: Line[] = [];
  let number = 0;
  for (const line of text.split("\n")) {
    number++;
    if (number > MOST_LINES) throw new FormatError({ file }, `has more than ${MOST_LINES} lines`);
    if (line.trim() === "" || line.trimStart().startsWith("#")) continue;
    lines.push(readLine(line, number, file));
  }
  if (lines.length === 0) throw new FormatError({ file }, "no memory map: it has no range");
  if (lines.every(({ start, end }) => start === 0n && end === 0n)) {
    throw new FormatError({ file }, "all addresses are zero: /proc/iomem shows them to root only");
  }
  const memory = readLines(lines);
  if (memory.usable.length === 0) throw new FormatError({ file }, "no memory map: it has no System RAM");
  return memory;
}

function readLine(line: string, number: number, file: string): Line {
  const named = IOMEM_LINE.exec(line);
  const plain = PLAIN_LINE.exec(line);
  const [, depth, start, end, name] = named ?? ["", "", plain?.[1], plain?.[2], "System RAM"];
  if (start === undefined || end === undefined) {
    throw new FormatError(
      { file },
      `line ${number} is not of the form "start-end" or "start-end : name"`,
      line.trim().slice(0, 80),
    );
  }
  const range = { start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) };
  if (range.end < range.start) throw new FormatError({ file }, `line ${number} ends before it starts`, line.trim());
  return { ...range, name: name ?? "", depth: (named === null ? "" : (depth ?? "")).length };
}

function readLines(lines: readonly Line[]): MemoryMap {
  const ram: Range[] = [];
  const reserved: Range[] = [];
  const crash: Range[] = [];
  const running: Range[] = [];
  for (const { name, depth, start, end } of lines) {
    const range = { start, end };
    if (depth === 0) {
      if (/^System RAM(?: \(.*\))?$/.test(name)) ram.push(range);
      else if (/^Crash kernel\b/.test(name)) crash.push(range);
    } else if (/^Crash kernel\b/.test(name)) crash.push(range);
    else if (/^Kernel (code|rodata|data|bss)$/.test(name)) running.push(range);
    else if (/reserved/i.test(name)) reserved.push(range);
  }
  const usable = subtractRanges(ram, [...reserved, ...crash]);
  return { usable, free: subtractRanges(usable, running), crash: mergeRanges(crash) };
}

/** What a memory map written into the command line looks like: `start-end,start-end`. */
export function isInlineMap(text: string): boolean {
  return text.split(",").every((part) => PLAIN_LINE.test(part));
}

const SIZE = /^(0x[0-9a-f]+|\d+)([kmgt]?)$/i;
const UNITS: ReadonlyMap<string, bigint> = new Map([
  ["", 1n],
  ["k", 1n << 10n],
  ["m", 1n << 20n],
  ["g", 1n << 30n],
  ["t", 1n << 40n],
]);

/** A number of bytes: `0x1000`, `64M`. */
export function parseSize(text: string): bigint | undefined {
  const match = SIZE.exec(text);
  if (match === null) return undefined;
  return BigInt(match[1] as string) * (UNITS.get((match[2] ?? "").toLowerCase()) ?? 1n);
}

/** `start-end` as in /proc/iomem, or `size@start` as on the kernel's command line. Throws UsageError. */
export function parseRange(text: string, option: string): Range {
  const plain = PLAIN_LINE.exec(text);
  if (plain !== null) {
    const range = { start: BigInt(`0x${plain[1]}`), end: BigInt(`0x${plain[2]}`) };
    if (range.end < range.start) throw new UsageError(`${option} ${text}: ends before it starts`);
    return range;
  }
  const [sizeText = "", startText, ...rest] = text.split("@");
  const size = parseSize(sizeText);
  const start = startText === undefined ? undefined : parseSize(startText);
  if (size === undefined || size === 0n || start === undefined || rest.length > 0) {
    throw new UsageError(
      `${option} ${text}: not a range; write start-end in hexadecimal, or size@start as in 256M@16M`,
    );
  }
  return { start, end: start + size - 1n };
}
