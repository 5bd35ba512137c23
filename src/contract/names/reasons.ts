/**
 * What two paired functions or pieces of data differ in. `size`, `bytes` and `relocation-*` are their own; `entry-*` differ in
 * a kernel table only; `middle-reference` means that one of the two functions changed and the other refers to a place inside
 * it, `part-changed` that its cold part did, `target-replaced` that what it refers to gets a new place.
 */
export const DIFFERENCE_KINDS = [
  "kind",
  "size",
  "bytes",
  "relocation-added",
  "relocation-removed",
  "relocation-type",
  "relocation-target",
  "entry-added",
  "entry-removed",
  "entry-moved",
  "entry-size",
  "fragment-size",
  "bug-line",
  "bug-flags",
  "line-number",
  "encoding-only",
  "middle-reference",
  "part-changed",
  "target-replaced",
] as const;
export type DifferenceKind = (typeof DIFFERENCE_KINDS)[number];

/** What two entries of the kernel's export tables differ in; `section` orders the entries, which the kernel searches by bisection. */
export const EXPORT_DIFFERENCE_KINDS = [
  "licence",
  "namespace",
  "crc",
  "section",
  "target",
  "name",
  "size",
  "relocations",
  "bytes",
] as const;
export type ExportDifferenceKind = (typeof EXPORT_DIFFERENCE_KINDS)[number];
