/*
 * Where an instruction has no room for an address, two hold it: `adrp x0, v` and `add x0, x0, :lo12:v`. Either half by itself fits
 * many addresses; both halves that refer to the same thing make one.
 */
import type { Arch } from "../arch/arch.ts";
import { fieldOrder, readField } from "../arch/field.ts";
import type { SpanRelocation } from "../spans/span.ts";

/** Relocation types of the upper and of the lower half, whose values add up to the address. */
interface Halves {
  readonly high: RegExp;
  readonly low: RegExp;
  /** The upper half counts from the instruction's own page of this size. */
  readonly page?: bigint;
}

const MIPS_HALVES: Halves = { high: /^R_MIPS_HI16$/, low: /^R_MIPS_LO16$/ };

/** By architecture. AAELF64 5.7.6, AAELF32 4.6.1.6, MIPS ABI supplement chapter 4, RISC-V psABI chapter 8. */
const HALVES: Readonly<Record<string, Halves>> = {
  aarch64: {
    high: /^R_AARCH64_ADR_PREL_PG_HI21(_NC)?$/,
    low: /^R_AARCH64_(ADD_ABS|LDST\d+_ABS)_LO12_NC$/,
    page: 0x1000n,
  },
  arm: { high: /^R_ARM_(THM_)?MOVT_ABS$/, low: /^R_ARM_(THM_)?MOVW_ABS_NC$/ },
  mips: MIPS_HALVES,
  mipsel: MIPS_HALVES,
  riscv64: { high: /^R_RISCV_HI20$/, low: /^R_RISCV_LO12_[IS]$/ },
};

/** A whole address, and the relocation that tells of what; while only the upper half is known, that. */
interface Half {
  readonly relocation: SpanRelocation;
  readonly address: bigint;
}

/** Collects the halves of one span in the order of its relocations. */
export class HalfAddresses {
  readonly #arch: Arch;
  readonly #halves: Halves | undefined;
  readonly #high = new Map<string, bigint>();
  readonly #low = new Map<string, bigint>();
  /** RISC-V: the upper halves by the offset of their instruction, which the lower half names. */
  readonly #byPlace = new Map<number, Half>();

  constructor(arch: Arch) {
    this.#arch = arch;
    this.#halves = HALVES[arch.name];
  }

  /** The whole address once the other half is there as well; undefined before, and for fields that are no half. */
  take(relocation: SpanRelocation, run: Uint8Array, index: number, place: bigint): Half | undefined {
    if (relocation.howto.name.startsWith("R_RISCV_PCREL_")) return this.#takePlaced(relocation, run, index, place);
    const address = this.#takeNamed(relocation, run, index, place);
    return address === undefined ? undefined : { relocation, address };
  }

  /** `auipc` refers to the thing, the instruction behind it to the `auipc`. RISC-V psABI, "PC-Relative Symbol Addresses". */
  #takePlaced(relocation: SpanRelocation, run: Uint8Array, index: number, place: bigint): Half | undefined {
    const { howto, offset, targetOffset } = relocation;
    const field = readField(run, index, howto, fieldOrder(this.#arch, howto));
    if (howto.name === "R_RISCV_PCREL_HI20") {
      this.#byPlace.set(offset, { relocation, address: field + place });
      return undefined;
    }
    const high = this.#byPlace.get(targetOffset);
    if (high === undefined) return undefined;
    return { relocation: high.relocation, address: BigInt.asUintN(this.#arch.class, high.address + field) };
  }

  #takeNamed(relocation: SpanRelocation, run: Uint8Array, index: number, place: bigint): bigint | undefined {
    const { howto, target, targetOffset, symbol, targetAddend } = relocation;
    const halves = this.#halves;
    if (halves === undefined || (howto.role !== "page" && howto.role !== "low")) return undefined;
    const isHigh = halves.high.test(howto.name);
    if (!isHigh && !halves.low.test(howto.name)) return undefined;
    const key = target === undefined ? `${symbol?.index} ${targetAddend}` : `#${target.id} ${targetOffset}`;
    const field = readField(run, index, howto, fieldOrder(this.#arch, howto));
    const base = isHigh && halves.page !== undefined ? place - (place % halves.page) : 0n;
    (isHigh ? this.#high : this.#low).set(key, BigInt.asIntN(64, field + base));
    const high = this.#high.get(key);
    const low = this.#low.get(key);
    if (high === undefined || low === undefined) return undefined;
    return BigInt.asUintN(this.#arch.class, this.#arch.name === "arm" ? high + BigInt.asUintN(16, low) : high + low);
  }
}
