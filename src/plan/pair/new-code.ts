import type { Howto } from "../../arch/arch.ts";
import { isBranchField } from "../../arch/branch.ts";
import { targetText } from "../../diff/difference.ts";
import { STB, STT } from "../../elf/constants.ts";
import type { Finding } from "../../findings/findings.ts";
import { namesPosition } from "../../spans/references.ts";
import { isCode } from "../../spans/section-kind.ts";
import type { Span, SpanRelocation } from "../../spans/span.ts";
import { addressFindings } from "./addresses.ts";
import { anchoredFindings } from "./anchored.ts";
import { outcomeOfPre, type PlannedPair, spanFinding } from "./pair.ts";
import { unwindFindings } from "./unwinding.ts";

/** Post functions that will be loaded: replacements and new ones. */
function loadedFunctions(pair: PlannedPair): Span[] {
  const { post, pairing } = pair.diff;
  return post.table.spans.filter((span) => {
    if (!isCode(span.kind) || span.kind === "fragment" || span.kind === "init-text") return false;
    const twin = pairing.preOf[span.id];
    return twin === undefined || outcomeOfPre(pair, twin) === "replaced";
  });
}

/** What the code that is to be loaded needs from elsewhere and may not get. */
export function checkNewCode(pair: PlannedPair): Finding[] {
  const loaded = loadedFunctions(pair);
  const isLoaded = new Set(loaded);
  const each = loaded.flatMap((span) => [
    ...siblingCalls(pair, span, isLoaded),
    ...shortBranches(pair, span, isLoaded),
    ...foreignKeys(pair, span),
    ...anchoredFindings(pair, span),
    ...lostPlaces(pair, span, isLoaded),
  ]);
  return [...each, ...addressFindings(pair, loaded), ...unwindFindings(pair, loaded)];
}

/** Jumps out of the new code where the caller's TOC pointer must be restored. OpenPOWER ELF V2 ABI, 2.2.1.1. */
function siblingCalls(pair: PlannedPair, span: Span, loaded: ReadonlySet<Span>): Finding[] {
  const { arch } = pair.diff.post.table;
  if (arch.isSiblingCall === undefined) return [];
  return span.relocations
    .filter(
      ({ howto, offset, target, symbol }) =>
        !(target !== undefined && loaded.has(target)) &&
        arch.isSiblingCall?.(howto, span.bytes, offset, symbol?.name ?? ""),
    )
    .map(({ offset, target, symbol }) =>
      spanFinding(pair, "sibling-call", span, "post", target?.name ?? symbol?.name ?? "another function", {
        offset: offset - span.entry,
      }),
    );
}

/** Bits of distances within which new code is never sure to lie: a branch with fewer reaches 8 MiB at most. */
const FAR = 24;
/** Of branches between functions that are both new: what a loader puts side by side is nearer than 4 KiB. */
const NEAR = 13;

/** Jumps to another function that were made for its being near, and cannot reach it from where new code lies. */
function shortBranches(pair: PlannedPair, span: Span, loaded: ReadonlySet<Span>): Finding[] {
  const { arch } = pair.diff.post.table;
  for (const { howto, offset, target } of span.relocations) {
    if (!howto.pcrel || target === undefined || target === span || !isCode(target.kind)) continue;
    if (reachOf(howto) >= (loaded.has(target) ? NEAR : FAR) || !isBranchField(arch, howto, span.bytes, offset))
      continue;
    return [spanFinding(pair, "short-branch", span, "post", target.name, { offset: offset - span.entry })];
  }
  return [];
}

/** Bits of the distances that a field holds. */
function reachOf({ bits, mask, rightshift }: Howto): number {
  const width = bits?.reduce((sum, [, count]) => sum + count, 0) ?? mask.toString(2).replaceAll("0", "").length;
  return width + rightshift;
}

const KEYED = /^(__jump_table|\.static_call_sites)$/;

/** Static keys and static calls that this object does not define. Linux: include/linux/jump_label.h, static_call_types.h. */
function foreignKeys(pair: PlannedPair, span: Span): Finding[] {
  const keys = new Set<string>();
  for (const entry of span.entries) {
    if (!KEYED.test(entry.section.name)) continue;
    const key = entry.relocations.at(-1)?.symbol;
    if (key !== undefined && key.section === undefined && key.type !== STT.SECTION) keys.add(key.name);
  }
  return [...keys].map((key) => spanFinding(pair, "static-key-elsewhere", span, "post", key));
}

/** References into sections of which nothing is loaded: to a table entry of other code, or outside every entry. */
function lostPlaces(pair: PlannedPair, span: Span, loaded: ReadonlySet<Span>): Finding[] {
  const isLost = ({ into, symbol }: SpanRelocation): boolean => {
    if (into === undefined || (symbol !== undefined && !namesPosition(symbol) && symbol.bind !== STB.LOCAL))
      return false;
    const owner = into.entry?.owner;
    return owner === undefined || !loaded.has(owner.owner ?? owner);
  };
  return span.relocations.filter(isLost).map((relocation) =>
    spanFinding(pair, "reference-unresolved", span, "post", targetText(relocation), {
      offset: relocation.offset - span.entry,
    }),
  );
}

/** `.modinfo` strings that only one side has: imported namespaces, aliases, dependencies. Linux: include/linux/moduleparam.h. */
export function compareModuleInfo(pair: PlannedPair): Finding[] {
  const strings = (side: "pre" | "post"): string[] =>
    pair.diff[side].table.object.sections
      .filter((section) => section.name === ".modinfo")
      .flatMap((section) => Buffer.from(section.bytes).toString("utf8").split("\0"))
      .filter((text) => text !== "" && !/^(srcversion|vermagic|name|parmtype)=/.test(text));
  const before = strings("pre");
  const after = strings("post");
  const only = (some: readonly string[], others: readonly string[], sign: string): string[] =>
    some.filter((text) => !others.includes(text)).map((text) => `${sign}${text}`);
  const changes = [...only(before, after, "-"), ...only(after, before, "+")];
  if (changes.length === 0) return [];
  return [
    { code: "module-info-changed", where: { object: pair.index, section: ".modinfo" }, detail: changes.join(", ") },
  ];
}
