/** What the target of a relocation stands for. */
export const HOWTO_ROLES = [
  "address",
  "branch",
  "got",
  "tls",
  "page",
  "low",
  "size",
  "difference",
  "hint",
  "none",
  "other",
] as const;

/** What a loader computes, before the addends. ELF Handling for Thread-Local Storage, 4, for those of thread-locals. */
export const HOWTO_VALUES = [
  "symbol",
  "slot",
  "thread-pointer",
  "thread-pointer-slot",
  "thread-module",
  "thread-pair",
  "thread-module-pair",
  "thread-descriptor",
  "page-slot",
  "page-or-slot",
  "got",
  "toc",
  "size",
  "upper-half",
] as const;

/** What is taken away from it. */
export const HOWTO_BASES = ["zero", "place", "page", "got", "got-page", "toc", "symbol"] as const;

/** How a value becomes the bits of a field, where it is not simply stored. */
export const HOWTO_ENCODINGS = ["paired", "thumb-branch", "up-down", "arm-immediate", "movz-movn"] as const;
