import { SHF } from "../../elf/constants.ts";
import type { ElfObject, Section } from "../../elf/object.ts";
import { signExtend, wordAt } from "../linked.ts";

/*
 * What linkers rewrite so that two errors of the Cortex-A53 never show (843419: an ADRP in the last two words of a page, a load or store
 * behind it; 835769: a multiplication behind an access to memory). GNU ld: bfd/elfnn-aarch64.c; lld: ELF/AArch64ErrataFix.cpp.
 */

/** Offsets in a page at which erratum 843419 concerns an ADRP. */
const PAGE = 4096;
const LAST_WORDS = [PAGE - 8, PAGE - 4];

/**
 * A linked image as it would be without the workarounds: ADR of the beginning of a page is the ADRP that it was, and what was moved into
 * a stub stands where the branch to it does. Each means what it meant.
 */
export function withoutErrata(object: ElfObject): ElfObject {
  const code = object.sections.filter(({ flags }) => (flags & SHF.EXECINSTR) !== 0n);
  const changed = new Map<number, Section>();
  for (const section of code) {
    const bytes = restored(section, code);
    if (bytes !== section.bytes) changed.set(section.index, { ...section, bytes });
  }
  if (changed.size === 0) return object;
  return { ...object, sections: object.sections.map((section) => changed.get(section.index) ?? section) };
}

function restored(section: Section, code: readonly Section[]): Uint8Array {
  const { bytes } = section;
  const base = Number(section.addr);
  const found: { readonly at: number; readonly word: number }[] = [];
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const word = wordAt(bytes, at, true);
    if (LAST_WORDS.includes((base + at) % PAGE) && isForm(word, 0x9f000000, 0x10000000)) {
      const page = pageOf(word, base + at);
      if (page !== undefined) found.push({ at, word: page });
    } else if (isForm(word, 0xfc000000, 0x14000000)) {
      const moved = movedTo(base + at, base + at + signExtend(word & 0x3ffffff, 26) * 4, code);
      if (moved !== undefined) found.push({ at, word: moved });
      else for (const stub of stubsBehind(section, at)) found.push({ at: stub, word: NOP });
    }
  }
  if (found.length === 0) return bytes;
  const copy = bytes.slice();
  const view = new DataView(copy.buffer, copy.byteOffset, copy.byteLength);
  for (const { at, word } of found) view.setUint32(at, word, true);
  return copy;
}

function isForm(word: number, mask: number, value: number): boolean {
  return (word & mask) >>> 0 === value >>> 0;
}

/** The ADRP that says what an ADR says; undefined where that is not the beginning of a page. */
function pageOf(word: number, address: number): number | undefined {
  const distance = signExtend(((word >>> 29) & 3) | (((word >>> 5) & 0x7ffff) << 2), 21);
  const target = address + distance;
  if (target % PAGE !== 0) return undefined;
  const pages = target / PAGE - Math.floor(address / PAGE);
  return (0x90000000 | (word & 31) | ((pages & 3) << 29) | (((pages >> 2) & 0x7ffff) << 5)) >>> 0;
}

/** The instruction at the address that a branch leads to, where only the branch back behind this one follows it. */
function movedTo(from: number, to: number, code: readonly Section[]): number | undefined {
  const holder = code.find(({ addr, bytes }) => to >= Number(addr) && to + 8 <= Number(addr) + bytes.length);
  if (holder === undefined) return undefined;
  const at = to - Number(holder.addr);
  const back = wordAt(holder.bytes, at + 4, true);
  if (!isForm(back, 0xfc000000, 0x14000000)) return undefined;
  if (to + 4 + signExtend(back & 0x3ffffff, 26) * 4 !== from + 4) return undefined;
  const word = wordAt(holder.bytes, at, true);
  return isMovable(word) ? word : undefined;
}

const NOP = 0xd503201f;

/**
 * The words of what a linker put behind a branch over it, that included: filler, and stubs of which each leads back behind the
 * instruction that it repeats, or that became a branch to it. None where anything else stands there.
 */
function stubsBehind({ bytes }: Section, at: number): readonly number[] {
  const distance = signExtend(wordAt(bytes, at, true) & 0x3ffffff, 26) * 4;
  if (distance < 12 || at + distance > bytes.length) return [];
  const words = [at];
  let hasStub = false;
  for (let place = at + 4; place < at + distance; place += 4) {
    words.push(place);
    const word = wordAt(bytes, place, true);
    if (word === 0 || word === NOP) continue;
    if (place + 8 > at + distance || !isStub(bytes, place)) return [];
    hasStub = true;
    place += 4;
    words.push(place);
  }
  return hasStub ? words : [];
}

function isStub(bytes: Uint8Array, at: number): boolean {
  const word = wordAt(bytes, at, true);
  const back = wordAt(bytes, at + 4, true);
  if (!isMovable(word) || !isForm(back, 0xfc000000, 0x14000000)) return false;
  const place = at + 4 + signExtend(back & 0x3ffffff, 26) * 4 - 4;
  if (place < 0 || place + 4 > bytes.length) return false;
  const replaced = wordAt(bytes, place, true);
  const isBranch = isForm(replaced, 0xfc000000, 0x14000000);
  return replaced === word || (isBranch && place + signExtend(replaced & 0x3ffffff, 26) * 4 === at);
}

/** Loads and stores with an offset from a register, and multiplications that add: what the workarounds move. Arm ARM, C4.1. */
function isMovable(word: number): boolean {
  return (
    isForm(word, 0x3b000000, 0x39000000) || isForm(word, 0x3a000000, 0x28000000) || isForm(word, 0xff000000, 0x9b000000)
  );
}
