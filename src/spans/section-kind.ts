import { SHF, SHT } from "../elf/constants.ts";
import type { Section } from "../elf/object.ts";
import type { SectionKind } from "./kinds.ts";
import { specialTableOf } from "./special.ts";

export type { SectionKind } from "./kinds.ts";

/**
 * What flags and type must allow before a name counts: `code` runs; `data` is loaded or kept, neither run nor thread-local;
 * `processor` has a type of the machine's own.
 */
type Allowed = "code" | "data" | "processor";

interface KindRow {
  /** The whole name, or a family: its beginning, up to a dot or the end. */
  readonly name: RegExp;
  readonly kind: SectionKind;
  readonly allowed: Allowed;
}

function row(allowed: Allowed, kind: SectionKind, name: RegExp): KindRow {
  return { name, kind, allowed };
}

/**
 * Names that refine what flags and type allow, first hit wins; a section that a user calls alike but flags otherwise is what
 * its flags say. Sources: vmlinux.lds.h, module.lds.S, Ksplice's classes, kpatch-macros.h, the psABI supplements.
 */
const NAMED: readonly KindRow[] = [
  row("data", "hook", /^\.ksplice_call(_\w+)?$/),
  row("data", "metadata", /^\.ksplice(_\w+)?$/),
  row("data", "hook", /^\.kpatch\.callbacks\.\w+$/),
  row("data", "directive", /^\.kpatch\.ignore\.\w+$/),
  row("data", "metadata", /^\.kpatch\.\w+(\.|$)/),
  row("data", "unwind", /^\.(eh_frame|gcc_except_table|ARM\.exidx|ARM\.extab)(\.|$)/),
  row("data", "metadata", /^\.(eh_frame_hdr|sframe|orc_(unwind|unwind_ip|header)|BTF(\.ext|\.base)?|modinfo)$/),
  row("data", "metadata", /^(\.discard(\..*)?|__versions|__annotate_insn)$/),
  row("processor", "metadata", /^\.(reginfo|mdebug|MIPS|riscv|loongarch|ARM)(\.|$)/),
  row("data", "export", /^(___?ksymtab(_gpl|_gpl_future|_unused|_unused_gpl)?(\+.*)?|\.export_symbol)$/),
  row("data", "export-string", /^__ksymtab_strings$/),
  row("data", "metadata", /^___?kcrctab(_gpl|_gpl_future|_unused|_unused_gpl)?(\+.*)?$/),
  row("data", "registry", /^(__param|__obsparm|__modver|__dyndbg|__verbose|\.kunit_(init_)?test_suites)$/),
  row(
    "data",
    "registry",
    /^(_ftrace_events|__syscalls_metadata|__tracepoints_ptrs|__bpf_raw_tp_map|_kprobe_blacklist|\.tracedata)$/,
  ),
  row(
    "data",
    "registry",
    /^(_error_injection_whitelist|_ftrace_eval_map|__trace_printk_fmt|\.printk_index|\.static_call_tramp_key)$/,
  ),
  row("data", "registry", /^\.(init_array|fini_array|preinit_array|ctors|dtors|exitcall)(\.|$)/),
  row("code", "init-text", /^\.(init|head|meminit|cpuinit|devinit)\.text(\.|$)/),
  row("data", "init-data", /^\.(init|meminit|cpuinit|devinit)\.(data|rodata|setup|ramfs)(\.|$)/),
  row("data", "init-data", /.\.init$|^\.con_initcall$|^\.pci_fixup(_\w+)?$/),
  row("code", "exit-text", /^\.(exit|memexit|cpuexit|devexit)\.text(\.|$)/),
  row("data", "percpu", /^\.data\.\.?percpu(\.|$)/),
  row("data", "toc", /^\.(toc|got2)$/),
];

/** What only the linker makes, in linked images: ways to what other images define, and the tables of these ways. */
const LINKER_MADE = /^\.(i?plt(\.got|\.sec|\.bnd)?|i?got(\.plt)?|interp|MIPS\.stubs|rld_map)$/;

/** Tables of the format and of the dynamic linker, and arrays of functions, told by their type whatever they are called. */
const BY_TYPE: ReadonlyMap<number, SectionKind> = new Map<number, SectionKind>([
  ...[
    SHT.NULL,
    SHT.SYMTAB,
    SHT.STRTAB,
    SHT.RELA,
    SHT.REL,
    SHT.CREL,
    SHT.RELR,
    SHT.ANDROID_REL,
    SHT.ANDROID_RELA,
    SHT.ANDROID_RELR,
    SHT.HASH,
    SHT.DYNAMIC,
    SHT.DYNSYM,
    SHT.GROUP,
    SHT.SYMTAB_SHNDX,
    SHT.GNU_ATTRIBUTES,
    SHT.GNU_HASH,
    SHT.GNU_LIBLIST,
    SHT.GNU_VERDEF,
    SHT.GNU_VERNEED,
    SHT.GNU_VERSYM,
  ].map((type) => [type, "metadata"] as const),
  [SHT.INIT_ARRAY, "registry"],
  [SHT.FINI_ARRAY, "registry"],
  [SHT.PREINIT_ARRAY, "registry"],
]);

/** First and last type that a machine's psABI supplement defines: SHT_LOPROC, SHT_HIPROC. */
const [LOPROC, HIPROC] = [0x7000_0000, 0x7fff_ffff];

/** Sections of -ffunction-sections and -fdata-sections: most of a big object, and none of the names above. */
const PER_SYMBOL = /^\.(text|rodata|data|bss)\.(?!fixup$|percpu)[^.]/;

function has(section: Section, flag: bigint): boolean {
  return (section.flags & flag) !== 0n;
}

function allows(section: Section, allowed: Allowed): boolean {
  const runs = has(section, SHF.EXECINSTR);
  if (allowed === "code") return runs;
  if (allowed === "processor") return section.type >= LOPROC && section.type <= HIPROC;
  return !runs && !has(section, SHF.TLS);
}

/** The kind of a special section, if its flags fit: replacement code runs, a table does not. */
function specialKind(section: Section): SectionKind | undefined {
  const kind = specialTableOf(section.name)?.kind;
  if (kind === undefined) return undefined;
  return allows(section, kind === "fragment" ? "code" : "data") ? kind : undefined;
}

function namedKind(section: Section): SectionKind | undefined {
  if (PER_SYMBOL.test(section.name)) return undefined;
  const named = NAMED.find(({ name, allowed }) => name.test(section.name) && allows(section, allowed));
  return named?.kind ?? specialKind(section);
}

/** The kind of one section of a relocatable object, or of a linked image: by type and flags, which a name may refine. */
export function sectionKind(section: Section, isLinked = false): SectionKind {
  const typed = BY_TYPE.get(section.type);
  if (typed !== undefined) return typed;
  const named = namedKind(section);
  if (named !== undefined) return named;
  if (!has(section, SHF.ALLOC)) return "metadata";
  if (isLinked && LINKER_MADE.test(section.name)) return "metadata";
  if (section.type === SHT.NOTE && !has(section, SHF.WRITE) && !has(section, SHF.EXECINSTR)) {
    return section.name === ".note.gnu.build-id" ? "metadata" : "note";
  }
  if (section.type !== SHT.PROGBITS && section.type !== SHT.NOBITS && section.type !== SHT.NOTE) return "unknown";
  if (has(section, SHF.TLS)) return "tls";
  if (has(section, SHF.EXECINSTR)) return "text";
  if (has(section, SHF.MERGE) && section.entsize > 0 && !has(section, SHF.WRITE)) {
    return has(section, SHF.STRINGS) ? "string" : "constant";
  }
  if (section.type === SHT.NOBITS) return "bss";
  if (isConstantByName(section.name)) return "rodata";
  return has(section, SHF.WRITE) ? "data" : "rodata";
}

/** Assembly may flag .rodata writable; relocation read-only data is constant once it is loaded. */
function isConstantByName(name: string): boolean {
  return /^\.(data|gnu\.linkonce\.d)\.rel\.ro(\.|$)|(^|.)\.rodata(\.|$)/.test(name);
}

/** Kinds whose spans can hold machine code. */
export function isCode(kind: SectionKind): boolean {
  return kind === "text" || kind === "fragment" || kind === "init-text" || kind === "exit-text";
}

const SPANLESS: ReadonlySet<SectionKind> = new Set(["metadata", "table", "export", "hook", "directive", "unwind"]);

/** Kinds that consist of spans; the others are entries that belong to spans, or nothing that runs. */
export function hasSpans(kind: SectionKind): boolean {
  return !SPANLESS.has(kind);
}

/** Kinds whose spans are the same thing when their contents are: the linker may merge or copy them freely. */
export function isComparedByContents(kind: SectionKind): boolean {
  return kind === "string" || kind === "constant" || kind === "toc" || kind === "fragment" || kind === "export-string";
}

/** Kinds that hold state of the running system: the running value must survive. */
export function isState(kind: SectionKind): boolean {
  return kind === "data" || kind === "bss" || kind === "percpu" || kind === "tls";
}
