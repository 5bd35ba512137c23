import type { Patch } from "../../contract/code.ts";
import type { FunctionChange } from "../../contract/description.ts";
import { STB } from "../../elf/constants.ts";
import type { ElfObject } from "../../elf/object.ts";
import type { Finding } from "../../findings/findings.ts";
import { addTo } from "../../grouping.ts";
import { signedHex } from "../../hex.ts";
import { byText } from "../../order.ts";
import { parentFunction } from "../../spans/names.ts";
import { isCode } from "../../spans/section-kind.ts";
import { isFunctionSymbol, type Span, type SpanTable } from "../../spans/span.ts";
import { type PlannedPair, spanFinding } from "./pair.ts";

/** Names of the functions that the compiler calls at entry. */
const HOOKS: ReadonlyMap<string, "fentry" | "mcount"> = new Map([
  ["__fentry__", "fentry"],
  ["mcount", "mcount"],
  ["_mcount", "mcount"],
  ["__gnu_mcount_nc", "mcount"],
]);
/** The call stands after endbr, bti, or the set-up of a frame or a TOC pointer. */
const NEAR_ENTRY = 32;

/** How the kernel can redirect a function at entry without a trampoline. Linux: Documentation/livepatch. */
export function entryHook(span: Span): FunctionChange["entry"] {
  for (const { offset, symbol } of span.relocations) {
    if (offset > span.entry + NEAR_ENTRY) break;
    const kind = HOOKS.get(symbol?.name ?? "");
    if (kind !== undefined) return { kind, offset: offset - span.entry };
  }
  for (const entry of span.entries) {
    const offset = entry.ownerOffset - span.entry;
    if (entry.section.name === "__patchable_function_entries") return { kind: "patchable", offset };
    if (entry.section.name === "__mcount_loc" && offset <= NEAR_ENTRY) return { kind: "mcount", offset };
  }
  return { kind: "none", offset: 0 };
}

/** Whether the kernel can redirect any function of an object at entry: it was built for tracing. */
export function hasEntryHooks({ spans }: SpanTable): boolean {
  return spans.some((span) => isCode(span.kind) && entryHook(span).kind !== "none");
}

/** Tables of places at which functions can be redirected. */
const HOOK_TABLES = /^(__patchable_function_entries|__mcount_loc)$/;

/** Whether two objects have something by which a function could be redirected at entry. */
export function mayHaveEntryHooks(...objects: readonly ElfObject[]): boolean {
  return objects.some(
    ({ symbols, sections }) =>
      symbols.some(({ name }) => HOOKS.has(name)) || sections.some(({ name }) => HOOK_TABLES.test(name)),
  );
}

interface EntryPoint {
  readonly offset: number;
  readonly names: readonly string[];
}

/** Offsets at which a function can be entered from outside, each with the names that lead there. */
function entryPoints(span: Span): EntryPoint[] {
  const points = new Map<number, string[]>([[span.entry, []]]);
  for (const { symbol, offset } of span.symbols) {
    if (offset !== span.entry && (symbol.bind === STB.LOCAL || !isFunctionSymbol(symbol) || offset < span.entry))
      continue;
    addTo(points, offset, symbol.name);
  }
  return [...points].map(([offset, names]) => ({ offset, names })).sort((a, b) => a.offset - b.offset);
}

/** The trampolines for one replaced function, and what stands in their way. */
export interface Redirection {
  readonly patches: readonly Patch[];
  readonly findings: readonly Finding[];
}

/** One trampoline per entry point of the old function, to where the new one has the same name. */
export function redirect(pair: PlannedPair, pre: Span, post: Span): Redirection {
  const { size } = pair.diff.pre.table.arch.trampoline;
  const label = pair.preLabels.get(pre) as string;
  const places = new Map<string, number>();
  for (const { symbol, offset } of post.symbols) places.set(symbol.name, offset);
  const findings: Finding[] = [];
  const patches: Patch[] = [];
  const points = entryPoints(pre);
  for (const [i, { offset, names }] of points.entries()) {
    const room = (points[i + 1]?.offset ?? pre.size) - offset - (offset === pre.entry ? pre.localEntry : 0);
    const isLast = i === points.length - 1;
    // Only its own function jumps into a cold part, and that one is replaced.
    const isPart = parentFunction(pre.name) !== undefined && pre.name.includes(".cold");
    if (room < size && isPart) continue;
    if (room < size) {
      const code = isLast ? "trampoline-no-room" : "trampolines-overlap";
      findings.push(
        spanFinding(pair, code, pre, "pre", `${room} bytes at offset ${offset - pre.entry}, ${size} are needed`),
      );
    }
    const targets = new Map(names.filter((name) => places.has(name)).map((name) => [places.get(name) as number, name]));
    if (targets.size > 1) {
      const words = [...targets]
        .map(([place, name]) => `${name} at ${signedHex(place - post.entry)}`)
        .sort(byText)
        .join(", ");
      findings.push(spanFinding(pair, "entry-point-moved", pre, "pre", words));
    }
    const place = [...targets.keys()][0] ?? (offset === pre.entry ? post.entry : undefined);
    // What enters at the global entry point of a ppc64le function passes its local one.
    const isMain = offset === pre.entry;
    patches.push({
      type: "text",
      oldLabel: label,
      oldOffset: offset - pre.entry + (isMain ? pre.localEntry : 0),
      replacement: place === undefined ? null : (pair.postLabels.get(post) as string),
      ...(place === undefined ? {} : { replacementOffset: place - post.entry + (isMain ? post.localEntry : 0) }),
      size,
    });
  }
  const newSize = post.size - post.entry - post.localEntry;
  if (newSize < size) {
    findings.push(spanFinding(pair, "trampoline-no-room-next", post, "post", `${newSize} bytes, ${size} are needed`));
  }
  return { patches, findings };
}

/** A deleted function traps code that still enters it, if a trampoline has room there. */
export function trap(pair: PlannedPair, pre: Span): readonly Patch[] {
  const { size } = pair.diff.pre.table.arch.trampoline;
  if (size === 0 || pre.size - pre.entry - pre.localEntry < size) return [];
  const oldLabel = pair.preLabels.get(pre) as string;
  return [{ type: "text", oldLabel, oldOffset: pre.localEntry, replacement: null, size }];
}
