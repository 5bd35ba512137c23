import { howtoOf } from "../../arch/registry.ts";
import { SHF } from "../../elf/constants.ts";
import type { Section } from "../../elf/object.ts";
import { type Draft, resolveTarget, spanAt } from "../references.ts";
import { isCode, type SectionKind } from "../section-kind.ts";
import type { Span, TableEntry } from "../span.ts";
import { EXCEPTION_TABLE } from "../special.ts";
import { ENCODING, type Encoded, EncodedReader } from "./encoded-pointer.ts";
import type { Image } from "./image.ts";
import { draftTo, type LinkedReader } from "./linked-reader.ts";

interface Input {
  readonly image: Image;
  readonly linked: LinkedReader;
  readonly kinds: readonly SectionKind[];
  readonly spansOf: (section: number) => readonly Span[];
}

/** What one frame description says: whose it is, by whom exceptions are handled, and where the data for that lie. */
interface Frame {
  readonly function: number;
  readonly personality: Encoded | undefined;
  readonly data: number;
}

/**
 * Gives the functions of a linked image their language-specific data: call sites with landing pads and actions, and the types
 * that are caught, as linking left them. `.eh_frame` tells whose they are, on 32-bit Arm `.ARM.exidx`. What is compared is
 * what the data say, not their bytes: distances and alignment depend on where they lie. LSB core, "Exception Frames"; Itanium
 * C++ ABI: Exception Handling, 2.5; Exception Handling ABI for the Arm Architecture, 6 and 9.
 */
export function attachLinkedExceptions(input: Input): void {
  const { image } = input;
  for (const section of image.object.sections) {
    if ((section.flags & SHF.ALLOC) === 0n || section.bytes.length === 0) continue;
    if (/^\.eh_frame(\.|$)/.test(section.name)) for (const frame of readFrames(image, section)) attach(input, frame);
    if (section.name.startsWith(".ARM.exidx")) for (const frame of readIndex(image, section)) attach(input, frame);
  }
}

function attach(input: Input, frame: Frame): void {
  const { image, kinds, spansOf } = input;
  const place = image.placeAt(frame.function);
  if (place === undefined || !isCode(kinds[place.section.index] as SectionKind)) return;
  const owner = spanAt(spansOf(place.section.index), place.offset);
  const data = image.placeAt(frame.data);
  if (owner === undefined || data === undefined) return;
  const read = new DataReader(input, data.section, data.offset).read(frame.personality);
  const entry: TableEntry = {
    owner,
    table: EXCEPTION_TABLE,
    section: data.section,
    offset: data.offset,
    size: read.end - data.offset,
    bytes: data.section.bytes.subarray(data.offset, read.end),
    relocations: [],
    ownerField: -1,
    ownerOffset: place.offset - owner.offset,
    meaning: { bytes: read.bytes, relocations: read.drafts },
  };
  owner.entries = [...owner.entries, entry];
}

/** The descriptions of an `.eh_frame` section that point to language-specific data. */
function readFrames(image: Image, section: Section): Frame[] {
  const frames: Frame[] = [];
  const commons = new Map<number, { code: number; data: number; personality: Encoded | undefined; hasSize: boolean }>();
  const reader = new EncodedReader(image, section);
  const { size } = section;
  for (let at = 0; at + 4 <= size; ) {
    reader.at = at;
    let length = reader.number(4);
    if (length === 0) break;
    if (length === 0xffffffff) length = reader.number(8);
    const start = reader.at;
    const next = start + length;
    if (next > size) break;
    const id = reader.number(4);
    if (id === 0) {
      const common = readCommon(reader);
      if (common !== undefined) commons.set(at, common);
    } else {
      const common = commons.get(start - id);
      if (common?.hasSize && common.data !== ENCODING.omit) {
        const code = reader.pointer(common.code);
        reader.pointer(common.code & ENCODING.format);
        reader.uleb();
        const data = reader.pointer(common.data);
        if (code !== undefined && data !== undefined)
          frames.push({ function: code.address, personality: common.personality, data: data.address });
      }
    }
    at = next;
  }
  return frames;
}

/** What descriptions have in common; undefined for one whose augmentation is not known. */
function readCommon(
  reader: EncodedReader,
): { code: number; data: number; personality: Encoded | undefined; hasSize: boolean } | undefined {
  const version = reader.number(1);
  const augmentation = reader.text();
  reader.uleb();
  reader.sleb();
  if (version === 1) reader.number(1);
  else reader.uleb();
  const common = {
    code: 0,
    data: ENCODING.omit as number,
    personality: undefined as Encoded | undefined,
    hasSize: augmentation.startsWith("z"),
  };
  if (!common.hasSize) return augmentation === "" ? common : undefined;
  reader.uleb();
  for (const letter of augmentation.slice(1)) {
    if (letter === "P") common.personality = reader.pointer(reader.number(1));
    else if (letter === "L") common.data = reader.number(1);
    else if (letter === "R") common.code = reader.number(1);
    else if (letter !== "S" && letter !== "B" && letter !== "G") return undefined;
  }
  return common;
}

/** Entries of `.ARM.exidx` whose data name a personality routine: behind it the words of unwinding, then what the language says. */
function readIndex(image: Image, section: Section): Frame[] {
  const frames: Frame[] = [];
  const reader = new EncodedReader(image, section);
  for (let at = 0; at + 8 <= section.size; at += 8) {
    reader.at = at;
    const code = reader.short31();
    const word = reader.number(4);
    if (word === 1 || word >= 0x80000000) continue;
    reader.at = at + 4;
    const table = image.placeAt(reader.short31());
    if (table === undefined) continue;
    const inner = new EncodedReader(image, table.section);
    inner.at = table.offset;
    const first = inner.number(4);
    if (first >= 0x80000000) continue;
    inner.at = table.offset;
    const personality = inner.short31();
    const words = inner.number(4) >>> 24;
    const start = Number(table.section.addr) + table.offset + 8 + 4 * words;
    frames.push({ function: code, personality: { address: personality, isSlot: false }, data: start });
  }
  return frames;
}

/** Reads the data of one function and tells what they mean in bytes that no longer depend on where they lie. */
class DataReader {
  readonly #input: Input;
  readonly #section: Section;
  readonly #reader: EncodedReader;
  readonly #start: number;
  readonly #bytes: number[] = [];
  readonly #drafts: Draft[] = [];
  #end = 0;

  constructor(input: Input, section: Section, offset: number) {
    this.#input = input;
    this.#section = section;
    this.#start = offset;
    this.#reader = new EncodedReader(input.image, section);
  }

  read(personality: Encoded | undefined): { bytes: Uint8Array; drafts: readonly Draft[]; end: number } {
    const reader = this.#reader;
    reader.at = this.#start;
    this.#refer(personality);
    const padEncoding = reader.number(1);
    if (padEncoding !== ENCODING.omit) this.#refer(reader.pointer(padEncoding));
    const typeEncoding = reader.number(1);
    const typeOffset = typeEncoding === ENCODING.omit ? undefined : reader.uleb();
    const types = typeOffset === undefined ? undefined : reader.at + typeOffset;
    const siteEncoding = reader.number(1);
    const siteBytes = reader.uleb();
    const sites = reader.at;
    const actions = Math.min(sites + siteBytes, this.#section.size);
    this.#bytes.push(padEncoding, typeEncoding, siteEncoding);
    const chains: number[] = [];
    while (reader.at < actions) {
      for (let field = 0; field < 3; field++) reader.pointer(siteEncoding & ENCODING.format);
      const action = reader.uleb();
      if (action > 0) chains.push(actions + action - 1);
    }
    this.#copy(sites, actions);
    this.#end = actions;
    const filters = this.#readActions(chains, actions);
    if (types !== undefined) this.#readTypes(types, typeEncoding, filters);
    return { bytes: Uint8Array.from(this.#bytes), drafts: this.#drafts, end: Math.min(this.#end, this.#section.size) };
  }

  #copy(from: number, to: number): void {
    for (let at = from; at < to; at++) this.#bytes.push(this.#section.bytes[at] ?? 0);
  }

  /** Follows the chains of actions; returns their filters. */
  #readActions(chains: readonly number[], table: number): ReadonlySet<number> {
    const reader = this.#reader;
    const filters = new Set<number>();
    const seen = new Set<number>();
    const waiting = [...chains];
    let end = table;
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      if (seen.has(at) || at >= this.#section.size) continue;
      seen.add(at);
      reader.at = at;
      filters.add(reader.sleb());
      const next = reader.at;
      const distance = reader.sleb();
      end = Math.max(end, reader.at);
      if (distance !== 0) waiting.push(next + distance);
    }
    this.#copy(table, end);
    this.#end = Math.max(this.#end, end);
    return filters;
  }

  /** Types stand before their table's base, the last first; lists of types that may pass stand behind it. */
  #readTypes(base: number, encoding: number, filters: ReadonlySet<number>): void {
    const reader = this.#reader;
    let most = Math.max(0, ...filters);
    for (const filter of [...filters].filter((value) => value < 0).sort((a, b) => b - a)) {
      // Arm has words that point to types in these lists; elsewhere they are indices.
      reader.at = base - filter - 1;
      if (reader.at >= this.#section.size) continue;
      if (this.#isArm) this.#readTypeList(base - 4 * (filter + 1));
      else {
        const from = reader.at;
        for (let index = reader.uleb(); index !== 0 && reader.at < this.#section.size; index = reader.uleb())
          most = Math.max(most, index);
        this.#copy(from, reader.at);
        this.#end = Math.max(this.#end, reader.at);
      }
    }
    this.#end = Math.max(this.#end, base);
    const size = this.#isArm ? 4 : reader.sizeOf(encoding);
    for (let index = 1; index <= most && base - index * size >= this.#start; index++) {
      reader.at = base - index * size;
      this.#refer(this.#isArm ? reader.target2() : reader.pointer(encoding));
    }
  }

  #readTypeList(from: number): void {
    const reader = this.#reader;
    for (reader.at = from; reader.at + 4 <= this.#section.size; ) {
      const type = reader.target2();
      if (type === undefined) break;
      this.#refer(type);
    }
    this.#end = Math.max(this.#end, reader.at);
  }

  get #isArm(): boolean {
    return this.#input.image.arch.family === "arm";
  }

  /** Writes down that something is referred to; nothing, where a pointer is null. */
  #refer(encoded: Encoded | undefined): void {
    this.#bytes.push(encoded === undefined ? 0 : 1);
    if (encoded === undefined) return;
    const { linked, image, spansOf } = this.#input;
    const goal = encoded.isSlot ? linked.goalInWord(encoded.address) : linked.goalAt(encoded.address);
    const howto = howtoOf(image.arch, 0);
    const draft = draftTo(this.#bytes.length - 1, howto, goal ?? { addend: BigInt(encoded.address) });
    resolveTarget(draft, spansOf);
    this.#drafts.push(draft);
  }
}
