import type { Arch, Howto } from "../arch/arch.ts";
import type { CodeState } from "../arch/linked.ts";
import { STT } from "../elf/constants.ts";
import type { ElfObject, Section } from "../elf/object.ts";

/** What mapping symbols say of the code at an offset, on Arm. ELF for the Arm Architecture, "Mapping symbols". */
export function stateTest(
  object: ElfObject,
  arch: Arch,
  section: Section,
): ((offset: number) => CodeState) | undefined {
  if (arch.taggedCode === null) return undefined;
  const marks: { offset: number; state: CodeState }[] = [];
  let hasMapping = false;
  for (const { name, value, section: index } of object.symbols) {
    if (index !== section.index) continue;
    const letter = /^\$([atd])(\.|$)/.exec(name)?.[1];
    if (letter === undefined) continue;
    hasMapping = true;
    marks.push({ offset: Number(value), state: letter === "a" ? "arm" : letter === "t" ? "thumb" : "data" });
  }
  if (!hasMapping) {
    for (const { value, section: index, type } of object.symbols) {
      if (index !== section.index || type !== STT.FUNC) continue;
      const isThumb = value % 2n === 1n;
      marks.push({ offset: Number(value) - (isThumb ? 1 : 0), state: isThumb ? "thumb" : "arm" });
    }
  }
  marks.sort((a, b) => a.offset - b.offset);
  return (offset) => {
    let low = 0;
    let high = marks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((marks[middle]?.offset ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return marks[low - 1]?.state ?? "arm";
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
