import type { Arch, Howto } from "../../arch/arch.ts";
import { fieldOrder } from "../../arch/field.ts";
import { loadForm } from "../../arch/load-form.ts";
import type { HowtoDescription } from "../../contract/code.ts";
import { hex } from "../../hex.ts";
import { byText } from "../../order.ts";

/** What a loader has to know of the relocation types that occur, by name. */
export function describeHowtos(arch: Arch, howtos: ReadonlyMap<string, Howto>): Record<string, HowtoDescription> {
  const sorted = [...howtos].sort(([a], [b]) => byText(a, b));
  return Object.fromEntries(sorted.map(([name, howto]) => [name, describe(arch, howto)]));
}

function describe(arch: Arch, howto: Howto): HowtoDescription {
  const { pcrel, size, mask, rightshift, signed, role, bits, rounding, encoding, insn, unit } = howto;
  const form = loadForm(arch.load, howto);
  return {
    type: "reloc",
    pcrel,
    size,
    dstMask: hex(mask),
    rightshift,
    signedAddend: signed,
    role,
    ...(form && {
      value: form.isLowOfHigh ? "upper-half" : form.value,
      from: form.from,
      ...(form.change && { change: form.change }),
    }),
    ...(size > 1 && { order: fieldOrder(arch, howto) }),
    ...(insn && { instruction: true }),
    ...(unit && { unit }),
    ...(bits && { bits: bits.map(([low, width]) => ({ low, width })) }),
    ...(rounding && { rounding: hex(rounding) }),
    ...(encoding && { encoding }),
  };
}
