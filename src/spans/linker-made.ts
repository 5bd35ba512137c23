import { STB, STT } from "../elf/constants.ts";
import type { ElfSymbol, Section } from "../elf/object.ts";

/**
 * Names that linkers and their scripts define for places, not for variables: beginnings and ends of sections and of the
 * image. GNU ld and lld: default linker scripts; gABI chapter 5 for `_DYNAMIC` and `_GLOBAL_OFFSET_TABLE_`.
 */
const PLACES = new Set([
  "__bss_start",
  "__bss_start__",
  "__bss_end__",
  "_bss_end__",
  "_bss_start__",
  "__end__",
  "_end",
  "end",
  "__end",
  "_edata",
  "edata",
  "__edata",
  "_etext",
  "etext",
  "__etext",
  "_ftext",
  "_fdata",
  "_fbss",
  "data_start",
  "__data_start",
  "__TMC_END__",
  "__TMC_LIST__",
  "_gp",
  "_gp_disp",
  "__gnu_local_gp",
  "__global_pointer$",
  "__SDATA_BEGIN__",
  "__DATA_BEGIN__",
  "__BSS_END__",
  "_SDA_BASE_",
  "_SDA2_BASE_",
  ".TOC.",
  "_GLOBAL_OFFSET_TABLE_",
  "_PROCEDURE_LINKAGE_TABLE_",
  "_DYNAMIC",
  "_DYNAMIC_LINK",
  "_DYNAMIC_LINKING",
  "__RLD_MAP",
  "__GNU_EH_FRAME_HDR",
  "__EH_FRAME_BEGIN__",
  "__FRAME_END__",
  "__executable_start",
  "__ehdr_start",
  "__dso_handle_end",
  "_TLS_MODULE_BASE_",
]);

const BOUNDS =
  /^(__(start|stop)_\w+|__(preinit|init|fini)_array_(start|end)|__(rela?|exidx|extab)(_iplt)?_(start|end)|__[A-Z]+_(LIST|END|BEGIN)__)$/;

/** Whether linkers define a name for a place of the image, and may leave it out of the symbols. */
export function isPlaceName(name: string): boolean {
  return PLACES.has(name) || BOUNDS.test(name);
}

/** Whether a symbol of a linked image only marks a place: the linker defined it, or it stands behind all contents of its section. */
export function isLinkerSymbol(symbol: ElfSymbol, section: Section): boolean {
  if (symbol.size > 0 || symbol.type === STT.FUNC || symbol.type === STT.TLS) return false;
  if (isPlaceName(symbol.name)) return true;
  return section.size > 0 && Number(symbol.value) >= section.size;
}

/**
 * Code that a linker puts between a call and its far or imported target. GNU ld names its stubs by target (`__f_veneer`,
 * `__f_from_thumb`, `0000001c.plt_call.f`), lld calls them thunks.
 */
const STUB =
  /^([0-9a-f]{8}\.(plt_call|plt_branch|long_branch)|__.+_(veneer|from_thumb|from_arm)$|__(AArch64|ARM|Thumb|PPC|Mips|LA25|Hexagon)\w*Thunk_|__(plt|long_branch|toc_save|gep_setup)_|__glink_|\.pic\.)/;

/** Bytes of the longest stub. */
const LONGEST_STUB = 64;

/** Whether a symbol of a linked image names a stub of the linker's. */
export function isStubSymbol({ name, type, bind, size }: ElfSymbol): boolean {
  const isShort = size <= LONGEST_STUB || name.startsWith("__glink_");
  return bind === STB.LOCAL && type !== STT.OBJECT && isShort && STUB.test(name);
}

/** Whether a function of the compiler's start files means `__TMC_END__` by an address at which a variable may begin. GCC: libgcc/crtstuff.c. */
export function isClones(name: string): boolean {
  return name === "register_tm_clones" || name === "deregister_tm_clones";
}
