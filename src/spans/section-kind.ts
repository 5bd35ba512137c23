import { SHF, SHT } from "../elf/constants.ts";
import type { Section } from "../elf/object.ts";
import { specialTableOf } from "./special.ts";

/**
 * What a section means to live patching. `fragment` is code that belongs to code elsewhere (`.fixup`,
 * `.altinstr_replacement`); `table` holds entries that belong to code elsewhere; `registry` is an array that the kernel
 * walks at boot or module load; `metadata` carries nothing that runs.
 */
export type SectionKind =
  | "text"
  | "fragment"
  | "exit-text"
  | "init-text"
  | "init-data"
  | "rodata"
  | "string"
  | "constant"
  | "toc"
  | "data"
  | "bss"
  | "percpu"
  | "tls"
  | "table"
  | "registry"
  | "export"
  | "export-string"
  | "hook"
  | "directive"
  | "unwind"
  | "metadata"
  | "unknown";

interface KindRow {
  readonly name: RegExp;
  readonly kind: SectionKind;
}

/** Names that decide by themselves, first hit wins; the flags decide the rest. Sources: vmlinux.lds.h, module.lds.S, Ksplice's classes. */
const NAMED: readonly KindRow[] = [
  { name: /^\.ksplice_call/, kind: "hook" },
  { name: /^\.ksplice/, kind: "metadata" },
  { name: /^\.kpatch\.callbacks\./, kind: "hook" },
  { name: /^\.kpatch\.ignore\./, kind: "directive" },
  { name: /^\.kpatch/, kind: "metadata" },
  { name: /^\.(debug|zdebug|comment|note|stab|gnu\.|GCC\.|llvm|sframe|stack_sizes|group)/, kind: "metadata" },
  { name: /^\.(eh_frame|gcc_except_table|ARM\.exidx|ARM\.extab)(\.|$)/, kind: "unwind" },
  { name: /^\.(eh_frame_hdr|ARM\.|pdr$|mdebug|reginfo|MIPS\.|riscv\.|loongarch\.)/, kind: "metadata" },
  { name: /^\.(discard|modinfo$|gnu_warning|builtin_fw|tracedata|BTF)/, kind: "metadata" },
  { name: /^(\.orc_|__versions$|\.kunit_|__annotate)/, kind: "metadata" },
  { name: /^(___?ksymtab(_gpl|_gpl_future|_unused|_unused_gpl)?(\+.*)?|\.export_symbol)$/, kind: "export" },
  { name: /^__ksymtab_strings$/, kind: "export-string" },
  { name: /^___?kcrctab/, kind: "metadata" },
  { name: /^(__param|__obsparm|__modver|__dyndbg|__verbose)$/, kind: "registry" },
  {
    name: /^(_ftrace_events|__syscalls_metadata|__tracepoints_ptrs|__bpf_raw_tp_map|_kprobe_blacklist)$/,
    kind: "registry",
  },
  {
    name: /^(_error_injection_whitelist|_ftrace_eval_map|__trace_printk_fmt|\.printk_index|\.static_call_tramp_key)$/,
    kind: "registry",
  },
  { name: /^\.(init_array|fini_array|preinit_array|ctors|dtors)/, kind: "registry" },
  { name: /^\.(init|head|meminit|cpuinit|devinit)\.text/, kind: "init-text" },
  { name: /^\.(init|meminit|cpuinit|devinit)\.(data|rodata|setup|ramfs)/, kind: "init-data" },
  { name: /(^\.initcall.*|_initcall|\.early_param)\.init$|^\.con_initcall|^\.pci_fixup|.\.init$/, kind: "init-data" },
  { name: /^\.(plt|iplt|got|igot|interp|dyn|hash|gnu_version)/, kind: "metadata" },
  { name: /^\.(exit|memexit|cpuexit|devexit)\.text/, kind: "exit-text" },
  { name: /^\.exitcall\.exit$/, kind: "metadata" },
  { name: /^\.data\.\.?percpu/, kind: "percpu" },
  { name: /^\.toc$/, kind: "toc" },
];

const NOT_CONTENT: ReadonlySet<number> = new Set([
  SHT.NULL,
  SHT.SYMTAB,
  SHT.STRTAB,
  SHT.RELA,
  SHT.REL,
  SHT.HASH,
  SHT.DYNAMIC,
  SHT.NOTE,
  SHT.DYNSYM,
  SHT.GROUP,
  SHT.SYMTAB_SHNDX,
]);

/** Sections of -ffunction-sections and -fdata-sections: most of a big object, and none of the names above. */
const PER_SYMBOL = /^\.(text|rodata|data|bss)\.(?!fixup$|percpu)[^.]/;

function has(section: Section, flag: bigint): boolean {
  return (section.flags & flag) !== 0n;
}

/** The kind of one section: by name where the name decides, by type and flags otherwise. */
export function sectionKind(section: Section): SectionKind {
  if (NOT_CONTENT.has(section.type)) return "metadata";
  if (!PER_SYMBOL.test(section.name)) {
    const named = NAMED.find((row) => row.name.test(section.name));
    if (named !== undefined) return named.kind;
    const table = specialTableOf(section.name);
    if (table !== undefined) return table.kind;
  }
  if (!has(section, SHF.ALLOC)) return "metadata";
  if (section.type >= 0x6ffffff0 && section.type <= 0x6fffffff) return "metadata";
  if (section.type !== SHT.PROGBITS && section.type !== SHT.NOBITS) return "unknown";
  if (has(section, SHF.TLS)) return "tls";
  if (has(section, SHF.EXECINSTR)) return "text";
  if (has(section, SHF.MERGE) && section.entsize > 0 && !has(section, SHF.WRITE)) {
    return has(section, SHF.STRINGS) ? "string" : "constant";
  }
  if (section.type === SHT.NOBITS) return "bss";
  // Assembly may flag .rodata writable; relocation read-only data is constant once it is loaded.
  if (/^\.rodata|^\.data\.rel\.ro|\.rodata(\.|$)/.test(section.name)) return "rodata";
  return has(section, SHF.WRITE) ? "data" : "rodata";
}

/** Kinds whose spans can hold machine code. */
export function isCode(kind: SectionKind): boolean {
  return kind === "text" || kind === "fragment" || kind === "init-text" || kind === "exit-text";
}

/** Kinds whose spans are the same thing when their contents are: the linker may merge or copy them freely. */
export function isComparedByContents(kind: SectionKind): boolean {
  return kind === "string" || kind === "constant" || kind === "toc" || kind === "fragment" || kind === "export-string";
}

/** Kinds that hold state of the running system: the running value must survive. */
export function isState(kind: SectionKind): boolean {
  return kind === "data" || kind === "bss" || kind === "percpu" || kind === "tls";
}
