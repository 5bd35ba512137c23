/*
 * Where an instruction has no room for an address, two hold it: `adrp x0, v` and `add x0, x0, :lo12:v`. Either half by itself fits
 * many addresses; both halves that refer to the same thing make one.
 */
import type { Arch } from "../../arch/arch.ts";
import { fieldOrder, readField } from "../../arch/field.ts";
import type { AddressHalves, ThreadUse } from "../../arch/link.ts";
import { STB } from "../../elf/constants.ts";
import type { SpanRelocation } from "../../spans/span.ts";

/** A whole address, and the relocation that tells of what; while only the upper half is known, that. */
export interface Half {
  readonly relocation: SpanRelocation;
  readonly address: bigint;
  /** Whether the address is that of the thing's slot in the GOT. */
  readonly slot?: true | undefined;
  /** What it says of a thread-local, if the thing is one. */
  readonly thread?: ThreadUse | undefined;
}

/** The same for both halves of one address. */
export function namesThing({ target, targetOffset, symbol, targetAddend }: SpanRelocation): string {
  return target === undefined ? `${symbol?.index} ${targetAddend}` : `#${target.id} ${targetOffset}`;
}

/** RISC-V: the types whose lower half names the place of the upper one. */
const PLACED = /^R_RISCV_(PCREL_(HI20|LO12_[IS])|GOT_HI20|TLS_(GOT|GD)_HI20)$/;
const PLACED_HIGH = /^R_RISCV_(PCREL|GOT|TLS_GOT|TLS_GD)_HI20$/;
/** What such an upper half leads to, where that is the slot of a thread-local. */
export const PLACED_THREADS: ReadonlyMap<string, ThreadUse> = new Map([
  ["R_RISCV_TLS_GOT_HI20", "slot"],
  ["R_RISCV_TLS_GD_HI20", "pair"],
]);

/** Collects the halves of one span in the order of its relocations. */
export class HalfAddresses {
  readonly #arch: Arch;
  readonly #halves: readonly AddressHalves[];
  readonly #toc: () => bigint | undefined;
  readonly #pageAt: (distance: bigint) => bigint | undefined;
  readonly #high = new Map<string, bigint>();
  readonly #low = new Map<string, bigint>();
  readonly #highFields = new Map<string, SpanRelocation>();
  /** RISC-V: the upper halves by the offset of their instruction, which the lower half names. */
  readonly #byPlace = new Map<number, Half>();

  /** `pageAt` reads the address in the slot at a distance from the global pointer. `toc` gives what the TOC pointer holds, where the architecture has one. */
  constructor(
    arch: Arch,
    toc: () => bigint | undefined = () => undefined,
    pageAt: (distance: bigint) => bigint | undefined = () => undefined,
  ) {
    this.#arch = arch;
    this.#pageAt = pageAt;
    this.#halves = arch.link.halves;
    this.#toc = toc;
  }

  /** The whole address once the other half is there as well; undefined before, and for fields that are not halves. */
  take(relocation: SpanRelocation, run: Uint8Array, index: number, place: bigint): Half | undefined {
    if (PLACED.test(relocation.howto.name)) return this.#takePlaced(relocation, run, index, place);
    return this.#takeNamed(relocation, run, index, place);
  }

  /** `auipc` refers to the thing, the instruction behind it to the `auipc`. RISC-V psABI, "PC-Relative Symbol Addresses". */
  #takePlaced(relocation: SpanRelocation, run: Uint8Array, index: number, place: bigint): Half | undefined {
    const { howto, offset, targetOffset } = relocation;
    const field = readField(run, index, howto, fieldOrder(this.#arch, howto));
    if (PLACED_HIGH.test(howto.name)) {
      const slot = howto.role === "got" ? true : undefined;
      this.#byPlace.set(offset, { relocation, address: field + place, slot, thread: PLACED_THREADS.get(howto.name) });
      return undefined;
    }
    const high = this.#byPlace.get(targetOffset);
    if (high === undefined) return undefined;
    return { ...high, address: BigInt.asUintN(this.#arch.class, high.address + field) };
  }

  #takeNamed(relocation: SpanRelocation, run: Uint8Array, index: number, place: bigint): Half | undefined {
    const { howto, symbol, targetAddend, offset } = relocation;
    if (howto.role !== "page" && howto.role !== "low" && howto.role !== "got" && howto.role !== "tls") return undefined;
    const halves = this.#halves.find(({ high, low }) => high.test(howto.name) || low.test(howto.name));
    if (halves === undefined) return undefined;
    const isHigh = halves.high.test(howto.name);
    // With a symbol of its own the slot is not that of a page. MIPS ABI supplement, "Relocation", R_MIPS_GOT16.
    if (howto.name === "R_MIPS_GOT16" && symbol?.bind !== STB.LOCAL) return undefined;
    const inPage = isHigh && howto.role === "got" && halves.page === undefined && !halves.slot;
    const addend = halves.fromHigh ? targetAddend - BigInt(offset) : targetAddend;
    const own = halves.fromHigh ? `${symbol?.index} ${addend}` : namesThing(relocation);
    const key = `${halves.slot ? "slot " : ""}${halves.thread ?? ""} ${own}`;
    const read = readField(run, index, howto, fieldOrder(this.#arch, howto));
    const field = isHigh ? read : lowHalf(read, halves.lowBits);
    // MIPS: the distance of the GOT pointer from the first of the two. MIPS ABI supplement, _gp_disp.
    const isDistance = symbol?.name === "_gp_disp";
    const base = isHigh ? (isDistance ? place : this.#baseOf(halves, place)) : 0n;
    const upper = inPage ? this.#pageAt(field) : field;
    if (base === undefined || upper === undefined) return undefined;
    if (isHigh) this.#highFields.set(key, relocation);
    (isHigh ? this.#high : this.#low).set(key, BigInt.asIntN(64, upper + base));
    const high = this.#high.get(key);
    const low = this.#low.get(key);
    if (high === undefined || low === undefined) return undefined;
    const address = BigInt.asUintN(this.#arch.class, high + low);
    const named = halves.fromHigh ? (this.#highFields.get(key) as SpanRelocation) : relocation;
    return { relocation: named, address, slot: halves.slot, thread: halves.thread };
  }

  /** What an upper half counts from. */
  #baseOf({ page, toc, fromHigh }: AddressHalves, place: bigint): bigint | undefined {
    if (toc) return this.#toc();
    if (fromHigh) return place;
    return page === undefined ? 0n : place - (place % page);
  }
}

/** The lower half of a pair as it is added. */
function lowHalf(field: bigint, how: AddressHalves["lowBits"]): bigint {
  if (how === "as-read") return field;
  return how === "signed" ? BigInt.asIntN(16, field) : BigInt.asUintN(16, field);
}
