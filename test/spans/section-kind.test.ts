import { describe, expect, it } from "vitest";
import type { Section } from "../../src/elf/object.ts";
import { isCode, isComparedByContents, isState, type SectionKind, sectionKind } from "../../src/spans/section-kind.ts";
import type { SectionExtra } from "../support/elf-parts.ts";
import { section, spansOf } from "../support/elf-parts.ts";

function kindOf(name: string, extra: SectionExtra = {}, asm = "00"): SectionKind | undefined {
  const table = spansOf([section(name, asm, { flags: "WA", ...extra })]);
  return table.kinds[table.object.sections.findIndex((one) => one.name === name)];
}

/** One or more names for every row of the ordered table. */
const named: readonly [SectionKind, ...string[]][] = [
  ["hook", ".ksplice_call_pre_apply", ".ksplice_call_apply"],
  ["metadata", ".ksplice_options", ".ksplice_extract"],
  ["hook", ".kpatch.callbacks.pre_patch"],
  ["directive", ".kpatch.ignore.functions", ".kpatch.ignore.sections"],
  ["metadata", ".kpatch.force", ".kpatch.strings"],
  ["unwind", ".eh_frame", ".gcc_except_table", ".gcc_except_table.f", ".ARM.exidx.text.f", ".ARM.extab"],
  ["metadata", ".eh_frame_hdr", ".sframe", ".orc_unwind", ".orc_unwind_ip", ".BTF", ".BTF.ext", ".modinfo"],
  ["metadata", ".discard.addressable", "__versions", "__annotate_insn"],
  ["export", "__ksymtab", "__ksymtab_gpl", "___ksymtab+f", "___ksymtab_gpl+f", "__ksymtab_unused", ".export_symbol"],
  ["export-string", "__ksymtab_strings"],
  ["metadata", "__kcrctab", "___kcrctab_gpl+f"],
  ["registry", "__param", "__obsparm", "__modver", "__dyndbg", "__verbose", ".kunit_test_suites", ".tracedata"],
  ["registry", "_ftrace_events", "__syscalls_metadata", "__tracepoints_ptrs", "__bpf_raw_tp_map", "_kprobe_blacklist"],
  ["registry", "_error_injection_whitelist", "_ftrace_eval_map", "__trace_printk_fmt", ".printk_index"],
  ["registry", ".static_call_tramp_key", ".init_array", ".fini_array.1", ".ctors", ".dtors.65535", ".exitcall.exit"],
  ["init-data", ".init.data", ".init.rodata", ".meminit.data", ".init.setup", ".init.ramfs"],
  ["init-data", ".initcall6.init", ".early_param.init", ".con_initcall", ".pci_fixup_final", ".x86_cpu_dev.init"],
  ["percpu", ".data..percpu", ".data..percpu..page_aligned", ".data.percpu"],
  ["toc", ".toc", ".got2"],
];

/** Special tables: the descriptions in special.ts decide. */
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
];

/** Names of code. */
const code: readonly [SectionKind, ...string[]][] = [
  ["init-text", ".init.text", ".head.text", ".meminit.text", ".cpuinit.text", ".devinit.text"],
  ["exit-text", ".exit.text", ".memexit.text", ".devexit.text"],
  ["fragment", ".altinstr_replacement", ".altinstr_aux", ".fixup", ".text.fixup", ".text..refcount", "__ftr_alt_97"],
];

const pairs = (list: typeof named) => list.flatMap(([kind, ...names]) => names.map((name) => [name, kind] as const));
const rows = [...pairs(named), ...pairs(special)];
const codeRows = pairs(code);

describe("sectionKind: what flags allow, a name refines", () => {
  it.each(rows)("%s is %s", (name, kind) => expect(kindOf(name)).toBe(kind));
  it.each(codeRows)("%s, which runs, is %s", (name, kind) => expect(kindOf(name, { flags: "AX" })).toBe(kind));
  it.each(rows)("%s is code where its flags say so", (name) => expect(kindOf(name, { flags: "AX" })).toBe("text"));
  it.each(rows)("%s is thread-local where its flags say so", (name) =>
    expect(kindOf(name, { flags: "WAT" })).toBe("tls"),
  );
  it.each(codeRows)("%s is data where nothing runs in it", (name) => expect(kindOf(name)).toBe("data"));
});

describe("sectionKind: a user's section may begin like any name of the toolchain's", () => {
  const alike = [
    ...[".hash_seeds", ".dyn_limits", ".debug_hooks", ".zdebug_x", ".got_values", ".got.values", ".plt_slots"],
    ...[".plt", ".got", ".interp", ".hash", ".dynamic", ".dynstr", ".gnu_version_x", ".gnu.linkonce.d.v"],
    ...[".comment", ".comments", ".stab_x", ".group_a", ".llvm_stackmaps", ".llvm.x", ".GCC.x", ".gnu.x"],
    ...[".stack_sizes", ".stack_sizes_x", ".sframes", ".ARM.__at_0x20000000", ".MIPS.x", ".riscv.x", ".reginfo"],
    ...[".pdr", ".mdebug.x", ".discarded", ".modinfos", ".gnu_warning", ".builtin_fw", ".BTF_ids", ".BTFx"],
    ...[".orc_x", "__versions_x", ".kunit_x", "__annotate_x", "__ksymtab_x", "__kcrctab_x", "__param_x"],
    ...[".kspliced", ".kpatches", ".eh_frames", ".eh_frame_hdr_x", ".gcc_except_tables", ".init_arrays", ".ctorsx"],
    ...[".init.dataset", ".initcalls", ".con_initcalls", ".pci_fixups", ".data..percpus", ".toc_x", ".rodatas"],
  ];
  it.each(alike)("%s", (name) => {
    expect(kindOf(name)).toBe("data");
    expect(kindOf(name, { flags: "A" })).toBe("rodata");
    expect(kindOf(name, { flags: "AX" })).toBe("text");
    expect(kindOf(name, { type: "nobits" })).toBe("bss");
    expect(kindOf(name, { flags: "" })).toBe("metadata");
  });
  it.each([".init.textual", ".head.texts", ".exit.text_x", ".fixups", ".note_f", ".gnu.linkonce.t.f"])("%s", (name) =>
    expect(kindOf(name, { flags: "AX", type: "progbits" })).toBe("text"),
  );
});

describe("sectionKind: what the linker makes", () => {
  const aSection = (): Section => spansOf([section(".vendor", "00", { flags: "WA" })]).object.sections[1] as Section;
  const linked = (name: string): SectionKind => sectionKind({ ...aSection(), name, flags: 6n }, true);
  it.each([".plt", ".plt.got", ".plt.sec", ".iplt", ".got", ".got.plt", ".interp", ".MIPS.stubs"])(
    "%s is not content of a linked image",
    (name) => expect(linked(name)).toBe("metadata"),
  );
  it.each([".plt_slots", ".got_text", ".interpreter"])("%s is content", (name) => expect(linked(name)).toBe("text"));
  const typed: [string, number, SectionKind][] = [
    ["a hash table", 5, "metadata"],
    ["GNU's hash table", 0x6ffffff6, "metadata"],
    ["the dynamic section", 6, "metadata"],
    ["dynamic symbols", 11, "metadata"],
    ["relocations", 4, "metadata"],
    ["compact relocations", 0x40000014, "metadata"],
    ["relative relocations", 19, "metadata"],
    ["constructors", 14, "registry"],
    ["destructors", 15, "registry"],
    ["a number of GNU's range that is not defined", 0x6ffffff1, "unknown"],
  ];
  it.each(typed)("%s, by its type, under any name", (_what, type, kind) =>
    expect(sectionKind({ ...aSection(), type })).toBe(kind),
  );
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
    ["an unknown type, but loaded", "unknown", ".vendor", { flags: "A", type: 0x60000009 }],
    ["an unknown type, not loaded", "metadata", ".vendor", { flags: "", type: 0x60000009 }],
    ["a type of the processor's", "metadata", ".MIPS.abiflags", { flags: "A", type: 0x7000002a }],
    ["a type of the processor's that means nothing to us", "unknown", ".vendor", { flags: "A", type: 0x7000002a }],
    ["a note, whatever its name", "note", ".vendor", { flags: "A", type: "note" }],
    ["a note that is not loaded", "metadata", ".note.stapsdt", { flags: "", type: "note" }],
    ["a writable note is a variable", "data", ".notes_x", { flags: "WA", type: "note" }],
    ["a note that runs is code", "text", ".note_f", { flags: "AX", type: "note" }],
    ["what names the build is made anew by each", "metadata", ".note.gnu.build-id", { flags: "A", type: "note" }],
    ["a symbol table is not contents", "metadata", ".dynsym", { flags: "A", type: "dynsym" }],
  ];
  it.each(cases)("%s: %s", (_what, kind, name, extra) => expect(kindOf(name, extra)).toBe(kind));
});

describe("what a kind means", () => {
  const all = [
    ...new Set([...rows, ...codeRows].map(([, kind]) => kind)),
    "text",
    "rodata",
    "string",
    "constant",
    "data",
    "bss",
    "tls",
  ];
  const having = (is: (kind: SectionKind) => boolean): string[] => [...new Set(all as SectionKind[])].filter(is).sort();
  it("code", () => expect(having(isCode)).toEqual(["exit-text", "fragment", "init-text", "text"]));
  it("known by contents, not by name", () =>
    expect(having(isComparedByContents)).toEqual(["constant", "export-string", "fragment", "string", "toc"]));
  it("state of the running system", () => expect(having(isState)).toEqual(["bss", "data", "percpu", "tls"]));
});
