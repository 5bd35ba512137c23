import type { Arch, Howto } from "../../arch/arch.ts";
import { fieldOrder, writeField } from "../../arch/field.ts";
import type { TrampolineForm } from "../../arch/link.ts";

/** A field that waits for the new address. */
interface OpenField {
  readonly offset: number;
  readonly size: number;
  readonly howto: string;
}

/** The bytes of a trampoline; those without an address yet, and the fields it goes into; or why there are none. */
export type TrampolineBytes =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "open"; readonly bytes: Uint8Array; readonly fields: readonly OpenField[] }
  | { readonly kind: "far"; readonly reach: bigint }
  | { readonly kind: "none" };

/** What the trampoline's place and aim are. */
export interface Jump {
  readonly from: bigint;
  /** Undefined while it is not known. */
  readonly to: bigint | undefined;
  /** Bytes that are written. */
  readonly size: number;
  /** Whether the old function is Thumb code. */
  readonly isThumb: boolean;
}

/** The jump from an old function to its new code. */
export function trampoline(arch: Arch, { from, to, size, isThumb }: Jump): TrampolineBytes {
  const form = formOf(arch, isThumb);
  if (form === null || size !== form.unit * form.code.length) return { kind: "none" };
  const bytes = unitsOf(arch, form, form.code, size);
  const fields = form.fields.map((field) => ({ ...field, meaning: howtoNamed(arch, field.howto) }));
  if (to === undefined) {
    const open = fields.map(({ offset, howto, meaning }) => ({ offset, size: meaning.size, howto }));
    return { kind: "open", bytes, fields: open };
  }
  const distance = BigInt.asIntN(arch.class, to - from);
  const reach = form.reach ?? arch.trampoline.reach;
  for (const { offset, meaning, bias = 0n, isAbsolute } of fields) {
    const value = isAbsolute ? BigInt.asIntN(arch.class, to) : distance + bias;
    const isFar = isAbsolute ? BigInt.asIntN(32, value) !== value : value >= reach || value < -reach;
    // The lower half of an address follows in another field.
    const unit = isAbsolute || meaning.rounding !== undefined ? 0 : meaning.rightshift;
    if (isFar || value % (1n << BigInt(unit)) !== 0n) return { kind: "far", reach };
    writeField(bytes, offset, meaning, fieldOrder(arch, meaning), value);
  }
  return { kind: "bytes", bytes };
}

/** What is written over a function that is gone: traps, wherever it is. */
export function trapBytes(arch: Arch, size: number, isThumb: boolean): Uint8Array | undefined {
  const form = formOf(arch, isThumb);
  if (form === null) return undefined;
  return unitsOf(arch, form, form.trap, size);
}

function formOf({ link }: Arch, isThumb: boolean): TrampolineForm | null {
  return isThumb ? (link.taggedTrampoline ?? link.trampoline) : link.trampoline;
}

/** The units one behind the other, again and again as long as there is room. */
function unitsOf(arch: Arch, { unit }: TrampolineForm, units: readonly number[], size: number): Uint8Array {
  const bytes = Buffer.alloc(size);
  for (let at = 0, index = 0; at + unit <= size; at += unit, index++) {
    const value = units[index % units.length] as number;
    if (arch.instructionData === "lsb") bytes.writeUIntLE(value, at, unit);
    else bytes.writeUIntBE(value, at, unit);
  }
  return Uint8Array.from(bytes);
}

const named = new WeakMap<Arch, ReadonlyMap<string, Howto>>();

function howtoNamed(arch: Arch, name: string): Howto {
  let names = named.get(arch);
  if (names === undefined) {
    names = new Map([...arch.howtos.values()].map((howto) => [howto.name, howto]));
    named.set(arch, names);
  }
  return names.get(name) as Howto;
}
