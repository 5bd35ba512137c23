import { fieldOrder, readField } from "../../arch/field.ts";
import type { SpanRelocation } from "../../spans/span.ts";
import { type Context, wrap } from "../context.ts";
import { linkedView } from "../linked-view.ts";
import type { Trial } from "../values.ts";
import { gotBase } from "./got.ts";
import type { ThreadValue } from "./thread-locals.ts";
import { tocBase } from "./toc.ts";

/** What a field counts from. */
type From = "nothing" | "place" | "got" | "gp" | "toc";

/** What a field of one relocation type says of a thread-local, where one field says it all. */
interface ThreadField {
  readonly types: RegExp;
  readonly use: ThreadValue["use"];
  readonly from: From;
  /** Whether the field is subtracted from the thread pointer. */
  readonly negative?: true;
}

/**
 * System V ABI, AMD64 supplement, and ELF Handling for Thread-Local Storage, 4, for x86; AAELF32 and AAELF64; z/Architecture ELF
 * ABI supplement; MIPS: ELF Handling for Thread-Local Storage for MIPS; 64-bit ELF V2 ABI for Power.
 */
const FIELDS: readonly ThreadField[] = [
  { types: /^R_X86_64_TPOFF(32|64)$/, use: "tp", from: "nothing" },
  { types: /^R_X86_64_DTPOFF(32|64)$/, use: "dtp", from: "nothing" },
  { types: /^R_X86_64_(CODE_\d_)?GOTTPOFF$/, use: "slot", from: "place" },
  { types: /^R_X86_64_(TLSGD|(CODE_\d_)?GOTPC32_TLSDESC)$/, use: "pair", from: "place" },
  { types: /^R_X86_64_TLSLD$/, use: "module", from: "place" },
  { types: /^R_386_TLS_LE$/, use: "tp", from: "nothing" },
  { types: /^R_386_TLS_LE_32$/, use: "tp", from: "nothing", negative: true },
  { types: /^R_386_TLS_IE$/, use: "slot", from: "nothing" },
  { types: /^R_386_TLS_(GOTIE|IE_32)$/, use: "slot", from: "got" },
  { types: /^R_386_TLS_(GD|GOTDESC)$/, use: "pair", from: "got" },
  { types: /^R_386_TLS_LDM$/, use: "module", from: "got" },
  { types: /^R_386_TLS_LDO_32$/, use: "dtp", from: "nothing" },
  { types: /^R_ARM_TLS_(LE32|LE12)$/, use: "tp", from: "nothing" },
  { types: /^R_ARM_TLS_LDO(32|12)$/, use: "dtp", from: "nothing" },
  { types: /^R_ARM_TLS_IE32$/, use: "slot", from: "place" },
  { types: /^R_ARM_TLS_GD32$/, use: "pair", from: "place" },
  { types: /^R_ARM_TLS_LDM32$/, use: "module", from: "place" },
  { types: /^R_AARCH64_TLSIE_LD_GOTTPREL_PREL19$/, use: "slot", from: "place" },
  { types: /^R_AARCH64_(TLSGD_ADR_PREL21|TLSDESC_(LD_PREL19|ADR_PREL21))$/, use: "pair", from: "place" },
  { types: /^R_AARCH64_TLSLD_(ADR_PREL21|LD_PREL19)$/, use: "module", from: "place" },
  { types: /^R_AARCH64_TLSLE_(ADD|LDST\d+)_TPREL_LO12$/, use: "tp", from: "nothing" },
  { types: /^R_AARCH64_TLSLD_(ADD|LDST\d+)_DTPREL_LO12$/, use: "dtp", from: "nothing" },
  { types: /^R_390_TLS_(LE32|LE64)$/, use: "tp", from: "nothing" },
  { types: /^R_390_TLS_(LDO32|LDO64)$/, use: "dtp", from: "nothing" },
  { types: /^R_390_TLS_IEENT$/, use: "slot", from: "place" },
  { types: /^R_390_TLS_(IE32|IE64)$/, use: "slot", from: "nothing" },
  { types: /^R_390_TLS_GOTIE(12|20|32|64)$/, use: "slot", from: "got" },
  { types: /^R_390_TLS_(GD32|GD64)$/, use: "pair", from: "got" },
  { types: /^R_390_TLS_(LDM32|LDM64)$/, use: "module", from: "got" },
  { types: /^R_(MIPS|MIPS16|MICROMIPS)_TLS_GOTTPREL$/, use: "slot", from: "gp" },
  { types: /^R_(MIPS|MIPS16|MICROMIPS)_TLS_GD$/, use: "pair", from: "gp" },
  { types: /^R_(MIPS|MIPS16|MICROMIPS)_TLS_LDM$/, use: "module", from: "gp" },
  { types: /^R_PPC64_TPREL16(_DS)?$/, use: "tp", from: "nothing" },
  { types: /^R_PPC64_DTPREL16(_DS)?$/, use: "dtp", from: "nothing" },
  { types: /^R_PPC64_GOT_TPREL16_DS$/, use: "slot", from: "toc" },
  { types: /^R_PPC64_GOT_TLSGD16$/, use: "pair", from: "toc" },
  { types: /^R_PPC64_GOT_TLSLD16$/, use: "module", from: "toc" },
  { types: /^R_PPC64_TPREL34$/, use: "tp", from: "nothing" },
  { types: /^R_PPC64_DTPREL34$/, use: "dtp", from: "nothing" },
  { types: /^R_PPC64_GOT_TPREL_PCREL34$/, use: "slot", from: "place" },
  { types: /^R_PPC64_GOT_TLSGD_PCREL34$/, use: "pair", from: "place" },
  { types: /^R_PPC64_GOT_TLSLD_PCREL34$/, use: "module", from: "place" },
];

const known = new Map<string, ThreadField | null>();

function fieldFor(name: string): ThreadField | undefined {
  let field = known.get(name);
  if (field === undefined) {
    field = FIELDS.find(({ types }) => types.test(name)) ?? null;
    known.set(name, field);
  }
  return field ?? undefined;
}

/** What a field of run code says of a thread-local; `waits` where what it counts from is not known yet; undefined for fields that say nothing alone. */
export function threadValue(
  context: Context,
  trial: Trial,
  relocation: SpanRelocation,
  run: Uint8Array,
  index: number,
  place: bigint,
): ThreadValue | "waits" | undefined {
  const { arch } = context;
  const { howto, insnAddend, targetAddend } = relocation;
  const form = fieldFor(howto.name);
  if (form === undefined) return undefined;
  const field = readField(run, index, howto, fieldOrder(arch, howto)) - insnAddend;
  if (form.from === "nothing" && form.use !== "slot") {
    return { use: form.use, value: form.negative ? -BigInt.asIntN(arch.class, field) : field };
  }
  const base = baseOf(context, trial, form.from, place);
  if (base === undefined) return "waits";
  // A literal for the module that the linker had no use for is zero: the start of the GOT is not the slot of a module.
  if (arch.family === "s390" && form.use === "module" && field === 0n) return undefined;
  const value = wrap(arch, base + field - targetAddend);
  // Of a literal that leads through the GOT the linker may have made the distance itself, which is negative there.
  const isRelaxed = arch.family === "s390" && form.use !== "module" && howto.size > 3 && form.from !== "place";
  if (!isRelaxed) return { use: form.use, value };
  const whole = BigInt.asIntN(8 * howto.size, field);
  if (whole < 0n) return { use: "tp", value: whole };
  const isPair = form.use === "pair" && linkedView(context.image)?.isThreadSlot(value);
  return { use: isPair ? "pair" : "slot", value };
}

function baseOf(context: Context, trial: Trial, from: From, place: bigint): bigint | undefined {
  switch (from) {
    case "nothing":
      return 0n;
    case "place":
      return place;
    case "got":
      return gotBase(context, trial);
    case "gp":
      return linkedView(context.image)?.globalPointer;
    case "toc":
      return tocBase(context, trial);
  }
}
