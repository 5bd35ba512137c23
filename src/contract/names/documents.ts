/** Documents that have a schema: the update description, and what `match`, `compare` and `kexec` print as JSON. */
export const DOCUMENT_NAMES = ["update", "match", "compare", "kexec"] as const;
export type DocumentName = (typeof DOCUMENT_NAMES)[number];
