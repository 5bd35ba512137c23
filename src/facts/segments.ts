import type { ObjectDiff } from "../diff/diff.ts";
import { constantName, ELFOSABI, ET, SHF } from "../elf/constants.ts";
import type { ElfObject, Section } from "../elf/object.ts";
import { PF, PT, readImageHeader, type Segment } from "../elf/segments.ts";
import { getOrAdd } from "../grouping.ts";
import { hex } from "../hex.ts";
import { becomes, type Fact, placeChange } from "./fact.ts";

/** Byte of e_ident that has the version of the OS ABI. gABI chapter 4, "ELF Identification", EI_ABIVERSION. */
const EI_ABIVERSION = 8;

/** Segments that are told by what is in them: sections by their contents, permissions section by section. */
const BY_CONTENTS: ReadonlySet<number> = new Set([
  ...[PT.LOAD, PT.DYNAMIC, PT.INTERP, PT.NOTE, PT.GNU_STACK, PT.GNU_RELRO, PT.TLS],
]);

/** Segments that only say where something lies that is compared elsewhere. */
const POINTERS: ReadonlySet<number> = new Set([PT.PHDR, PT.GNU_EH_FRAME, PT.GNU_PROPERTY, PT.GNU_SFRAME]);

/** What the kernel and the dynamic linker make of the headers of a linked image: where it begins, and what memory may do. */
export function headerFacts(diff: ObjectDiff): Fact[] {
  const [pre, post] = [diff.pre.table.object, diff.post.table.object];
  const facts: Fact[] = [];
  const report = (subject: string, detail: string | undefined, weight: Fact["weight"] = "changed"): void => {
    if (detail !== undefined) facts.push({ weight, subject, detail });
  };
  const other = (from: string, to: string): string | undefined => (from === to ? undefined : becomes(from, to));
  const abi = ({ osabi, bytes }: ElfObject): string => `${osabi}, version ${bytes[EI_ABIVERSION] ?? 0}`;
  // GNU's tools mark an object as GNU's as soon as it uses an extension, which is told where it is used.
  const isMark = [pre, post].every(({ osabi }) => osabi === ELFOSABI.NONE || osabi === ELFOSABI.GNU);
  report("the OS ABI (EI_OSABI)", other(abi(pre), abi(post)), isMark ? "noted" : "changed");
  if (pre.type === ET.REL) return facts;
  report("the file type (e_type)", other(constantName(ET, "ET_", pre.type), constantName(ET, "ET_", post.type)));
  if (pre.entry !== 0n || post.entry !== 0n)
    report("the entry point (e_entry)", placeChange(diff, pre.entry, post.entry));
  const [before, after] = [segmentsOf(pre), segmentsOf(post)];
  if (before.length === 0 || after.length === 0) {
    report("the program headers", other(`${before.length} segments`, `${after.length} segments`));
    return facts;
  }
  report("the interpreter (PT_INTERP)", other(interpreter(pre, before), interpreter(post, after)));
  report("the stack (PT_GNU_STACK)", other(stack(before), stack(after)));
  for (const [detail, names] of permissionChanges(pre, before, post, after))
    report(names.join(", "), `the loader maps ${names.length === 1 ? "it" : "them"} otherwise: ${detail}`);
  report("the thread-locals (PT_TLS)", other(alignments(before, PT.TLS), alignments(after, PT.TLS)));
  report("the pages of segments (p_align)", other(alignments(before, PT.LOAD), alignments(after, PT.LOAD)), "noted");
  for (const { type, flags } of [...before, ...after]) {
    const subject = constantName(PT, "PT_", type);
    if (BY_CONTENTS.has(type) || facts.some((fact) => fact.subject === subject)) continue;
    const words = (segments: readonly Segment[]): string => segmentWords(segments, type, POINTERS.has(type));
    report(subject, other(words(before), words(after)), flags !== 0 && !POINTERS.has(type) ? "changed" : "noted");
  }
  return facts;
}

function segmentsOf({ bytes, file }: ElfObject): readonly Segment[] {
  const read = (offset: number, size: number): Uint8Array => bytes.subarray(offset, offset + size);
  return readImageHeader({ file, size: bytes.length, read }, "segments").segments;
}

function segmentWords(segments: readonly Segment[], type: number, isPointer: boolean): string {
  const own = segments.filter((segment) => segment.type === type);
  return own.map(({ flags }) => (isPointer ? "a segment" : `a segment ${permissions(flags)}`)).join(", ");
}

function interpreter({ bytes }: ElfObject, segments: readonly Segment[]): string {
  const segment = segments.find(({ type }) => type === PT.INTERP);
  if (segment === undefined) return "";
  const text = Buffer.from(bytes.subarray(segment.offset, segment.offset + segment.filesz)).toString("latin1");
  return text.replace(/\0.*$/s, "");
}

/** Without the header the kernel's default for the machine counts, which lets most run what is on the stack. */
function stack(segments: readonly Segment[]): string {
  const segment = segments.find(({ type }) => type === PT.GNU_STACK);
  if (segment === undefined) return "as the machine has it by default";
  const size = segment.memsz === 0 ? "" : ` of ${hex(segment.memsz)} bytes`;
  return `${permissions(segment.flags)}${size}`;
}

function alignments(segments: readonly Segment[], wanted: number): string {
  const found = segments.filter(({ type }) => type === wanted).map(({ align }) => `alignment ${hex(align)}`);
  return [...new Set(found)].sort().join(", ");
}

function permissions(flags: number): string {
  return `${(flags & PF.R) !== 0 ? "r" : "-"}${(flags & PF.W) !== 0 ? "w" : "-"}${(flags & PF.X) !== 0 ? "x" : "-"}`;
}

/** What running code may do to each section: sections by the words that tell it of both sides, where these differ. */
function permissionChanges(
  pre: ElfObject,
  before: readonly Segment[],
  post: ElfObject,
  after: readonly Segment[],
): ReadonlyMap<string, string[]> {
  const now = new Map(loaded(post).map((section) => [section.name, section]));
  const changes = new Map<string, string[]>();
  for (const section of loaded(pre)) {
    const other = now.get(section.name);
    if (other === undefined) continue;
    const [from, to] = [mapping(section, before), mapping(other, after)];
    if (from !== to) getOrAdd(changes, becomes(from, to), () => []).push(section.name);
  }
  return changes;
}

function loaded({ sections }: ElfObject): readonly Section[] {
  return sections.filter(({ flags, size, name }) => (flags & SHF.ALLOC) !== 0n && size > 0 && name !== "");
}

function mapping({ addr, flags }: Section, segments: readonly Segment[]): string {
  const holds = ({ vaddr, memsz }: Segment): boolean => addr >= vaddr && addr < vaddr + BigInt(memsz);
  const wanted = (flags & SHF.TLS) !== 0n ? PT.TLS : PT.LOAD;
  const segment = segments.find((one) => one.type === wanted && holds(one));
  const isSealed = segments.some((one) => one.type === PT.GNU_RELRO && holds(one));
  return `${segment === undefined ? "not loaded" : permissions(segment.flags)}${isSealed ? ", read-only once relocated (PT_GNU_RELRO)" : ""}`;
}
