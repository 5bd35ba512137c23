import { ET } from "../elf/constants.ts";
import { type ByteSource, type ImageHeader, PF, PT, readNotes, type Segment } from "../elf/segments.ts";
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
    files: [],
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
