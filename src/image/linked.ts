import { ET, SHT } from "../elf/constants.ts";
import type { ElfObject, ElfSymbol, Section, SectionHeader } from "../elf/object.ts";
import { type ByteSource, type ImageHeader, PF, PT, readNotes, type Segment, sectionBytes } from "../elf/segments.ts";
import { FormatError } from "../errors.ts";
import { dynamicFields, withDynamicFields } from "./dynamic-fields.ts";
import { linkedSymbols, readImageSymbols, symbolForm } from "./elf-symbols.ts";
import type { FilePages } from "./file-pages.ts";
import { memoryOf, type Region } from "./memory.ts";
import type { ImageParts } from "./parts.ts";
import type { RunSymbols } from "./run-symbols.ts";
import { movedBy } from "./slide.ts";

const NT_GNU_BUILD_ID = 3;

/** An executable or shared object as it lies in memory once it is loaded. */
export function linkedImage(source: FilePages, header: ImageHeader, slideOf: (own: RunSymbols) => bigint): ImageParts {
  const raw = readImageSymbols(source, header);
  const form = symbolForm(header);
  const unmoved = linkedSymbols(raw, 0n, form);
  const slide = slideOf(unmoved);
  const symbols = slide === 0n ? unmoved : linkedSymbols(raw, slide, form);
  const fields = header.type === ET.DYN ? dynamicFields(source, header, slide) : undefined;
  const regions = linkedRegions(source, header, slide).map((region) =>
    fields === undefined ? region : withDynamicFields(region, fields, header),
  );
  return {
    kind: header.type === ET.EXEC ? "exec" : "dyn",
    memory: memoryOf(regions),
    symbols,
    slide,
    buildId: buildIdOf(source, header),
    table(name) {
      const section = header.sections.find((candidate) => candidate.name === name);
      return section === undefined ? undefined : { start: section.addr + slide, size: section.size };
    },
    object: lazyObject(source, header, raw),
    files: [],
  };
}

/** The file as the format has it; a section's bytes are read when they are first looked at. */
function lazyObject(source: ByteSource, header: ImageHeader, symbols: readonly ElfSymbol[]): ElfObject {
  return {
    file: source.file,
    member: undefined,
    bytes: new Uint8Array(0),
    class: header.class,
    data: header.data,
    machine: header.machine,
    type: header.type,
    flags: header.flags,
    osabi: 0,
    entry: header.entry,
    sections: header.sections.map((section) => lazySection(source, section)),
    symbols,
    groups: [],
    relocationsOf: () => [],
    relocationSectionsOf: () => [],
    error: (problem, where, value) => new FormatError({ file: source.file, ...where }, problem, value),
  };
}

function lazySection(source: ByteSource, section: SectionHeader): Section {
  let bytes: Uint8Array | undefined;
  return {
    ...section,
    info: 0,
    get bytes() {
      bytes ??= section.type === SHT.NOBITS ? new Uint8Array(0) : sectionBytes(source, section);
      return bytes;
    },
  };
}

/** The loaded segments; executable are those parts that sections say are code, where there are sections. */
export function linkedRegions(source: FilePages, header: ImageHeader, slide: bigint): Region[] {
  return header.segments
    .filter(({ type, memsz }) => type === PT.LOAD && memsz > 0)
    .map((segment) => segmentRegion(source, segment, movedBy(slide, segment.vaddr, header.type === ET.EXEC)));
}

function segmentRegion(source: FilePages, { memsz, filesz, offset, flags }: Segment, start: bigint): Region {
  return {
    start,
    size: memsz,
    held: filesz,
    executable: (flags & PF.X) !== 0,
    name: source.file,
    read(from, length) {
      const inFile = Math.max(0, Math.min(length, filesz - from));
      if (inFile === length) return source.read(offset + from, length);
      const bytes = new Uint8Array(length);
      if (inFile > 0) bytes.set(source.read(offset + from, inFile));
      return bytes;
    },
  };
}

/** The build ID that the linker noted; undefined where it did not. */
export function buildIdOf(source: ByteSource, header: ImageHeader): string | undefined {
  for (const { type, offset, filesz } of header.segments) {
    if (type !== PT.NOTE || offset + filesz > source.size) continue;
    const note = readNotes(source.read(offset, filesz), header.data).find(
      (candidate) => candidate.name === "GNU" && candidate.type === NT_GNU_BUILD_ID,
    );
    if (note !== undefined) return Buffer.from(note.desc).toString("hex");
  }
  return undefined;
}
