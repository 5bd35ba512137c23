import type { Howto } from "../arch/arch.ts";
import { fieldOrder, writeField } from "../arch/field.ts";
import type { ElfData } from "../elf/object.ts";
import type { Program } from "./program.ts";
import { refuse } from "./refuse.ts";
import type { Slots } from "./slots.ts";
import type { Meaning } from "./values.ts";

const ALIGN = 16;

/** Stubs of new code's own for functions that only the dynamic linker knows: each jumps to the address in a slot. */
export class Stubs {
  readonly #program: Program;
  readonly #slots: Slots;
  readonly #stubs = new Map<string, { readonly offset: number; readonly slot: number }>();
  #hasResolver = false;
  /** Address of the first one. */
  at = 0n;

  constructor(program: Program, slots: Slots) {
    this.#program = program;
    this.#slots = slots;
  }

  get size(): number {
    return this.#stubsSize + (this.#hasResolver ? this.#resolverSize : 0);
  }

  get #stubsSize(): number {
    return this.#stubs.size * this.#unit;
  }

  get #resolverSize(): number {
    const { descriptor } = this.#program.arch.load;
    return descriptor === null ? 0 : descriptor.unit * descriptor.code.length;
  }

  /** Makes room for the function that thread-local descriptors name: behind the stubs. */
  reserveResolver(): void {
    const { arch, file } = this.#program;
    if (arch.load.descriptor === null)
      refuse(file, "new code uses descriptors of thread-locals, which are not made here");
    this.#hasResolver = true;
  }

  get resolverAt(): bigint {
    return this.at + BigInt(this.#stubsSize);
  }

  get #unit(): number {
    const { stub } = this.#program.arch.load;
    return stub === null ? 0 : Math.ceil((stub.unit * stub.code.length) / ALIGN) * ALIGN;
  }

  reserve(label: string, meaning: () => Meaning): void {
    if (this.#program.arch.load.stub === null)
      refuse(this.#program.file, `the program imports ${label}, but does not call it where that could be seen`);
    if (this.#stubs.has(label)) return;
    if (!this.#program.isFixed && this.#program.arch.load.stub?.fields.some(({ isAbsolute }) => isAbsolute))
      refuse(this.#program.file, `a stub for ${label} needs an address that is known only when the program runs`);
    this.#stubs.set(label, { offset: this.#stubsSize, slot: this.#slots.offsetOf("slot", label, 0n, meaning) });
  }

  addressOf(label: string): bigint | undefined {
    const stub = this.#stubs.get(label);
    return stub === undefined ? undefined : this.at + BigInt(stub.offset);
  }

  /** Labels and addresses. */
  list(): { readonly label: string; readonly address: bigint; readonly size: number }[] {
    return [...this.#stubs].map(([label, { offset }]) => ({
      label,
      address: this.at + BigInt(offset),
      size: this.#unit,
    }));
  }

  /** The code of all stubs. */
  bytes(slotsAt: bigint, toc: () => bigint): Uint8Array {
    const { arch } = this.#program;
    const all = Buffer.alloc(this.size);
    const { stub: form, descriptor } = arch.load;
    if (this.#hasResolver && descriptor !== null) writeUnits(all, this.#stubsSize, descriptor, arch.instructionData);
    if (form === null) return all;
    const howtos = new Map([...arch.howtos.values()].map((howto) => [howto.name, howto]));
    for (const { offset, slot } of this.#stubs.values()) {
      writeUnits(all, offset, form, arch.instructionData);
      for (const field of form.fields) {
        const howto = howtos.get(field.howto);
        if (howto === undefined) continue;
        const place = this.at + BigInt(offset + field.offset);
        const target = slotsAt + BigInt(slot) + field.bias;
        const isFromPlace = howto.pcrel || field.fromPlace === true;
        const base = field.fromToc ? toc() : isFromPlace ? place : 0n;
        const value = isOfPages(howto) ? pageOf(target) - pageOf(place) : target - base;
        writeField(all, offset + field.offset, howto, fieldOrder(arch, howto), value);
      }
    }
    return all;
  }
}

/** ADRP of AArch64 counts pages of 4 KiB. */
function isOfPages({ role, pcrel, rightshift, rounding }: Howto): boolean {
  return role === "page" && pcrel && rightshift === 12 && rounding === undefined;
}

function pageOf(address: bigint): bigint {
  return address & ~0xfffn;
}

function writeUnits(
  all: Buffer,
  offset: number,
  { code, unit }: { readonly code: readonly number[]; readonly unit: number },
  order: ElfData,
): void {
  for (const [i, value] of code.entries()) {
    if (order === "lsb") all.writeUIntLE(value, offset + i * unit, unit);
    else all.writeUIntBE(value, offset + i * unit, unit);
  }
}
