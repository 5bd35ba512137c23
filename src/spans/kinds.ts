/**
 * What a section means to live patching. `fragment` is code that belongs to code elsewhere (`.fixup`,
 * `.altinstr_replacement`); `table` holds entries that belong to code elsewhere; `registry` is an array that the kernel
 * walks at boot or module load; `note` is an ELF note that is loaded; `metadata` carries nothing that runs.
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
  | "note"
  | "metadata"
  | "unknown";
