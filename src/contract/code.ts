import { z } from "zod";
import { base64, count, hex64, hexBytes, label, named, sha256, valueKind } from "./atoms.ts";
import { HOWTO_BASES, HOWTO_ENCODINGS, HOWTO_ROLES, HOWTO_VALUES } from "./names/howtos.ts";

/* What a change is made of: the old and the new code, the patches between them, and the hooks to call. */

const codeSection = z.strictObject({
  label,
  kind: z.string().describe("what is in it: text, rodata, string, data, bss, a kernel table, …"),
  size: count.describe("bytes"),
  align: count.describe("bytes; a power of two"),
  flags: hex64.describe("SHF_* bits"),
  sha256: sha256.describe("of the contents, relocated fields as in the object"),
  because: z.string().describe("changed, new, in-place, deleted, owner LABEL, or referenced-by LABEL"),
  contents: base64.optional().describe("bytes in base64; with --contents only"),
});

const codeSymbol = z.strictObject({
  label,
  name: z.string().describe("the symbol's name; empty where it has none"),
  section: z.string().nullable().describe("label of the section that defines it; null when it is defined elsewhere"),
  offset: z.int().describe("bytes from the start of that section"),
  size: count.describe("bytes"),
  bind: z.enum(["local", "global", "weak", "unique"]).describe("STB_* in words"),
  type: z
    .enum(["function", "gnu-ifunc", "object", "section", "tls", "absolute", "other"])
    .describe("STT_* in words; absolute: SHN_ABS"),
  localEntry: count
    .optional()
    .describe("bytes from the symbol to where code with the same TOC pointer enters (ELF V2 ABI for Power)"),
  instructionSet: z.enum(["thumb"]).meta({ open: true }).optional().describe("code whose address has its low bit set"),
  value: hex64.optional().describe("address in the run system, once it was matched; of an absolute symbol its value"),
  slot: hex64.optional().describe("where the run system keeps the address of what it imports, once it was matched"),
  kind: valueKind.optional(),
  sympos: count.optional().describe("position among equal names as livepatch counts: 0 when unique"),
});

const codeRelocation = z.strictObject({
  section: z.string().describe("label of the section that holds the field"),
  offset: count.describe("bytes from the start of that section"),
  howto: z.string().describe("name of the relocation type; a key of howtos"),
  symbol: z.string().describe("label of a symbol"),
  insnAddend: hex64.describe("the part of the addend that comes from the instruction's form"),
  targetAddend: hex64.describe("offset from the symbol to what is meant"),
});

const tables = {
  sections: z.array(codeSection).describe("functions, data and entries of tables; by label"),
  symbols: z.array(codeSymbol).describe("what relocations refer to, and what sections define; by label"),
  relocations: z.array(codeRelocation).describe("by section and offset"),
};

/** Why a section is in a change, and what `because` says of it. All but `owner` and `referenced-by` stand on their own. */
const sectionReason = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.enum(["changed", "new", "in-place", "deleted", "text", "global", "bug-entry"]) }),
  z.strictObject({ kind: z.literal("hook"), stage: z.string() }),
  z.strictObject({ kind: z.literal("export"), name: z.string() }),
  z.strictObject({ kind: z.enum(["owner", "referenced-by"]), label }),
]);
const fragmentSection = codeSection.extend({
  because: sectionReason,
  owner: label.optional().describe("of an entry of a kernel table: the label of what it belongs to"),
});

export const code = named(
  "code",
  z
    .strictObject({ name: z.string().describe("as Ksplice would call the module"), ...tables })
    .describe("sections, symbols and relocations, as a loader needs them"),
);
/** What one pair contributes to the code of a change: as in the change, but reasons and owners are not put into words yet. */
export const codeTables = z.strictObject({ ...tables, sections: z.array(fragmentSection) });

export const patch = z.strictObject({
  type: z
    .enum(["text", "data", "export", "bug"])
    .describe(
      "text: a jump at an old entry; data: contents rewritten in place; export: the name of an export; bug: a line number",
    ),
  oldLabel: z.string().describe("label of what is patched"),
  oldOffset: z.int().describe("bytes from its symbol to where the patch is written"),
  replacement: z.string().nullable().describe("label of the new code or contents; null: a trap, or nothing"),
  replacementOffset: z.int().optional().describe("bytes from the replacement's symbol; default: 0"),
  size: count.describe("bytes written"),
  contents: base64.optional().describe("what is written, in base64, where the section does not hold it"),
  oldAddress: hex64.optional().describe("where the patch is written in the run system, once it was matched"),
  newAddress: hex64.optional().describe("where the replacement will lie, if that is known"),
  trampoline: hexBytes.optional().describe("what is written there, in hexadecimal"),
  saved: hexBytes.optional().describe("what the run system has there, in hexadecimal"),
});

const hookList = (when: string) => z.array(z.string()).optional().describe(`labels of functions to call ${when}`);
export const hooks = z
  .strictObject({
    preApply: hookList("before anything is stopped"),
    checkApply: hookList("while all is stopped; they may refuse"),
    apply: hookList("while all is stopped, once nothing refuses"),
    postApply: hookList("after the update is applied"),
    failApply: hookList("if the update could not be applied"),
    preReverse: hookList("before the update is taken back"),
    checkReverse: hookList("while all is stopped to take it back; they may refuse"),
    reverse: hookList("while all is stopped to take it back, once nothing refuses"),
    postReverse: hookList("after the update was taken back"),
    failReverse: hookList("if the update could not be taken back"),
  })
  .describe("functions that the patch wants called, by stage. Ksplice: kmodsrc/ksplice.h");

export const howto = z
  .strictObject({
    type: z.literal("reloc").describe("always this"),
    pcrel: z.boolean().describe("whether the value is relative to the place of the field"),
    size: count.describe("bytes of the field"),
    dstMask: hex64.describe("bits of the field that the relocation writes"),
    rightshift: count.describe("bits by which the value is shifted before it is written"),
    signedAddend: z.boolean().describe("whether the field is sign-extended"),
    role: z
      .enum(HOWTO_ROLES)
      .optional()
      .describe(
        "what the target stands for: got and tls by one of the ways of value; page and low parts of an address",
      ),
    value: z
      .enum(HOWTO_VALUES)
      .optional()
      .describe(
        "what goes in, before the addends: the symbol's address; the address of a slot that holds it; page-slot: of one that holds its page of 64 KiB; page-or-slot: the page where the same section has a lower half for the same symbol, else the symbol; a thread-local's distance from the thread pointer, or the slot that holds that; its offset in its module's thread-locals; the pair of module and offset, that for the module alone, or a descriptor; the GOT; the TOC pointer; the symbol's size; upper-half: the value that the relocation of the upper half at the symbol's place has. Absent where nothing is written, or the value is not known here",
      ),
    from: z
      .enum(HOWTO_BASES)
      .optional()
      .describe(
        "what is taken away from it: nothing, the field's own address or its page, the GOT or its page, the TOC pointer, the symbol",
      ),
    change: z
      .enum(["add", "subtract"])
      .optional()
      .describe(
        "the value changes what the field holds, as one of a pair at the same place; default: it takes its place",
      ),
    order: z.enum(["lsb", "msb"]).optional().describe("byte order of the field, or of each of its units"),
    instruction: z.boolean().optional().describe("whether the field lies in an instruction"),
    unit: count
      .optional()
      .describe("bytes of each unit where the field has several, from low to high bits; default: it is one unit"),
    bits: z
      .array(
        z.strictObject({
          low: count.describe("position in the field of the run's lowest bit"),
          width: count.describe("bits"),
        }),
      )
      .optional()
      .describe("where the value's bits lie, its lowest first; default: in the order of dstMask's bits"),
    rounding: hex64.optional().describe("added before the shift; default: nothing"),
    encoding: z
      .enum(HOWTO_ENCODINGS)
      .optional()
      .describe(
        "how the shifted value becomes bits where it is not simply stored. paired: the lower bits (12, on LoongArch 16) are signed, so the upper ones are one more where those are negative; thumb-branch: bits 21 and 22 are NOT (bit XOR sign); up-down: the magnitude, and above it a bit for a value that is not negative; arm-immediate: eight bits with their rotation, then subtract and add; movz-movn: of a negative value the complement, and above it a bit for a value that is not negative",
      ),
  })
  .describe("what a relocation type means");

export type Code = z.infer<typeof code>;
export type CodeTables = z.infer<typeof codeTables>;
export type ChangeTables = { oldCode: CodeTables; newCode: CodeTables; patches: Patch[]; hooks: Hooks };
export type CodeSection = z.infer<typeof codeSection>;
export type FragmentSection = z.infer<typeof fragmentSection>;
export type SectionReason = z.infer<typeof sectionReason>;
export type CodeSymbol = z.infer<typeof codeSymbol>;
export type CodeRelocation = z.infer<typeof codeRelocation>;
export type Patch = z.infer<typeof patch>;
export type Hooks = z.infer<typeof hooks>;
export type HowtoDescription = z.infer<typeof howto>;
