import { codesOf, type FindingRow, findingRow as row } from "./table.ts";

/** Every finding of a kexec plan: code, severity and words in one row. */
export const KEXEC_FINDINGS = {
  "segments-overlap": row("error", (name, detail) => `${name} overlaps ${detail}: one would overwrite the other`),
  "segment-wraps": row("error", (name, detail) => `${name} ends past the last address there is: ${detail}`),
  "segment-outside-memory": row("error", (name, detail) => `${name} does not lie in usable memory: ${detail}`),
  "segment-outside-crash-range": row(
    "error",
    (name, detail) => `${name} is not within the memory reserved for the crash kernel: ${detail}`,
  ),
  "address-not-physical": row(
    "error",
    (name, detail) => `${name} has no physical address: ${detail}; say with --load-address where the kernel goes`,
  ),
  "entry-outside": row("error", (name, detail) => `the entry ${name} lies in no segment: ${detail}`),
  "image-too-large": row("error", (name, detail) => `${name} is too large to be planned: ${detail}`),
  "initrd-no-room": row("error", (name, detail) => `there is no room for ${name}: ${detail}`),
  "source-pages-short": row("error", (name, detail) => `${name}: ${detail}`),
  "source-page-outside-memory": row("error", (name, detail) => `${name}: ${detail} is not in usable memory`),
  "no-control-page": row("error", (name, detail) => `there is no page left for ${name}: ${detail}`),
  "entry-not-executable": row(
    "warning",
    (name, detail) => `the entry ${name} lies in ${detail}, which is not executable`,
  ),
  "segment-alignment": row("warning", (name, detail) => `the alignment of ${name} is odd: ${detail}`),
  "segments-out-of-order": row(
    "note",
    (name, detail) => `${name} lies below ${detail}: the program headers are not in order`,
  ),
  "segments-share-page": row("note", (name, detail) => `${name} shares a page with ${detail}: they are loaded as one`),
  "segment-empty": row("note", (name) => `${name} has no size and is left out`),
  "position-independent": row(
    "note",
    (name, detail) => `${name} may be loaded elsewhere too (ET_DYN); planned where it says: ${detail}`,
  ),
  "moved-by-request": row(
    "note",
    (name, detail) => `${name} is moved by --load-address: ${detail}; it must be relocatable`,
  ),
  "memory-unknown": row(
    "note",
    (name, detail) => `without --memory it is not known whether ${name} lies in memory that is there: ${detail}`,
  ),
  "source-pages-assumed": row(
    "note",
    (name, detail) => `where the pages of ${name} lie before they are moved is assumed: ${detail}`,
  ),
} as const satisfies Readonly<Record<string, FindingRow>>;

type KexecFindingCode = keyof typeof KEXEC_FINDINGS;

/** The codes in the order of the table. */
export const KEXEC_FINDING_CODES = codesOf(KEXEC_FINDINGS);

/** What planning learned that a person or a gate may act on. */
export interface KexecFinding {
  readonly code: KexecFindingCode;
  /** The segment, file or address that it is about. */
  readonly name: string;
  readonly detail: string;
}

export function kexecFindingText({ code, name, detail }: KexecFinding): string {
  return KEXEC_FINDINGS[code].text(name, detail);
}
