import type { Arch } from "../../arch/arch.ts";
import { isBranchField } from "../../arch/branch.ts";
import type { Side } from "../../diff/pairing.ts";
import { STB } from "../../elf/constants.ts";
import type { Finding } from "../../findings/findings.ts";
import { hasBareTypeHash } from "../../spans/prefix.ts";
import { isCode } from "../../spans/section-kind.ts";
import type { Span } from "../../spans/span.ts";
import { type PlannedPair, spanFinding } from "./pair.ts";

/** What clang adds to an immediate load so that the hash is an instruction: B8 to BF, then the hash. Intel SDM volume 2, MOV. */
function isLoad(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xf8) === 0xb8;
}

const HASH = 4;

/** The kCFI type hash before a function's entry, as hexadecimal bytes; undefined where there is none. Clang: -fsanitize=kcfi. */
function typeHash(span: Span, arch: Arch): string | undefined {
  const { bytes, entry } = span;
  const isFiller = (from: number, to: number): boolean => from === to || arch.isPadding(bytes, from, to);
  const hashAt = (at: number): string => Buffer.from(bytes.subarray(at, at + HASH)).toString("hex");
  const named = span.symbols.find(({ symbol, offset }) => symbol.name.startsWith("__cfi_") && offset < entry);
  if (named !== undefined) {
    for (let at = named.offset; at + 1 + HASH <= entry; at++) {
      if (isLoad(bytes[at]) && isFiller(named.offset, at) && isFiller(at + 1 + HASH, entry)) return hashAt(at + 1);
    }
  }
  if (!hasBareTypeHash(arch)) return undefined;
  let at = entry - HASH;
  while (at >= 0 && isFiller(at, at + HASH)) at -= HASH;
  const isRelocated = span.relocations.some(({ offset }) => offset >= at && offset < at + HASH);
  return at < 0 || isRelocated ? undefined : hashAt(at);
}

/** Whether a pointer to a function may be stored somewhere: its name is for others, or something other than a call refers to it. */
function mayBeStored({ table, uses }: Side, span: Span): boolean {
  if (span.symbols.some(({ symbol }) => symbol.bind !== STB.LOCAL)) return true;
  return uses(span).some(({ from, relocation }) => {
    const reference = from.relocations[relocation];
    if (reference === undefined || reference.howto.role === "hint" || reference.howto.role === "none") return false;
    return !(isCode(from.kind) && isBranchField(table.arch, reference.howto, from.bytes, reference.offset));
  });
}

/**
 * That the type of a replaced function changes under kCFI. A caller by pointer compares the hash before the entry that it was
 * given, and that is the old entry's: the jump written there comes too late.
 */
export function typeHashFindings(pair: PlannedPair, span: Span, twin: Span): Finding[] {
  const { pre, post } = pair.diff;
  const before = typeHash(span, pre.table.arch);
  const after = typeHash(twin, post.table.arch);
  // Without a hash the new code is called by name only, and pointers stored earlier still find the old hash.
  if (after === undefined || before === after) return [];
  const isStored = mayBeStored(pre, span) || mayBeStored(post, twin);
  const detail = `${before ?? "nothing"} becomes ${after}`;
  return [spanFinding(pair, isStored ? "type-hash-changed" : "type-hash-unused", span, "pre", detail)];
}
