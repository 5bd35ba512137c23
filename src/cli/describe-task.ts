/*
 * What is done for one pair of a listing that is not known to be the same on both sides, in the main thread or in a worker:
 * both files are read, and become the fragment of the description. Whatever is loaded here is loaded with the first such pair.
 */
import { createHash } from "node:crypto";
import type { PairFragment } from "../contract/part.ts";
import { disassemblerFor } from "../disasm/disassembler.ts";
import { type ElfObject, readObject } from "../elf/object.ts";
import { FormatError, UnsupportedError } from "../errors.ts";
import { decompress } from "../input/formats/compressed.ts";
import { type InputRef, placeOf, readStored } from "../input/listing/file.ts";
import type { PairTask } from "../input/listing/pairs.ts";
import { objectName } from "../input/object-name.ts";
import { describePair } from "../plan/describe-pair.ts";
import { archOfHead } from "../plan/pair/identical.ts";
import type { PlannedPair } from "../plan/pair/pair.ts";
import { type PairFile, sameFragment, unreadableFragment } from "../plan/pair/plain-fragment.ts";
import { type InstructionStyle, renderInstructions } from "../report/instructions.ts";
import { type CacheEntry, openCache } from "./cache.ts";
import { requireComparable } from "./comparable.ts";

/**
 * Whether a pair is the whole update or one of many. `pair`: both files are read and compared however alike they are, they
 * are described as diffObjects() does, and a file that cannot be read is an error. `build`: files of equal bytes are not
 * compared any further, the pair has the name of its listing, and a damaged file is a finding; `hashes`: objects that are
 * the same on both sides get their SHA-256, too.
 */
export type Mode = { readonly kind: "pair" } | { readonly kind: "build"; readonly hashes: boolean };

/** What holds for all pairs of a run. Structured-cloneable. */
export interface PairSettings {
  readonly contents: boolean;
  readonly oldCode: "needed" | "all";
  readonly mode: Mode;
  /** How to show the instructions that differ; undefined: not at all. */
  readonly style: InstructionStyle | undefined;
  /** Whether the fragment holds the instructions that differ. */
  readonly rows: boolean;
  /** Folder of results of earlier runs. */
  readonly cache: string | undefined;
}

/** By label: lines that show how a function changed. */
export type InstructionLines = Readonly<Record<string, readonly string[]>>;

export interface PairResult {
  readonly fragment: PairFragment;
  readonly instructions?: InstructionLines | undefined;
  /** Something that hinders nothing, but is worth mending. */
  readonly warning?: string | undefined;
}

/** One side as it was read. */
interface Side {
  readonly ref: InputRef;
  readonly stored: Uint8Array;
}

/** Describes one pair. Throws FormatError where a file cannot be read or changed since it was listed; damaged contents become a finding. */
export async function describeTask(task: PairTask, settings: PairSettings): Promise<PairResult> {
  if (task.same) return { fragment: await describeSame(task, hasHashes(settings)) };
  const [pre, post] = [readSide(task.pre), readSide(task.post)];
  if (settings.cache === undefined) return describeSides(task, pre, post, settings);
  const key = keyOf(task, pre, post, settings);
  const cache = openCache(settings.cache);
  const known = await cache.read(key);
  if (known !== undefined) return known;
  const result = await describeSides(task, pre, post, settings);
  const entry: CacheEntry = {
    fragment: result.fragment,
    ...(result.instructions === undefined ? {} : { instructions: result.instructions }),
  };
  const warning = cache.write(key, entry);
  return warning === undefined ? result : { ...result, warning };
}

/** Everything that the result depends on. */
function keyOf(task: PairTask, pre: Side | undefined, post: Side | undefined, settings: PairSettings): string {
  const { contents, oldCode, mode, style, rows } = settings;
  const sideKey = (side: Side | undefined) =>
    side === undefined
      ? null
      : [side.ref.path, side.ref.member ?? null, side.ref.compression ?? null, sha256(side.stored)];
  const { key, target, targetFrom, alsoIn } = task;
  const options = [contents, oldCode, mode, style ?? null, rows];
  return JSON.stringify([key, target, targetFrom, alsoIn ?? [], sideKey(pre), sideKey(post), options]);
}

async function describeSides(
  task: PairTask,
  pre: Side | undefined,
  post: Side | undefined,
  settings: PairSettings,
): Promise<PairResult> {
  const { key: name, target } = task;
  // What cannot be unpacked is named by the file as it is.
  let [before, after] = [pre?.stored, post?.stored];
  try {
    before = pre && (await unpack(pre));
    after = post && (await unpack(post));
    if (
      settings.mode.kind === "build" &&
      before !== undefined &&
      after !== undefined &&
      Buffer.compare(before, after) === 0
    ) {
      const files = filesOf(pre, before, post, after, settings.mode.hashes);
      return { fragment: sameFragment({ name, target, ...files }, archOfHead(before)) };
    }
    const preObject = pre && before && parse(before, pre.ref);
    const postObject = post && after && parse(after, post.ref);
    return await describeObjects(task, preObject, postObject, settings);
  } catch (error) {
    if (settings.mode.kind === "pair" || !(error instanceof FormatError || error instanceof UnsupportedError))
      throw error;
    return { fragment: unreadableFragment({ name, target, ...filesOf(pre, before, post, after, true) }, error) };
  }
}

/** Both sides as the description names them. */
function filesOf(
  pre: Side | undefined,
  before: Uint8Array | undefined,
  post: Side | undefined,
  after: Uint8Array | undefined,
  hashes: boolean,
): { pre?: PairFile; post?: PairFile } {
  return {
    ...(pre && before && { pre: fileOf(pre.ref, before, hashes) }),
    ...(post && after && { post: fileOf(post.ref, after, hashes) }),
  };
}

async function describeObjects(
  { key, pre, post, target, targetFrom, alsoIn }: PairTask,
  preObject: ElfObject | undefined,
  postObject: ElfObject | undefined,
  { contents, oldCode, mode, style, rows }: PairSettings,
): Promise<PairResult> {
  const isPair = mode.kind === "pair";
  const isUsualName = pre !== undefined && post !== undefined && objectName(pre.path, post.path) === key;
  const { fragment, pair } = await describePair(preObject, postObject, {
    name: isPair && isUsualName ? undefined : key,
    // What nothing but the default tells, the objects may know better.
    target: targetFrom === "default" ? undefined : target,
    alsoIn,
    contents,
    oldCode,
    instructions: rows,
    ...(isPair ? { links: false } : {}),
  });
  return style === undefined ? { fragment } : { fragment, instructions: changedCode(pair, style) };
}

/** By label: the differing instructions of each changed function. The disassembler is loaded only if there is one. */
function changedCode({ diff, preLabels }: PlannedPair, style: InstructionStyle): InstructionLines {
  if (!diff.result.outcomes.includes("replaced")) return {};
  return Object.fromEntries(renderInstructions(diff, preLabels, disassemblerFor(diff.pre.table.arch), style));
}

/** A pair that is the same on both sides, of which the listing does not know enough: what it holds unpacked, or its hash. */
async function describeSame({ key: name, target, pre, post }: PairTask, hashes: boolean): Promise<PairFragment> {
  const side = readSide(pre) as Side;
  let bytes = side.stored;
  try {
    bytes = (await unpack(side)) as Uint8Array;
  } catch (error) {
    // Damaged on both sides alike: nothing changed.
    if (!(error instanceof FormatError || error instanceof UnsupportedError)) throw error;
  }
  const files = { pre: fileOf(side.ref, bytes, hashes), post: fileOf(post as InputRef, bytes, hashes) };
  return sameFragment({ name, target, ...files }, archOfHead(bytes));
}

function readSide(ref: InputRef | undefined): Side | undefined {
  return ref && { ref, stored: readStored(ref) };
}

async function unpack({ ref, stored }: Side): Promise<Uint8Array> {
  return ref.compression === undefined ? stored : decompress(stored, ref.compression, placeOf(ref));
}

function parse(bytes: Uint8Array, ref: InputRef): ElfObject {
  return requireComparable(readObject(bytes, ref.path, ref.member), placeOf(ref));
}

function fileOf({ path, member }: InputRef, bytes: Uint8Array, hashes: boolean): PairFile {
  return {
    path,
    ...(member === undefined ? {} : { member }),
    ...(hashes ? { sha256: sha256(bytes) } : {}),
    size: bytes.length,
  };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Whether objects that are the same on both sides get their SHA-256. */
function hasHashes({ mode }: PairSettings): boolean {
  return mode.kind === "pair" || mode.hashes;
}
