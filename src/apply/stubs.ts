import { fieldOrder, writeField } from "../arch/field.ts";
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
  /** Address of the first one. */
  at = 0n;

  constructor(program: Program, slots: Slots) {
    this.#program = program;
    this.#slots = slots;
  }

  get size(): number {
    return this.#stubs.size * this.#unit;
  }

  get #unit(): number {
    const { stub } = this.#program.arch.load;
    return stub === null ? 0 : Math.ceil((stub.unit * stub.code.length) / ALIGN) * ALIGN;
  }

  reserve(label: string, meaning: () => Meaning): void {
    if (this.#program.arch.load.stub === null)
      refuse(this.#program.file, `the program imports ${label}, but does not call it where that could be seen`);
    if (this.#stubs.has(label)) return;
    this.#stubs.set(label, { offset: this.size, slot: this.#slots.offsetOf("slot", label, 0n, meaning) });
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
  bytes(slotsAt: bigint): Uint8Array {
    const { arch } = this.#program;
    const all = Buffer.alloc(this.size);
    const form = arch.load.stub;
    if (form === null) return all;
    const howtos = new Map([...arch.howtos.values()].map((howto) => [howto.name, howto]));
    for (const { offset, slot } of this.#stubs.values()) {
      for (const [i, unit] of form.code.entries()) {
        const at = offset + i * form.unit;
        if (arch.instructionData === "lsb") all.writeUIntLE(unit, at, form.unit);
        else all.writeUIntBE(unit, at, form.unit);
      }
      for (const field of form.fields) {
        const howto = howtos.get(field.howto);
        if (howto === undefined) continue;
        const place = this.at + BigInt(offset + field.offset);
        const value = slotsAt + BigInt(slot) + field.bias - (howto.pcrel ? place : 0n);
        writeField(all, offset + field.offset, howto, fieldOrder(arch, howto), value);
      }
    }
    return all;
  }
}
