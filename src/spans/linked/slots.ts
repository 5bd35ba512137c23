import type { Arch } from "../../arch/arch.ts";
import type { LocalGot } from "../../arch/linked.ts";
import { howtoOf } from "../../arch/registry.ts";
import { ET, SHF } from "../../elf/constants.ts";
import { type DynamicRelocation, readDynamicRelocations } from "../../elf/dynamic.ts";
import type { ElfObject, Section } from "../../elf/object.ts";
import { type MipsGot, readMipsGot } from "./mips-got.ts";

/** A place in a section. */
export interface Place {
  readonly section: Section;
  readonly offset: number;
}

/** Finds the place that an address of the image means. */
export type PlaceAt = (address: number) => Place | undefined;

/** What a slot of the GOT, or another word that the loader fills, stands for. */
export type Meaning =
  /** A symbol that the loader looks up. */
  | { readonly kind: "name"; readonly name: string; readonly addend: bigint }
  | {
      readonly kind: "address";
      readonly address: number /** A stub branches there by itself. */;
      readonly direct?: true;
    }
  /** A thread-local of the image, by its offset in the image's thread-locals. */
  | { readonly kind: "thread"; readonly offset: number }
  | { readonly kind: "number"; readonly value: bigint };

/** Sections of slots, as linkers call them; ELFv2 ABI for `.plt` that holds no code, gABI for the others. */
const SLOT_SECTION = /^\.(got|igot|toc|plt|iplt|branch_lt)(\.|$)/;

/** Sections of thread-locals in order of address. */
export function threadSections(object: ElfObject): Section[] {
  return object.sections
    .filter(({ flags }) => (flags & SHF.TLS) !== 0n && (flags & SHF.ALLOC) !== 0n)
    .sort((a, b) => Number(a.addr - b.addr));
}

/** What the second word of a pair lacks to the offset: dtv pointers point into the middle of what 16-bit distances reach. */
export function moduleBias({ family }: Arch): number {
  return family === "power" || family === "mips" ? 0x8000 : family === "riscv" ? 0x800 : 0;
}

/** The word of the object's class at an offset of a section; 0 where it does not lie in the section's bytes. */
export function readWord(object: ElfObject, { bytes }: Section, offset: number): bigint {
  const size = object.class / 8;
  if (offset < 0 || offset + size > bytes.length) return 0n;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = object.data === "lsb";
  return size === 8 ? view.getBigUint64(offset, little) : BigInt(view.getUint32(offset, little));
}

/** The words that the loader fills, and those that linking filled, in sections of slots. */
export class Slots {
  readonly relocations: readonly DynamicRelocation[];
  readonly copies = new Map<number, string>();
  readonly lazyStubs = new Map<number, string>();
  readonly #object: ElfObject;
  readonly #arch: Arch;
  readonly #placeAt: PlaceAt;
  readonly #byAddress = new Map<number, { readonly relocation: DynamicRelocation; readonly type: string }>();
  readonly #bySymbol = new Set<number>();
  readonly #gotSection: Section | undefined;
  readonly #mips: MipsGot | undefined;
  readonly #fromThreadPointer: (offset: number) => number;

  constructor(
    object: ElfObject,
    arch: Arch,
    placeAt: PlaceAt,
    got: number | undefined,
    fromThreadPointer: (offset: number) => number,
  ) {
    this.#object = object;
    this.#arch = arch;
    this.#placeAt = placeAt;
    this.#fromThreadPointer = fromThreadPointer;
    const pointed = got === undefined ? undefined : placeAt(got)?.section;
    this.#gotSection = pointed !== undefined && (pointed.flags & SHF.EXECINSTR) === 0n ? pointed : undefined;
    this.relocations = readDynamicRelocations(object).map((relocation) => this.#withAddend(relocation));
    this.#mips =
      arch.family === "mips" ? readMipsGot(object, (section, at) => readWord(object, section, at)) : undefined;
    if (this.#mips !== undefined) this.#readLazyStubs(this.#mips);
    for (const relocation of this.relocations) {
      const address = Number(relocation.address);
      const type = howtoOf(arch, relocation.type).name;
      if (/_COPY$/.test(type)) this.copies.set(address, relocation.name);
      else this.#byAddress.set(address, { relocation, type });
      if (/_(GLOB_DAT|JU?MP_SLOT)$/.test(type)) this.#bySymbol.add(address);
    }
  }

  /** REL keeps its addend in the field. */
  #withAddend(relocation: DynamicRelocation): DynamicRelocation {
    if (relocation.rela) return relocation;
    const type = howtoOf(this.#arch, relocation.type).name;
    if (/_(COPY|GLOB_DAT|JU?MP_SLOT)$|DTPMOD/.test(type)) return relocation;
    return { ...relocation, addend: this.#wordAt(Number(relocation.address)) ?? 0n };
  }

  #wordAt(address: number): bigint | undefined {
    const place = this.#placeAt(address);
    return place === undefined ? undefined : readWord(this.#object, place.section, place.offset);
  }

  isSlot(address: number): boolean {
    if (this.#bySymbol.has(address)) return true;
    const section = this.#placeAt(address)?.section;
    if (section === undefined || (section.flags & SHF.EXECINSTR) !== 0n) return false;
    if (address % (this.#object.class / 8) !== 0) return false;
    return SLOT_SECTION.test(section.name) || section === this.#gotSection;
  }

  isThreadSlot(address: number): boolean {
    return this.isSlot(address) && /DTPMOD|TLS_?DESC|GOTDESC/.test(this.#byAddress.get(address)?.type ?? "");
  }

  isModuleSlot(address: number): boolean {
    const known = this.#byAddress.get(address);
    if (known === undefined || known.relocation.name !== "" || !/DTPMOD/.test(known.type)) return false;
    const second = address + this.#object.class / 8;
    return !this.#byAddress.has(second) && this.#wordAt(second) === 0n;
  }

  isDynamic(address: number): boolean {
    return this.#byAddress.has(address);
  }

  meaningAt(address: number): Meaning | undefined {
    return this.isSlot(address) ? this.wordMeaning(address) : undefined;
  }

  wordMeaning(address: number): Meaning | undefined {
    const known = this.#byAddress.get(address);
    if (known === undefined) return this.#mipsMeaning(address) ?? this.#written(address);
    const { relocation, type } = known;
    const { name, addend } = relocation;
    if (name !== "") return { kind: "name", name, addend };
    if (/DTPMOD/.test(type)) {
      const second = address + this.#object.class / 8;
      const paired = this.#byAddress.get(second)?.relocation;
      if (paired !== undefined && paired.name !== "") return { kind: "name", name: paired.name, addend: paired.addend };
      // What a relocation adds is the offset; only a word that linking filled lacks the bias.
      if (paired !== undefined)
        return { kind: "thread", offset: Number(BigInt.asIntN(this.#object.class, paired.addend)) };
      const word = BigInt.asIntN(this.#object.class, this.#wordAt(second) ?? 0n);
      return { kind: "thread", offset: Number(word) + moduleBias(this.#arch) };
    }
    if (/TLS_?DESC/.test(type)) return { kind: "thread", offset: Number(addend) };
    if (/TP_?OFF|TPREL/.test(type)) {
      // The addend counts from the first thread-local but on i386, whose field already counts from the thread pointer.
      return { kind: "thread", offset: Number(addend) };
    }
    return { kind: "address", address: Number(addend) };
  }

  get localGot(): LocalGot | undefined {
    if (this.#mips === undefined) return undefined;
    const { start, locals } = this.#mips;
    const size = this.#object.class / 8;
    return { from: start, to: start + locals * size, size };
  }

  /** Where the GOT of MIPS leads to a stub until the loader knows the function. MIPS ABI supplement, "Function Addresses". */
  slotNamed(name: string): number | undefined {
    if (this.#mips === undefined) return undefined;
    const { start, locals, names } = this.#mips;
    const index = names.indexOf(name);
    return index === -1 ? undefined : start + ((locals + index) * this.#object.class) / 8;
  }

  #readLazyStubs({ start, locals, names }: MipsGot): void {
    for (const [i, name] of names.entries()) {
      const stub = Number(this.#wordAt(start + ((locals + i) * this.#object.class) / 8) ?? 0n);
      if (this.#placeAt(stub)?.section.name === ".MIPS.stubs") this.lazyStubs.set(stub, name);
    }
  }

  /** What an entry of the GOT of MIPS is for, which its position tells. */
  #mipsMeaning(address: number): Meaning | undefined {
    if (this.#mips === undefined) return undefined;
    const { start, locals, names } = this.#mips;
    const index = (address - start) / (this.#object.class / 8);
    const name = names[index - locals];
    if (name !== undefined) return { kind: "name", name, addend: 0n };
    const value = Number(this.#wordAt(address) ?? 0n);
    return index >= 0 && index < locals && this.#placeAt(value) !== undefined
      ? { kind: "address", address: value }
      : undefined;
  }

  /** A slot that linking filled for good. */
  #written(address: number): Meaning {
    const word = this.#wordAt(address) ?? 0n;
    const value = Number(BigInt.asIntN(this.#object.class, word));
    if (this.#object.type === ET.EXEC && value >= 0x1000 && this.#placeAt(value) !== undefined)
      return { kind: "address", address: value };
    const offset = this.#fromThreadPointer(value);
    const isThread = value !== 0 && threadSections(this.#object).length > 0 && offset >= 0 && Math.abs(value) < 2 ** 30;
    return isThread ? { kind: "thread", offset } : { kind: "number", value: word };
  }
}
