import type { Arch, Howto } from "../arch/arch.ts";
import type { CodeState } from "../arch/linked.ts";
import { STT } from "../elf/constants.ts";
import type { ElfObject, Section } from "../elf/object.ts";

interface Mark {
  readonly offset: number;
  readonly state: CodeState;
}

/** Where a section of code changes its state, in order. ELF for the Arm Architecture, "Mapping symbols". */
function mappingMarks(object: ElfObject, section: Section): Mark[] {
  const marks: Mark[] = [];
  for (const { name, value, section: index } of object.symbols) {
    if (index !== section.index) continue;
    const letter = /^\$([atd])(\.|$)/.exec(name)?.[1];
    if (letter === undefined) continue;
    marks.push({ offset: Number(value), state: letter === "a" ? "arm" : letter === "t" ? "thumb" : "data" });
  }
  return marks.sort((a, b) => a.offset - b.offset);
}

/** The same by the symbols of functions, where there are no mapping symbols. */
function functionMarks(object: ElfObject, section: Section): Mark[] {
  const marks: Mark[] = [];
  for (const { value, section: index, type } of object.symbols) {
    if (index !== section.index || type !== STT.FUNC) continue;
    const isThumb = value % 2n === 1n;
    marks.push({ offset: Number(value) - (isThumb ? 1 : 0), state: isThumb ? "thumb" : "arm" });
  }
  return marks.sort((a, b) => a.offset - b.offset);
}

/** Index of the last mark at or before an offset, or −1. */
function markAt(marks: readonly Mark[], offset: number): number {
  let low = 0;
  let high = marks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((marks[middle]?.offset ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** What mapping symbols say of the code at an offset, on Arm. */
export function stateTest(
  object: ElfObject,
  arch: Arch,
  section: Section,
): ((offset: number) => CodeState) | undefined {
  if (arch.taggedCode === null) return undefined;
  const mapping = mappingMarks(object, section);
  const marks = mapping.length > 0 ? mapping : functionMarks(object, section);
  return (offset) => marks[markAt(marks, offset)]?.state ?? "arm";
}

/** A stretch of instructions of one instruction set. */
interface CodeRun {
  readonly from: number;
  readonly to: number;
  readonly isThumb: boolean;
}

/** Cuts code into its stretches, without the data between them; undefined where no mapping symbols tell. */
export function runTest(
  object: ElfObject,
  arch: Arch,
  section: Section,
): ((from: number, to: number) => CodeRun[]) | undefined {
  if (arch.taggedCode === null) return undefined;
  const marks = mappingMarks(object, section);
  if (marks.length === 0) return undefined;
  return (from, to) => {
    const runs: CodeRun[] = [];
    for (let index = Math.max(0, markAt(marks, from)); index < marks.length; index++) {
      const { offset, state } = marks[index] as Mark;
      if (offset >= to) break;
      const end = Math.min(to, marks[index + 1]?.offset ?? to);
      if (state !== "data" && end > from)
        runs.push({ from: Math.max(from, offset), to: end, isThumb: state === "thumb" });
    }
    return runs;
  };
}

const KNOWN = new WeakMap<Section, ReadonlyMap<number, number>>();

/** How far each word of the literal pools in a section of code is ahead of the pc that is added to it. */
function poolDistances(object: ElfObject, arch: Arch, section: Section): ReadonlyMap<number, number> {
  const known = KNOWN.get(section);
  if (known !== undefined) return known;
  const stateAt = stateTest(object, arch, section);
  const found = stateAt === undefined ? undefined : arch.code.poolDistances?.(section.bytes, stateAt);
  KNOWN.set(section, found ?? new Map());
  return found ?? new Map();
}

/**
 * The part of an addend in code that comes from the form of the instruction: from where it counts, seen from the relocated field. A word
 * of a literal pool counts from an instruction elsewhere, that adds pc.
 */
export function codeAddend(object: ElfObject, arch: Arch, section: Section, howto: Howto, offset: number): bigint {
  if (!howto.pcrel) return 0n;
  if (howto.insn || arch.code.poolDistances === undefined) return arch.insnAddend(howto, section.bytes, offset);
  return BigInt(poolDistances(object, arch, section).get(offset) ?? 0);
}
