import type { Arch, Howto } from "../arch/arch.ts";
import { fieldOrder, readField } from "../arch/field.ts";
import { STB, STT } from "../elf/constants.ts";
import type { ElfSymbol } from "../elf/object.ts";
import { hex, signedHex } from "../hex.ts";
import type { RunImage } from "../image/image.ts";
import { isPlaceName } from "../spans/linker-made.ts";
import { numberedBase } from "../spans/names.ts";
import { isCode } from "../spans/section-kind.ts";
import { isEntryPoint, type Span, type SpanRelocation } from "../spans/span.ts";
import { keyName, wrap } from "./addresses.ts";
import type { Mismatch, OffsetMap } from "./compare/mismatch.ts";
import { linkedView } from "./linked-view.ts";
import type { Context, Reference } from "./run-context.ts";
import { bareName, type Through, throughImport } from "./tolerances/imports.ts";
import { PLT_RULE, throughPlt } from "./tolerances/plt.ts";
import { throughVeneer, VENEER_RULE } from "./tolerances/veneers.ts";
import type { Key, Trial } from "./values.ts";
import { isOverridden } from "./weak.ts";

export { keyName, wrap } from "./addresses.ts";
export type { Context } from "./run-context.ts";

export function referenceOf(context: Context, relocation: SpanRelocation): Reference | undefined {
  const { target, symbol, targetAddend } = relocation;
  if (target !== undefined && !isOverridden(context.image, symbol)) {
    return { key: target, offset: BigInt(relocation.targetOffset) };
  }
  if (symbol === undefined || symbol.name === "") return undefined;
  const defined = context.definition(symbol.name);
  if (defined !== undefined) return { key: defined.span, offset: BigInt(defined.offset) + targetAddend };
  return { key: symbol.name, offset: targetAddend };
}

/** The address that a relocated field of the run system stands for, without the addend's share of the instruction; undefined where it does not hold an address. */
export function meantAddress(
  image: RunImage,
  relocation: SpanRelocation,
  bytes: Uint8Array,
  index: number,
  place: bigint,
): bigint | undefined {
  const { howto, insnAddend } = relocation;
  if (howto.role !== "address" && howto.role !== "branch") return undefined;
  if (howto.size === 0) return undefined;
  const { arch } = image;
  const field = readField(bytes, index, howto, fieldOrder(arch, howto));
  if (arch.link.jumpsInRegion && howto.role === "branch" && !howto.pcrel) return inRegion(arch, howto, field, place);
  const counted = howto.pcrel && howto.insn !== true ? countedFromStart(relocation) : 0n;
  const meant = wrap(arch, field - insnAddend - counted + (howto.pcrel ? place : 0n));
  return image.contentBias === 0n ? meant : movedAddress(image, howto.pcrel, meant);
}

/** A MIPS jump stays in the region of the instruction behind it: the field has the lower bits only. MIPS Architecture volume II, J. */
function inRegion(arch: Arch, { rightshift }: Howto, field: bigint, place: bigint): bigint {
  const region = 1n << BigInt(26 + rightshift);
  const next = place + 4n;
  return wrap(arch, next - (next % region) + (BigInt.asUintN(64, field) % region));
}

/**
 * Entries of a jump table count from the table's start, and so their addends have the entry's offset in them, which no target has:
 * how much that is.
 */
function countedFromStart({ symbol, target, targetAddend, targetOffset }: SpanRelocation): bigint {
  if (target === undefined || symbol?.type !== STT.SECTION) return 0n;
  return symbol.value + targetAddend - BigInt(target.offset + targetOffset);
}

/**
 * A file that is looked at where it runs still holds the addresses where it was linked: absolute fields lack the distance, and
 * pc-relative ones to what does not move with it (per-CPU variables, which count from 0) have it in them.
 */
function movedAddress({ arch, memory, contentBias }: RunImage, pcrel: boolean, meant: bigint): bigint {
  const moved = wrap(arch, pcrel ? meant - contentBias : meant + contentBias);
  const first = memory.regions.find(({ start }) => start >= NEAR_ZERO)?.start ?? 0n;
  const last = memory.regions.at(-1);
  // Between the segments there are places that symbols mark, too.
  const inImage = (address: bigint): boolean =>
    address >= first && last !== undefined && address <= last.start + BigInt(last.size);
  if (pcrel) return !inImage(meant) && moved < NEAR_ZERO ? moved : meant;
  return inImage(moved) ? moved : meant;
}

/** Offsets of per-CPU variables are below this. */
const NEAR_ZERO = 1n << 28n;

/** Takes an address for what a relocation refers to into the trial; says what speaks against it. */
export function bindAddress(
  context: Context,
  trial: Trial,
  from: Span,
  relocation: SpanRelocation,
  direct: bigint,
): string | undefined {
  const reference = referenceOf(context, relocation);
  if (reference === undefined) return undefined;
  const through = throughImport(context, trial, relocation, reference, direct);
  if (through !== undefined && "why" in through) return through.why;
  const own = through === undefined ? withoutView(context, trial, relocation, reference, direct) : through;
  if ("why" in own) return own.why;
  const untagged = own.address;
  const { key } = reference;
  // The address of a Thumb or MIPS16 function tells its instruction set in the low bit, and so do those of places in it.
  const isTagged = context.arch.functionTagBit === true && isFunction(key, relocation);
  const meant = isTagged ? untagged - (untagged & 1n) : untagged;
  const offset = isTagged ? reference.offset - (reference.offset & 1n) : reference.offset;
  const base = wrap(context.arch, globalEntry(context, key, relocation, meant) - offset);
  return bind(context, trial, from, relocation, { key, offset }, base, meant);
}

/** Takes the address of a key into the trial: it must be the one that is known, and one that the run system's symbols do not contradict. */
export function bind(
  context: Context,
  trial: Trial,
  from: Span,
  relocation: SpanRelocation,
  { key, offset }: Reference,
  base: bigint,
  meant = base,
): string | undefined {
  if (typeof key !== "string" && isCode(key.kind) && !isEntryPoint(key, Number(offset))) {
    return deferInteriorReference(context, trial, key, Number(offset), meant);
  }
  const known = context.values.get(key) ?? trial.addresses.get(key);
  if (known !== undefined) {
    if (sameAddress(known, base, relocation)) return undefined;
    return `${keyName(key)} would be at ${hex(base)}, but is at ${hex(known)}`;
  }
  if (key === from) return undefined;
  const objection = implausible(context, key, base, relocation);
  if (objection !== undefined) return objection;
  trial.addresses.set(key, base);
  return undefined;
}

/** Where a branch leads in images whose dynamic relocations are not at hand, and through veneers. */
function withoutView(
  context: Context,
  trial: Trial,
  relocation: SpanRelocation,
  reference: Reference,
  direct: bigint,
): Through {
  const hasView = linkedView(context.image) !== undefined;
  const stub = typeof reference.key !== "string" || hasView ? undefined : throughPlt(context, relocation, direct);
  if (stub !== undefined) {
    trial.rules.add(PLT_RULE.name);
    return stub.address === undefined ? { why: undefined } : { address: stub.address };
  }
  const veneer = throughVeneer(context, trial, relocation, reference, direct);
  if (veneer !== undefined) trial.rules.add(VENEER_RULE.name);
  return { address: veneer ?? direct };
}

/** A call inside a ppc64le image goes to the local entry point, behind where the TOC pointer is set; symbols are where the global one is. */
function globalEntry(context: Context, key: Key, { howto }: SpanRelocation, meant: bigint): bigint {
  const { localEntries } = context.arch.link;
  if (localEntries.length === 0 || howto.role !== "branch") return meant;
  if (typeof key !== "string") return isCode(key.kind) ? meant - BigInt(key.localEntry) : meant;
  const known = context.image.symbols.named(key);
  const isKnown = (distance: bigint): boolean => known.some(({ address }) => address + distance === meant);
  if (isKnown(0n)) return meant;
  return meant - (localEntries.find(isKnown) ?? 0n);
}

function isFunction(key: Key, { symbol }: SpanRelocation): boolean {
  return typeof key === "string" ? symbol?.type === STT.FUNC || symbol?.type === STT.NOTYPE : isCode(key.kind);
}

/** Fields of 32 bits of an address of 64 show only its low half. */
function sameAddress(known: bigint, implied: bigint, { howto }: SpanRelocation): boolean {
  if (known === implied) return true;
  return !howto.signed && howto.size === 4 && BigInt.asUintN(32, known) === implied;
}

/** A reference into the middle of code waits until that code is matched, and is translated through its map. Ksplice: kmodsrc/ksplice.c, handle_reloc. */
function deferInteriorReference(
  context: Context,
  trial: Trial,
  span: Span,
  offset: number,
  address: bigint,
): string | undefined {
  const known = context.values.get(span) ?? trial.addresses.get(span);
  if (known === undefined || !context.maps.has(span)) {
    trial.landings.push({ span, offset, address });
    return undefined;
  }
  return interiorConflict(context.maps.get(span), span, offset, Number(BigInt.asIntN(64, address - known)));
}

/** What is wrong with a reference to an offset of a matched span that lands at a run offset. */
export function interiorConflict(
  map: OffsetMap | undefined,
  span: Span,
  offset: number,
  runOffset: number,
): string | undefined {
  const lands = map === undefined ? offset === runOffset : map.has(offset, runOffset);
  if (lands) return undefined;
  return `${span.name}${signedHex(offset)} is not at ${span.name}${signedHex(runOffset)} of the run code`;
}

/** The run system's own symbols speak against an address when they know the name, but not there. */
function implausible(context: Context, key: Key, base: bigint, relocation: SpanRelocation): string | undefined {
  const { symbols } = context.image;
  if (typeof key === "string") {
    const known = symbols.named(bareName(key));
    if (base === 0n && relocation.symbol?.bind === STB.WEAK) return undefined;
    if (known.length === 0 && linkedView(context.image)?.hasAllSymbols && !isPlaceName(key)) {
      return `${key} would be at ${hex(base)}, but the run system has no symbol of that name`;
    }
    if (known.length === 0 || known.some(({ address }) => sameAddress(address, base, relocation))) return undefined;
    return `${key} would be at ${hex(base)}, where the run system has no such symbol`;
  }
  // The numbers of static locals are the compiler's, and may be another's in the run system.
  const symbol = nameOf(context, key);
  if (symbol === undefined || (!isCode(key.kind) && numberedBase(symbol.name) !== undefined)) return undefined;
  const known = symbols.named(symbol.name);
  const place = wrap(context.arch, base + BigInt(key.entry));
  if (known.length === 0 || known.some(({ address }) => sameAddress(address, place, relocation))) return undefined;
  return `${symbol.name} would be at ${hex(place)}, where the run system has no such symbol`;
}

/** The symbol by which the run system knows the start of a span: not a weak one in whose place it has another definition. */
function nameOf({ image }: Context, { symbol, symbols, entry }: Span): ElfSymbol | undefined {
  if (!isOverridden(image, symbol)) return symbol;
  return symbols.find(
    (other) =>
      other.offset === entry && image.symbols.named(other.symbol.name).length > 0 && !isOverridden(image, other.symbol),
  )?.symbol;
}

/** A mismatch at an offset, with up to 16 bytes of both sides. */
export function mismatchAt(
  span: Span,
  offset: number,
  runAddress: bigint,
  run: Uint8Array,
  why: string,
  length = 16,
): Mismatch {
  return { offset, runAddress, pre: span.bytes.slice(offset, offset + length), run: run.slice(0, length), why };
}
