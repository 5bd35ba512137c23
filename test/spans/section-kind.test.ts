import { describe, expect, it } from "vitest";
import { isCode, isComparedByContents, isState, type SectionKind } from "../../src/spans/section-kind.ts";
import type { SectionExtra } from "../support/elf-parts.ts";
import { section, spansOf } from "../support/elf-parts.ts";

function kindOf(name: string, extra: SectionExtra = {}, asm = "00"): SectionKind | undefined {
  const table = spansOf([section(name, asm, { flags: "WA", ...extra })]);
  return table.kinds[table.object.sections.findIndex((one) => one.name === name)];
}

/** One or more names for every row of the ordered table. All are given the flags of writable data: the name decides. */
const named: readonly [SectionKind, ...string[]][] = [
  ["hook", ".ksplice_call_pre_apply", ".ksplice_call_apply"],
  ["metadata", ".ksplice_options", ".ksplice_extract"],
  ["hook", ".kpatch.callbacks.pre_patch"],
  ["directive", ".kpatch.ignore.functions", ".kpatch.ignore.sections"],
  ["metadata", ".kpatch.force", ".kpatch.strings"],
  [
    "metadata",
    ".debug_info",
    ".zdebug_line",
    ".comment",
    ".note.GNU-stack",
    ".stab",
    ".gnu.version",
    ".GCC.command.line",
  ],
  ["metadata", ".llvm_addrsig", ".llvm.call-graph-profile", ".sframe", ".stack_sizes", ".group"],
  ["metadata", ".ARM.attributes", ".pdr", ".mdebug.abi32"],
  ["unwind", ".eh_frame", ".gcc_except_table", ".gcc_except_table.f", ".ARM.exidx.text.f", ".ARM.extab"],
  ["metadata", ".reginfo", ".MIPS.abiflags", ".riscv.attributes", ".loongarch.attributes"],
  ["metadata", ".discard.addressable", ".modinfo", ".gnu_warning", ".builtin_fw", ".tracedata", ".BTF", ".BTF.ext"],
  ["metadata", ".orc_unwind", ".orc_unwind_ip", "__versions", ".kunit_test_suites", "__annotate_insn"],
  ["export", "__ksymtab", "__ksymtab_gpl", "___ksymtab+f", "___ksymtab_gpl+f", "__ksymtab_unused", ".export_symbol"],
  ["export-string", "__ksymtab_strings"],
  ["metadata", "__kcrctab", "___kcrctab_gpl+f"],
  ["registry", "__param", "__obsparm", "__modver", "__dyndbg", "__verbose"],
  ["registry", "_ftrace_events", "__syscalls_metadata", "__tracepoints_ptrs", "__bpf_raw_tp_map", "_kprobe_blacklist"],
  ["registry", "_error_injection_whitelist", "_ftrace_eval_map", "__trace_printk_fmt", ".printk_index"],
  ["registry", ".static_call_tramp_key", ".init_array", ".fini_array.1", ".ctors", ".dtors.65535"],
  ["init-text", ".init.text", ".head.text", ".meminit.text", ".cpuinit.text", ".devinit.text"],
  ["init-data", ".init.data", ".init.rodata", ".meminit.data", ".init.setup", ".init.ramfs"],
  ["init-data", ".initcall6.init", ".early_param.init", ".con_initcall", ".pci_fixup_final", ".x86_cpu_dev.init"],
  ["exit-text", ".exit.text", ".memexit.text", ".devexit.text"],
  ["metadata", ".exitcall.exit"],
  ["percpu", ".data..percpu", ".data..percpu..page_aligned", ".data.percpu"],
  ["toc", ".toc"],
];

/** Special tables and fragments: the descriptions in special.ts decide, whatever the flags say. */
const special: readonly [SectionKind, ...string[]][] = [
  ["table", "__bug_table", "__ex_table", ".altinstructions", "__jump_table", ".static_call_sites", ".parainstructions"],
  ["table", ".smp_locks", ".retpoline_sites", ".return_sites", ".call_sites", ".cfi_sites", ".ibt_endbr_seal"],
  ["table", ".kcfi_traps", "__mcount_loc", "__patchable_function_entries", "__ftr_fixup", "__mmu_ftr_fixup"],
  ["table", "__fw_ftr_fixup", "__lwsync_fixup", "__barrier_nospec_fixup", "__rfi_flush_fixup", "__btb_flush_fixup"],
  ["table", "__uaccess_flush_fixup", "__entry_flush_fixup", "__stf_entry_barrier_flush_fixup"],
  [
    "table",
    ".s390_indirect_call",
    ".s390_indirect_branches",
    ".s390_indirect_jump",
    ".s390_return_reg",
    ".s390_return_mem",
  ],
  ["fragment", ".altinstr_replacement", ".altinstr_aux", ".fixup", ".text.fixup", "__ftr_alt_97"],
];

const rows = [...named, ...special].flatMap(([kind, ...names]) => names.map((name) => [name, kind] as const));

describe("sectionKind: names that decide by themselves", () => {
  it.each(rows)("%s is %s", (name, kind) => expect(kindOf(name)).toBe(kind));
});

describe("sectionKind: flags and type decide the rest", () => {
  const cases: [string, SectionKind, string, SectionExtra][] = [
    ["code anywhere", "text", ".vendor", { flags: "AX" }],
    ["cold code", "text", ".text.unlikely.f", { flags: "AX" }],
    ["a function called fixup has its own section", "text", ".text.fixup_user_fault", { flags: "AX" }],
    ["a function called init has its own section", "text", ".text.init", { flags: "AX" }],
    ["a variable called init has its own section", "data", ".data.init", {}],
    ["a variable whose name starts like a table", "data", ".data.__ex_table", {}],
    ["a constant called percpu is not per-CPU", "rodata", ".rodata.percpu", { flags: "A" }],
    ["strings", "string", ".rodata.str1.1", { flags: "AMS", entsize: 1 }],
    ["wide strings", "string", ".rodata.str4.4", { flags: "AMS", entsize: 4 }],
    ["strings of one function (clang)", "string", ".rodata.f.str1.1", { flags: "AMS", entsize: 1 }],
    ["mergeable constants", "constant", ".rodata.cst16", { flags: "AM", entsize: 16 }],
    [
      "mergeable without entry size: nothing says where they end",
      "rodata",
      ".rodata.cst16",
      { flags: "AM", entsize: 0 },
    ],
    ["a writable mergeable section cannot be merged", "data", ".vendor", { flags: "WAM", entsize: 8 }],
    ["no contents", "bss", ".bss.v", { type: "nobits" }],
    ["no contents under a data name", "bss", ".data..shared", { type: "nobits" }],
    ["thread-local", "tls", ".tdata", { flags: "WAT" }],
    ["thread-local without contents", "tls", ".tbss", { flags: "WAT", type: "nobits" }],
    ["assembly flags .rodata writable", "rodata", ".rodata", { flags: "WA" }],
    ["constants that the loader relocates", "rodata", ".data.rel.ro", { flags: "WA" }],
    ["the same for locals, per symbol", "rodata", ".data.rel.ro.local.ops", { flags: "WA" }],
    ["writable data that only local relocations touch", "data", ".data.rel.local.v", { flags: "WA" }],
    ["written during init, then protected: state", "data", ".data..ro_after_init", { flags: "WA" }],
    ["read-mostly is state", "data", ".data..read_mostly", { flags: "WA" }],
    ["read-only under any name", "rodata", ".vendor", { flags: "A" }],
    ["writable under any name", "data", ".vendor", { flags: "WA" }],
    ["not loaded", "metadata", ".vendor", { flags: "" }],
    ["a type nobody knows, but loaded", "unknown", ".vendor", { flags: "A", type: 0x60000001 }],
    ["a type nobody knows, not loaded", "metadata", ".vendor", { flags: "", type: 0x60000001 }],
    ["a note, whatever its name", "metadata", ".vendor", { flags: "A", type: "note" }],
    ["a symbol table is not contents", "metadata", ".dynsym", { flags: "A", type: "dynsym" }],
  ];
  it.each(cases)("%s: %s", (_what, kind, name, extra) => expect(kindOf(name, extra)).toBe(kind));
});

describe("what a kind means", () => {
  const all = [...new Set(rows.map(([, kind]) => kind)), "text", "rodata", "string", "constant", "data", "bss", "tls"];
  const having = (is: (kind: SectionKind) => boolean): string[] => [...new Set(all as SectionKind[])].filter(is).sort();
  it("code", () => expect(having(isCode)).toEqual(["exit-text", "fragment", "init-text", "text"]));
  it("known by contents, not by name", () =>
    expect(having(isComparedByContents)).toEqual(["constant", "export-string", "fragment", "string", "toc"]));
  it("state of the running system", () => expect(having(isState)).toEqual(["bss", "data", "percpu", "tls"]));
});
