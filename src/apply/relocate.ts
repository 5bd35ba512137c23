import type { Arch, Howto } from "../arch/arch.ts";
import { isBranchField } from "../arch/branch.ts";
import { fieldOrder, writeField } from "../arch/field.ts";
import type { LoadForm, LoadModel } from "../arch/load.ts";
import { loadForm } from "../arch/load-form.ts";
import type { CodeRelocation } from "../contract/code.ts";
import type { UpdateDescription } from "../contract/description.ts";
import { hexValue, signedHex } from "../hex.ts";
import type { Piece } from "./pieces.ts";
import type { Program } from "./program.ts";
import { refuse } from "./refuse.ts";
import { type DynamicRecord, type Slots, threadDistance, wordOf } from "./slots.ts";
import type { Stubs } from "./stubs.ts";
import type { Meaning, Meanings } from "./values.ts";

type AfterStub = NonNullable<LoadModel["afterStub"]>;

/** One relocation of new code, with all that tells how it is resolved. */
export interface Job {
  readonly piece: Piece;
  readonly relocation: CodeRelocation;
  readonly howto: Howto;
  readonly form: LoadForm;
  readonly insnAddend: bigint;
  readonly targetAddend: bigint;
  /** Whether the field belongs to a call or jump. */
  readonly isBranch: boolean;
}

/** What relocating needs to know. */
export interface Scene {
  readonly program: Program;
  readonly meanings: Meanings;
  readonly slots: Slots;
  readonly stubs: Stubs;
  readonly jobs: readonly Job[];
  /** Address of the table of slots. */
  slotsAt: bigint;
  readonly records: DynamicRecord[];
}

/** Relocations of an update in its own order. What no loader resolves is refused. */
export function jobsOf(update: UpdateDescription, pieces: readonly Piece[], { arch, file }: Program): Job[] {
  const howtos = new Map([...arch.howtos.values()].map((howto) => [howto.name, howto]));
  const byLabel = new Map(pieces.map((piece) => [piece.label, piece]));
  return update.changes.flatMap(({ newCode }) => {
    const hasLower = lowerTest(arch, newCode.relocations);
    return newCode.relocations.flatMap((relocation): Job[] => {
      const piece = byLabel.get(relocation.section);
      const howto = howtos.get(relocation.howto);
      if (piece === undefined) return [];
      const row = howto === undefined ? null : loadForm(arch.load, howto);
      const form: LoadForm | null | undefined =
        row?.value === "page-or-slot" ? { ...row, value: hasLower(relocation) ? "page-slot" : "slot" } : row;
      if (form === undefined || howto === undefined || form === null) {
        if (form === undefined) return [];
        refuse(file, `${relocation.howto} at ${piece.label}${signedHex(relocation.offset)} is not resolved here`);
      }
      if (relocation.offset + howto.size > piece.bytes.length)
        refuse(file, `${relocation.howto} ends behind ${piece.label}, which it belongs to`);
      const isCode = piece.room === "code";
      return [
        {
          piece,
          relocation,
          howto,
          form,
          insnAddend: hexValue(relocation.insnAddend),
          targetAddend: hexValue(relocation.targetAddend),
          isBranch: howto.role === "branch" || (isCode && isBranchField(arch, howto, piece.bytes, relocation.offset)),
        },
      ];
    });
  });
}

/** Tells whether the same section has a lower half for the same symbol. */
function lowerTest({ link }: Arch, relocations: readonly CodeRelocation[]): (relocation: CodeRelocation) => boolean {
  const key = ({ section, symbol }: CodeRelocation): string => `${section}\0${symbol}`;
  const known = new Map<RegExp, ReadonlySet<string>>();
  return (relocation) => {
    const low = link.halves.find(({ high }) => high.test(relocation.howto))?.low;
    if (low === undefined) return false;
    let keys = known.get(low);
    if (keys === undefined) {
      keys = new Set(relocations.filter(({ howto }) => low.test(howto)).map(key));
      known.set(low, keys);
    }
    return keys.has(key(relocation));
  };
}

const SLOT_VALUES = new Set([
  "slot",
  "page-slot",
  "thread-pointer-slot",
  "thread-pair",
  "thread-module-pair",
  "thread-descriptor",
]);

/** Makes room for slots and stubs, before anything has its address. */
export function reserve(scene: Scene): void {
  if (scene.program.arch.load.ownGot) checkPointers(scene);
  for (const job of scene.jobs) {
    if (SLOT_VALUES.has(job.form.value)) {
      slotOffset(scene, job);
      if (job.form.value === "thread-descriptor") scene.stubs.reserveResolver();
    } else if (job.isBranch) {
      const what = meaningOf(scene, job);
      if (what.kind === "import") scene.stubs.reserve(job.relocation.symbol, () => what);
    }
  }
}

/** Code that counts from $gp, or the TOC pointer, must set it itself where new code has a GOT of its own. Cold parts have it from their function. */
function checkPointers({ program, jobs, meanings }: Scene): void {
  const setting = new Set<Piece>();
  for (const { piece, relocation, form } of jobs)
    if (form.from === "symbol" || meanings.isPointer(piece.change, relocation.symbol)) setting.add(piece);
  for (const { piece, form, howto } of jobs) {
    if (form.from !== "toc" || piece.room !== "code" || setting.has(piece) || /\.cold\b/.test(piece.label)) continue;
    refuse(program.file, `${howto.name} in ${piece.label} counts from a pointer that its callers set`);
  }
}

function slotOffset(scene: Scene, job: Job): number {
  const { slots, meanings } = scene;
  const { form, piece, relocation, targetAddend } = job;
  const { change, label } = piece;
  // The lower half of a function's own address is that of the new one.
  if (form.value === "page-slot" && isInside(piece, relocation))
    return slots.offsetOf(form.value, `${label} itself`, targetAddend, () => meaningOf(scene, job));
  const addend = form.value === "thread-module-pair" ? 0n : targetAddend;
  return slots.offsetOf(form.value, relocation.symbol, addend, () =>
    meanings.meaning(change, relocation.symbol, form.value !== "page-slot" || targetAddend === 0n),
  );
}

function meaningOf({ meanings }: Scene, { piece, relocation, isBranch, targetAddend, form }: Job): Meaning {
  const isTaken = !isBranch && !form.isLowOfHigh && form.change === undefined && targetAddend === 0n;
  return meanings.meaning(piece.change, relocation.symbol, isTaken && !isInside(piece, relocation));
}

/** A reference of a function to itself that counts from its start: a jump table, the distance of its TOC. */
function isInside(piece: Piece, { symbol }: CodeRelocation): boolean {
  return piece.room === "code" && piece.label === symbol;
}

/** Resolves every relocation in the pieces' contents; what only the dynamic linker can do goes to `records`. */
export function relocate(scene: Scene): void {
  for (const job of scene.jobs) resolve(scene, job);
}

function resolve(scene: Scene, job: Job): void {
  const { program, meanings } = scene;
  const { piece, relocation, howto, form } = job;
  const { arch } = program;
  const { offset } = relocation;
  const place = (meanings.places.get(piece.label) ?? 0n) + BigInt(offset);
  const order = fieldOrder(arch, howto);
  if (form.value === "symbol" && form.from === "zero" && !form.isLowOfHigh && form.change === undefined) {
    const what = meaningOf(scene, job);
    if (isWord(arch, howto)) {
      writeWord(scene, job, place, what);
      return;
    }
    const isDistance = meanings.symbol(piece.change, relocation.symbol)?.name === GP_DISTANCE;
    const moves = (what.kind !== "address" || !what.isAbsolute) && !isDistance;
    if (moves && !program.isFixed && !isLow(howto))
      refuse(program.file, `${howto.name} in ${piece.label} needs an address that is known only when the program runs`);
  }
  if (form.from === "zero" && SLOT_VALUES.has(form.value) && !program.isFixed && !isLow(howto))
    refuse(program.file, `${howto.name} in ${piece.label} needs an address that is known only when the program runs`);
  let value = fieldValue(scene, job, place);
  if (form.change !== undefined) {
    const sign = form.change === "subtract" ? -1n : 1n;
    value = readUnsigned(piece.bytes, offset, howto, order) + sign * value;
  }
  if (job.isBranch && arch.load.changeMode !== null) value = changeMode(scene, job, value);
  checkFits(program, job, value);
  writeField(piece.bytes, offset, howto, order, value);
  if (job.isBranch && arch.load.afterStub !== null) restoreToc(scene, job, arch.load.afterStub);
}

/** Behind a call through a stub the TOC pointer must be got back, in place of the no-op that compilers leave there. */
function restoreToc(scene: Scene, job: Job, { nop, restore, calls }: AfterStub): void {
  const { program } = scene;
  const { piece, relocation, howto } = job;
  const what = meaningOf(scene, job);
  if (what.kind === "thread" || (what.kind === "address" && !what.isStub)) return;
  const view = new DataView(piece.bytes.buffer, piece.bytes.byteOffset, piece.bytes.length);
  const little = program.arch.instructionData === "lsb";
  const next = relocation.offset + howto.size;
  const isCall = calls.test(howto.name) && next + 4 <= piece.bytes.length;
  if (!isCall || ![nop, restore].includes(view.getUint32(next, little)))
    refuse(program.file, `${piece.label} leaves no room behind its call of ${relocation.symbol} to restore r2`);
  view.setUint32(next, restore, little);
}

function readUnsigned(bytes: Uint8Array, offset: number, { size }: Howto, order: "lsb" | "msb"): bigint {
  let value = 0n;
  for (let i = 0; i < size; i++) {
    const at = order === "lsb" ? size - 1 - i : i;
    value = (value << 8n) | BigInt(bytes[offset + at] as number);
  }
  return value;
}

/** What goes into the field, unshifted. */
function fieldValue(scene: Scene, job: Job, place: bigint): bigint {
  const { program, meanings } = scene;
  const { form, relocation, insnAddend, targetAddend } = job;
  const { arch } = program;
  if (form.isLowOfHigh) return valueOfHigh(scene, job);
  let value: bigint;
  switch (form.value) {
    case "symbol":
      value = targetOf(scene, job, place) + insnAddend;
      break;
    case "got":
      value = (meanings.got ?? meanings.programGot) + targetAddend + insnAddend;
      break;
    case "toc":
      value = meanings.toc + insnAddend + (form.from === "symbol" ? 0n : targetAddend);
      break;
    case "size":
      value = BigInt(meanings.symbol(job.piece.change, relocation.symbol)?.size ?? 0) + targetAddend + insnAddend;
      break;
    case "thread-pointer":
      value = threadDistance(program, threadOffset(scene, job)) + insnAddend;
      break;
    case "thread-module":
      value = threadOffset(scene, job) - arch.load.threads.moduleBias + insnAddend;
      break;
    default:
      value = scene.slotsAt + BigInt(slotOffset(scene, job)) + insnAddend;
  }
  switch (form.from) {
    case "zero":
      return value;
    case "place":
      return value - place;
    case "page":
      return (value & ~0xfffn) - (place & ~0xfffn);
    case "got":
      return value - (meanings.got ?? meanings.programGot);
    case "got-page":
      return value - ((meanings.got ?? meanings.programGot) & ~0xfffn);
    case "toc":
      return value - meanings.toc;
    case "symbol":
      return value - targetOf(scene, job, place);
  }
}

/** MIPS: the distance of $gp from the code that asks for it. System V ABI, MIPS supplement, "_gp_disp". */
const GP_DISTANCE = "_gp_disp";

/** The address that is meant, with its addend: of a function's code, where it enters. */
function targetOf(scene: Scene, job: Job, place: bigint): bigint {
  const { program, stubs, meanings } = scene;
  const { isBranch, targetAddend, relocation, piece } = job;
  const what = meaningOf(scene, job);
  const name = meanings.symbol(piece.change, relocation.symbol)?.name ?? "";
  if (what.kind === "import") {
    const stub = isBranch ? stubs.addressOf(relocation.symbol) : undefined;
    if (stub !== undefined) return stub + targetAddend;
    refuse(program.file, `no value is known of ${name}, which the program imports in another way`);
  }
  if (what.kind === "thread") refuse(program.file, `${job.howto.name} cannot give the thread-local ${name}`);
  if (name === GP_DISTANCE) return what.address + targetAddend - place + (job.howto.role === "low" ? 4n : 0n);
  if (isBranch) return what.address + what.localEntry + targetAddend;
  return (what.address + targetAddend) | what.tag;
}

function threadOffset(scene: Scene, job: Job): bigint {
  const what = meaningOf(scene, job);
  const { program } = scene;
  if (what.kind !== "thread" || what.offset === undefined || what.lookup !== undefined)
    refuse(program.file, `the offset of the thread-local ${job.relocation.symbol} is known only when the program runs`);
  return what.offset + job.targetAddend;
}

/** The value of the upper half at the place that a lower half names. RISC-V psABI, "PC-Relative Symbol Addresses". */
function valueOfHigh(scene: Scene, { piece, relocation, targetAddend }: Job): bigint {
  const { meanings, program } = scene;
  const symbol = meanings.symbol(piece.change, relocation.symbol);
  const at = BigInt(symbol?.offset ?? 0) + targetAddend;
  const section = symbol?.section ?? piece.label;
  const high = highJobs(scene).get(`${section}+${at}`);
  if (high === undefined) refuse(program.file, `${relocation.howto} in ${piece.label} names no upper half`);
  return fieldValue(scene, high, (meanings.places.get(high.piece.label) ?? 0n) + BigInt(high.relocation.offset));
}

const highs = new WeakMap<readonly Job[], ReadonlyMap<string, Job>>();

function highJobs({ jobs }: Scene): ReadonlyMap<string, Job> {
  let found = highs.get(jobs);
  if (found === undefined) {
    const upper = jobs.filter(({ form, howto }) => !form.isLowOfHigh && howto.pcrel && howto.rightshift > 0);
    found = new Map(upper.map((job) => [`${job.piece.label}+${job.relocation.offset}`, job]));
    highs.set(jobs, found);
  }
  return found;
}

/** A call to code of the other instruction set. */
function changeMode(scene: Scene, job: Job, value: bigint): bigint {
  const { program } = scene;
  const what = meaningOf(scene, job);
  const isTagged = what.kind === "address" && what.tag === 1n;
  const changed = program.arch.load.changeMode?.(
    job.piece.bytes,
    job.relocation.offset,
    job.howto.unit,
    isTagged,
    value,
  );
  if (changed !== undefined) return changed;
  refuse(program.file, `${job.piece.label} jumps to ${job.relocation.symbol}, which is of the other instruction set`);
}

/** A whole address in data. */
function isWord(arch: Arch, howto: Howto): boolean {
  return (
    howto.role === "address" && !howto.pcrel && !howto.insn && howto.size === arch.class / 8 && howto.bits === undefined
  );
}

function writeWord({ program, records }: Scene, job: Job, place: bigint, what: Meaning): void {
  const { piece, relocation, howto, insnAddend, targetAddend } = job;
  const { value, record } = wordOf(program, what, insnAddend + targetAddend);
  if (record !== undefined) {
    if (piece.room !== "data" && piece.room !== "in-place")
      refuse(
        program.file,
        `${piece.label} holds an address that is known only when the program runs, and cannot be written then`,
      );
    records.push({ ...record, address: place });
  }
  writeField(piece.bytes, relocation.offset, howto, fieldOrder(program.arch, howto), value);
}

/** Types that store the low bits of a value that others store the rest of. */
function isLow({ role, name }: Howto): boolean {
  return role === "low" || /(_NC|LO12(_[IS])?|_LO|_LO16|_LO_DS|LO1[0-9](_NC)?)$/.test(name);
}

function checkFits({ arch, file }: Program, { howto, piece, relocation }: Job, value: bigint): void {
  if (
    isLow(howto) ||
    (howto.encoding !== undefined && howto.encoding !== "thumb-branch" && howto.encoding !== "paired")
  )
    return;
  const width =
    howto.bits?.reduce((sum, [, count]) => sum + count, 0) ?? howto.mask.toString(2).replaceAll("0", "").length;
  const shift = howto.rightshift;
  if (width + shift >= arch.class) return;
  const whole = BigInt.asIntN(arch.class, value);
  const stored = (whole + (howto.rounding ?? 0n)) >> BigInt(shift);
  const fitsSigned = BigInt.asIntN(width, stored) === stored;
  const fitsUnsigned =
    !howto.signed && !howto.pcrel && BigInt.asUintN(width, stored) === BigInt.asUintN(arch.class, stored);
  const isJump = howto.role === "branch" && arch.link.jumpsInRegion && !howto.pcrel;
  if (!fitsSigned && !fitsUnsigned && !isJump)
    refuse(file, `${howto.name} at ${piece.label}${signedHex(relocation.offset)} does not reach ${relocation.symbol}`);
  const lost =
    howto.pcrel && howto.role === "branch" && shift > 0 && shift < 3 && (whole & ((1n << BigInt(shift)) - 1n)) !== 0n;
  if (lost) refuse(file, `${howto.name} at ${piece.label}${signedHex(relocation.offset)} leads between instructions`);
}
