/*
 * What is done for one pair that nobody has settled yet, in the main thread or in a worker: both files are read, and become
 * the fragment of the description. Whatever is loaded here is loaded with the first such pair.
 */
import { createHash } from "node:crypto";
import { diffSpans, type ObjectDiff } from "../diff/diff.ts";
import { disassemblerFor } from "../disasm/disassembler.ts";
import { type ElfObject, readObject } from "../elf/object.ts";
import { FormatError, UnsupportedError } from "../errors.ts";
import { decompress } from "../input/formats/compressed.ts";
import { type InputRef, placeOf, readStored } from "../input/listing/file.ts";
import type { PairTask } from "../input/listing/pairs.ts";
import { objectName } from "../input/object-name.ts";
import { moduleNameOf } from "../input/target.ts";
import { type FragmentOptions, planAdded, planFragment, planRemoved } from "../plan/pair/fragment.ts";
import { archOfHead } from "../plan/pair/identical.ts";
import { planPair } from "../plan/pair/pair.ts";
import { type PairFile, sameFragment, unreadableFragment } from "../plan/pair/plain-fragment.ts";
import type { PairFragment } from "../plan/update/part.ts";
import { type InstructionStyle, renderInstructions } from "../report/instructions.ts";
import { type CacheEntry, openCache } from "./cache.ts";
import { comparable } from "./comparable.ts";
import { layoutPlan } from "./layout-plan.ts";

/** What holds for all pairs of a run. Structured-cloneable. */
export interface PairSettings {
  readonly contents: boolean;
  readonly oldCode: "needed" | "all";
  /** Objects that are the same on both sides get their hashes, too. */
  readonly hashes: boolean;
  /** The pair is all there is: it is described as two files are, and what cannot be read is an error. */
  readonly isAlone: boolean;
  /** How to show the instructions that differ; undefined: not at all. */
  readonly style: InstructionStyle | undefined;
  /** Folder of results of earlier runs. */
  readonly cache: string | undefined;
}

/** By label: lines that show how a function changed. */
export type InstructionLines = Readonly<Record<string, readonly string[]>>;

export interface PairResult {
  readonly fragment: PairFragment;
  readonly instructions?: InstructionLines | undefined;
  /** Something that hinders nothing, but that somebody may want to mend. */
  readonly warning?: string | undefined;
}

/** One side as it was read. */
interface Side {
  readonly ref: InputRef;
  readonly stored: Uint8Array;
}

/** Describes one pair. Throws FormatError where a file cannot be read or changed since it was listed; damaged contents become a finding. */
export async function describePair(task: PairTask, settings: PairSettings): Promise<PairResult> {
  if (task.same) return { fragment: await describeSame(task, settings) };
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
  const { contents, oldCode, hashes, isAlone, style } = settings;
  const sideKey = (side: Side | undefined) =>
    side === undefined
      ? null
      : [side.ref.path, side.ref.member ?? null, side.ref.compression ?? null, sha256(side.stored)];
  const { key, target, targetFrom, alsoIn } = task;
  const options = [contents, oldCode, hashes, isAlone, style ?? null];
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
    if (!settings.isAlone && before !== undefined && after !== undefined && Buffer.compare(before, after) === 0) {
      const files = filesOf(pre, before, post, after, settings.hashes);
      return { fragment: sameFragment({ name, target, ...files }, archOfHead(before)) };
    }
    const preObject = pre && before && parse(before, pre.ref);
    const postObject = post && after && parse(after, post.ref);
    return await describeObjects(task, preObject, postObject, settings);
  } catch (error) {
    if (settings.isAlone || !(error instanceof FormatError || error instanceof UnsupportedError)) throw error;
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
  task: PairTask,
  pre: ElfObject | undefined,
  post: ElfObject | undefined,
  settings: PairSettings,
): Promise<PairResult> {
  const own = task.targetFrom === "default" ? ((post && moduleNameOf(post)) ?? (pre && moduleNameOf(pre))) : undefined;
  const target = own ?? task.target;
  const { contents, oldCode, isAlone } = settings;
  const options: FragmentOptions = {
    name: isAlone && task.key === usualName(task) ? undefined : task.key,
    target,
    alsoIn: task.alsoIn,
    contents,
    oldCode,
    ...(isAlone ? { links: false } : {}),
  };
  if (pre === undefined) return { fragment: planAdded(post as ElfObject, options) };
  if (post === undefined) return { fragment: planRemoved(pre, options) };
  const diff = diffSpans(pre, post);
  const layouts = await layoutPlan(diff, options.name ?? objectName(pre.file, post.file), target);
  const fragment = planFragment(diff, { ...options, layoutPlan: layouts });
  const { style } = settings;
  return style === undefined ? { fragment } : { fragment, instructions: changedCode(diff, fragment.name, style) };
}

/** What two files are called if nobody says otherwise. */
function usualName({ pre, post }: PairTask): string | undefined {
  return pre && post && objectName(pre.path, post.path);
}

/** By label: the differing instructions of each changed function. The disassembler is loaded only if there is one. */
function changedCode(diff: ObjectDiff, name: string, style: InstructionStyle): InstructionLines {
  if (!diff.outcome.fates.includes("patched")) return {};
  const { preLabels } = planPair(diff, 0, name, "");
  return Object.fromEntries(renderInstructions(diff, preLabels, disassemblerFor(diff.pre.table.arch), style));
}

/** A pair that is the same on both sides, of which the listing does not know enough: what it holds unpacked, or its hash. */
async function describeSame(
  { key: name, target, pre, post }: PairTask,
  { hashes }: PairSettings,
): Promise<PairFragment> {
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
  return comparable(readObject(bytes, ref.path, ref.member), placeOf(ref));
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
