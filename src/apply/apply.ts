import type { Patch } from "../contract/code.ts";
import type { UpdateDescription } from "../contract/description.ts";
import type { MatchResult } from "../contract/match.ts";
import { SHT, STT } from "../elf/constants.ts";
import { trampoline, trapBytes } from "../match/outcome/trampoline.ts";
import { extendTable, type Rewritten, retag, tableSize, tagsOf } from "./dynamic.ts";
import { type Layout, layOut, type Part, partsOfPieces } from "./layout.ts";
import { Lookups, newNames } from "./lookups.ts";
import { checkPatches, type Piece, piecesOf } from "./pieces.ts";
import { dynamicPlaces, type Program } from "./program.ts";
import { digestOf, readRecords } from "./record.ts";
import { refuse } from "./refuse.ts";
import { jobsOf, relocate, reserve, type Scene } from "./relocate.ts";
import { type DynamicRecord, Slots } from "./slots.ts";
import { Stubs } from "./stubs.ts";
import { Meanings } from "./values.ts";
import { headerCount, headerSize, type NewSymbol, type Written, writeProgram } from "./write.ts";

const SLOT_ALIGN = 16;

/**
 * A copy of a program with an update in it: new code in segments of its own, jumps to it over the old, data rewritten in place.
 * `result` is what matching the update's old objects against the program gave. Throws UnsupportedError with the reason for what cannot
 * be applied, FormatError for a program that contradicts the gABI.
 */
export function applyUpdate(update: UpdateDescription, result: MatchResult, bare: Program): Uint8Array {
  const { file } = bare;
  if (result.outcome !== "matched")
    refuse(
      file,
      `${result.abort?.at ?? "the program"} does not match: ${result.abort?.why ?? "the reason is not known"}`,
    );
  const patches = update.changes.flatMap((change) => change.patches);
  checkPatches(patches, file);
  const lookups = new Lookups(bare, newNames(update, result, bare));
  const program: Program = { ...bare, dynamic: lookups.dynamic };
  const pieces = piecesOf(update, program);
  const meanings = new Meanings(update, result, pieces, program);
  const slots = new Slots(program);
  const stubs = new Stubs(program, slots);
  const records: DynamicRecord[] = [];
  const scene: Scene = { program, meanings, slots, stubs, jobs: jobsOf(update, pieces, program), slotsAt: 0n, records };
  reserve(scene);

  const rewritten = rewrittenPlaces(patches, result);
  if (program.arch.load.ownGot && slots.size > 0) meanings.got = 0n;
  // As many records as the dynamic linker can need: which of them it does is known when all have their addresses.
  const most = scene.jobs.filter(({ howto }) => howto.role === "address").length + slots.words().length;
  const isTouched = (): boolean => dynamicPlaces(program.object).some((place) => isIn(rewritten, place));

  const places = { headers: 0, table: 0, tableAt: 0n, stubs: 0, slots: 0 };
  const offsets = new Map<Piece, number>();
  const layout = layOut(program, [
    // The program headers are in the first new segment, whatever else there is.
    part("constant", headerSize(program) * headerCount(program, 3), 8, (_, offset) => {
      places.headers = offset;
    }),
    part("constant", isDynamic(program) ? tableSize(program, most) : 0, 8, (address, offset) => {
      places.table = offset;
      places.tableAt = address;
    }),
    ...lookups.parts(),
    part("code", stubs.size, SLOT_ALIGN, (address, offset) => {
      places.stubs = offset;
      stubs.at = address;
      slots.resolver = stubs.resolverAt;
    }),
    part("data", slots.size, SLOT_ALIGN, (address, offset) => {
      places.slots = offset;
      scene.slotsAt = address;
    }),
    ...partsOfPieces(pieces, (piece, address, offset) => {
      meanings.places.set(piece.label, address);
      offsets.set(piece, offset);
    }),
  ]);
  if (program.arch.load.ownGot && slots.size > 0) meanings.got = scene.slotsAt;

  const all = recordsOf(scene);
  const table =
    all.length > 0 || (rewritten.length > 0 && isTouched()) ? extendTable(program, all, rewritten) : undefined;
  const written: Written[] = [
    ...pieces.flatMap((piece) => {
      const offset = offsets.get(piece);
      return offset === undefined ? [] : [{ offset, bytes: piece.bytes }];
    }),
    ...(slots.size > 0 ? [{ offset: places.slots, bytes: slotBytes(scene) }] : []),
    ...(stubs.size > 0 ? [{ offset: places.stubs, bytes: stubs.bytes(scene.slotsAt, () => meanings.toc) }] : []),
    ...(table === undefined ? [] : [{ offset: places.table, bytes: table.bytes }]),
    ...lookups.tables().map(({ offset, bytes }) => ({ offset, bytes })),
    ...dynamicWrites(program, [
      ...(table === undefined ? [] : tagsOf(program, table, places.tableAt)),
      ...lookups.tags(),
    ]),
    ...patchWrites(program, update, result, scene, pieces),
  ];
  return writeProgram(program, {
    id: update.id,
    digest: digestOf(update),
    layout,
    headersAt: places.headers,
    written,
    symbols: newSymbols(update, scene, layout),
    moved: [
      ...(table?.section === undefined
        ? []
        : [{ section: table.section.index, address: places.tableAt, offset: places.table, size: table.bytes.length }]),
      ...lookups.tables().map(({ section, address, offset, bytes }) => ({
        section: section.index,
        address,
        offset,
        size: bytes.length,
      })),
    ],
  });
}

/** Whether a dynamic linker, or the program itself as one, relocates it. */
function isDynamic({ object }: Program): boolean {
  return object.sections.some(({ type }) => type === SHT.DYNAMIC);
}

function part(room: Part["room"], size: number, align: number, place: Part["place"]): Part {
  return { room, size, align, place };
}

/** Relocates, and collects what the dynamic linker has to do. */
function recordsOf(scene: Scene): readonly DynamicRecord[] {
  scene.records.length = 0;
  relocate(scene);
  for (const { record, offset } of scene.slots.words()) {
    if (record !== undefined) scene.records.push({ ...record, address: scene.slotsAt + BigInt(offset) });
  }
  return scene.records;
}

function slotBytes({ program, slots }: Scene): Uint8Array {
  const bytes = new Uint8Array(slots.size);
  const view = new DataView(bytes.buffer);
  const little = program.object.data === "lsb";
  for (const { offset, value } of slots.words()) {
    if (program.object.class === 64) view.setBigUint64(offset, BigInt.asUintN(64, value), little);
    else view.setUint32(offset, Number(BigInt.asUintN(32, value)), little);
  }
  return bytes;
}

function isIn(ranges: readonly Rewritten[], address: bigint): boolean {
  return ranges.some(({ start, end }) => address >= start && address < end);
}

/** Data that patches rewrite. */
function rewrittenPlaces(patches: readonly Patch[], result: MatchResult): Rewritten[] {
  const labels = new Set(
    patches.filter(({ type }) => type === "data").map((patch) => `${patch.oldLabel}+${patch.oldOffset}`),
  );
  return result.patches
    .filter((patch) => labels.has(`${patch.label}+${patch.offset}`))
    .map(({ oldAddress, size }) => ({ start: BigInt(oldAddress), end: BigInt(oldAddress) + BigInt(size) }));
}

/** The dynamic section, where something in it changes. */
function dynamicWrites(program: Program, tags: readonly (readonly [tag: bigint, value: bigint])[]): Written[] {
  if (tags.length === 0) return [];
  const { section, bytes } = retag(program, tags);
  return [{ offset: section.offset, bytes }];
}

/** What is written over the old code and data. */
function patchWrites(
  program: Program,
  update: UpdateDescription,
  result: MatchResult,
  { meanings }: Scene,
  pieces: readonly Piece[],
): Written[] {
  const placed = new Map(result.patches.map((patch) => [`${patch.label}+${patch.offset}`, patch]));
  const byLabel = new Map(pieces.map((piece) => [piece.label, piece]));
  return update.changes.flatMap(({ patches, newCode }) => {
    const symbols = new Map(newCode.symbols.map((symbol) => [symbol.label, symbol]));
    return patches.map((patch): Written => {
      const { oldLabel, oldOffset, replacement, replacementOffset = 0, size } = patch;
      const known = placed.get(`${oldLabel}+${oldOffset}`);
      const { file } = program;
      if (known === undefined) refuse(file, `where ${oldLabel} is could not be found`);
      const from = BigInt(known.oldAddress);
      const offset = program.offsetOf(from, size);
      if (offset === undefined) refuse(file, `${oldLabel} at ${known.oldAddress} is not in the file`);
      const piece = replacement === null ? undefined : byLabel.get(replacement);
      if (patch.type === "data") {
        if (piece === undefined) refuse(file, `nothing tells what ${oldLabel} becomes`);
        return { offset, bytes: piece.bytes.subarray(replacementOffset, replacementOffset + size) };
      }
      const isThumb = isTagged(program, from, known.open?.template, size);
      if (replacement === null) {
        return {
          offset,
          bytes: trapBytes(program.arch, size, isThumb) ?? refuse(file, `no trap is known for ${oldLabel}`),
        };
      }
      const place = meanings.places.get(replacement);
      if (place === undefined) refuse(file, `${replacement}, which replaces ${oldLabel}, is not in the update`);
      if (isThumb !== (symbols.get(replacement)?.instructionSet === "thumb"))
        refuse(file, `${oldLabel} and its replacement are of two instruction sets`);
      if (!program.isFixed && program.arch.link.trampoline?.fields.some(({ isAbsolute }) => isAbsolute))
        refuse(file, `the jump to the new ${oldLabel} needs an address that is known only when the program runs`);
      const made = trampoline(program.arch, { from, to: place + BigInt(replacementOffset), size, isThumb });
      if (made.kind !== "bytes") refuse(file, `no jump of ${size} bytes leads from ${oldLabel} to its replacement`);
      return { offset, bytes: made.bytes };
    });
  });
}

/** Whether the old function is Thumb code: the open jump that matching gave is that of Thumb. */
function isTagged({ arch, functionAt }: Program, from: bigint, template: string | undefined, size: number): boolean {
  if (arch.functionTagBit !== true) return false;
  if (template === undefined) return ((functionAt(from)?.value ?? 0n) & 1n) === 1n;
  const made = trampoline(arch, { from, to: undefined, size, isThumb: true });
  return made.kind === "open" && Buffer.from(made.bytes).toString("hex") === template;
}

const STT_NUMBERS: ReadonlyMap<string, number> = new Map([
  ["function", STT.FUNC],
  ["object", STT.OBJECT],
]);

/** Symbols of new code for debuggers. */
function newSymbols(update: UpdateDescription, { meanings, stubs }: Scene, layout: Layout): NewSymbol[] {
  const isLoaded = (address: bigint): boolean =>
    layout.segments.some((segment) => address >= segment.address && address < segment.address + BigInt(segment.size));
  const own = update.changes.flatMap(({ newCode }) =>
    newCode.symbols.flatMap((symbol): NewSymbol[] => {
      const { name, section, offset, size, type, localEntry = 0, instructionSet } = symbol;
      const place = section === null ? undefined : meanings.places.get(section);
      if (place === undefined || name === "" || type === "section" || !isLoaded(place)) return [];
      const address = place + BigInt(offset) + (instructionSet === "thumb" ? 1n : 0n);
      // ELF V2 ABI for Power: the distance as a power of two.
      const other = localEntry === 0 ? 0 : Math.log2(localEntry) << 5;
      return [{ name, address, size, type: STT_NUMBERS.get(type) ?? 0, other }];
    }),
  );
  const made = stubs
    .list()
    .map(({ label, address, size }) => ({ name: `${label}@plt`, address, size, type: STT.FUNC, other: 0 }));
  return [...own, ...made];
}

/** Whether a program has an update in it: its record is there, and what was written over old code still is. */
export function hasUpdate(update: UpdateDescription, bytes: Uint8Array, file: string): boolean {
  const digest = digestOf(update);
  const record = readRecords(bytes, file).findLast((candidate) => candidate.digest === digest);
  if (record === undefined) return false;
  // The last one is the header of the file, which the next update changes again.
  return record.ranges.slice(0, -1).every(({ offset, after }) => isEqual(bytes, offset, after));
}

function isEqual(bytes: Uint8Array, offset: number, expected: Uint8Array): boolean {
  return Buffer.compare(bytes.subarray(offset, offset + expected.length), expected) === 0;
}
