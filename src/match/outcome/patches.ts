import type { TrampolineResult } from "../../contract/match.ts";
import type { MatchFinding } from "../../findings/match.ts";
import { hex, hexValue, signedHex } from "../../hex.ts";
import type { RunImage } from "../../image/image.ts";
import { isThumb } from "../../spans/thumb.ts";
import { type Context, wrap } from "../context.ts";
import type { RunPre, SpanMatch } from "../run-pre.ts";
import type { ChangeInput, CodeInput, PatchInput, UpdateInput } from "../update-input.ts";
import type { Abort } from "./describe.ts";
import { type NeededValue, neededValue } from "./needed-values.ts";
import type { NamedValues } from "./symbol-results.ts";
import { trampoline, trapBytes } from "./trampoline.ts";

/** What an update needs from the run system, and what stands in its way there. */
export interface PatchPlan {
  readonly patches: readonly TrampolineResult[];
  readonly names: NamedValues;
  readonly aborts: readonly Abort[];
  readonly findings: readonly MatchFinding[];
}

interface Plan {
  readonly patches: TrampolineResult[];
  readonly names: Map<string, NeededValue & { readonly name: string }>;
  readonly aborts: Abort[];
  readonly findings: MatchFinding[];
}

/** What the caller knows of how new code is loaded. */
interface LoadPlan {
  /** Where the new code will lie, if that is known. */
  readonly loadAddress?: bigint | undefined;
  /** Whether the loader looks up a name that the run system knows nothing of. */
  readonly looksUp?: ((name: string) => boolean) | undefined;
}

/** Places every patch of an update. */
export function placePatches(
  update: UpdateInput,
  runPre: RunPre,
  matchOf: ReadonlyMap<string, SpanMatch>,
  { loadAddress, looksUp = () => false }: LoadPlan,
): PatchPlan {
  const plan: Plan = { patches: [], names: new Map(), aborts: [], findings: [] };
  let free = loadAddress;
  for (const change of update.changes) {
    const layout = free === undefined ? undefined : layOut(change.newCode, free);
    findNames(change, runPre, matchOf, plan, looksUp);
    for (const patch of change.patches) {
      if (patch.type === "export") placeExport(patch, runPre.context, plan);
      else placePatch(patch, runPre, matchOf, layout?.places, plan);
    }
    if (layout === undefined) continue;
    checkRelocations(change, runPre, matchOf, layout.places, plan);
    free = layout.end;
  }
  checkOverlaps(plan);
  return plan;
}

function abort(plan: Plan, cause: Abort["cause"], finding: MatchFinding): void {
  plan.findings.push(finding);
  plan.aborts.push({ cause, at: finding.label, why: finding.detail });
}

/** Addresses of the new sections, one behind the other, and the first address behind them. */
function layOut(
  code: CodeInput,
  start: bigint,
): { readonly places: ReadonlyMap<string, bigint>; readonly end: bigint } {
  const places = new Map<string, bigint>();
  let at = start;
  for (const { label, size, align } of code.sections) {
    const unit = BigInt(Math.max(1, align));
    at = ((at + unit - 1n) / unit) * unit;
    places.set(label, at);
    at += BigInt(size);
  }
  return { places, end: at };
}

/** The value of every symbol that new code refers to and does not define. Ksplice: kmodsrc/ksplice.c, failed_to_find. */
function findNames(
  change: ChangeInput,
  runPre: RunPre,
  matchOf: ReadonlyMap<string, SpanMatch>,
  plan: Plan,
  looksUp: (name: string) => boolean,
): void {
  const used = new Set(change.newCode.relocations.map(({ symbol }) => symbol));
  const own = new Set(change.newCode.sections.map(({ label }) => label));
  for (const symbol of change.newCode.symbols) {
    const { label, section } = symbol;
    if (section !== null || !used.has(label) || own.has(label)) continue;
    const found = neededValue(symbol, runPre, matchOf);
    if ("why" in found) {
      if (found.isAbsent && symbol.bind === "global" && looksUp(symbol.name)) continue;
      abort(plan, "failed_to_find", { code: "symbol-without-value", label, detail: found.why });
    } else plan.names.set(label, { ...found, name: symbol.name });
  }
}

function placePatch(
  patch: PatchInput,
  { context }: RunPre,
  matchOf: ReadonlyMap<string, SpanMatch>,
  layout: ReadonlyMap<string, bigint> | undefined,
  plan: Plan,
): void {
  const match = matchOf.get(patch.oldLabel);
  if (match?.address === undefined || (match.status !== "matched" && match.status !== "located")) return;
  const { arch } = context;
  const inSpan = patch.oldOffset + match.span.entry;
  const map = context.maps.get(match.span);
  const runOffset = map === undefined ? inSpan : map.startOf(inSpan);
  const oldAddress = wrap(arch, match.address + BigInt(runOffset ?? inSpan));
  const last = match.blocks.find(({ start, size }) => (runOffset ?? 0) >= start && (runOffset ?? 0) < start + size);
  if (last !== undefined && (runOffset ?? 0) + patch.size > last.start + last.size) {
    const detail = `${patch.size} bytes at ${signedHex(inSpan)}, ${last.start + last.size - (runOffset ?? 0)} are left`;
    abort(plan, "unexpected", { code: "patch-too-long", label: patch.oldLabel, detail });
  }
  const place = patch.replacement === null ? undefined : layout?.get(patch.replacement);
  const newAddress = place === undefined ? undefined : wrap(arch, place + BigInt(patch.replacementOffset ?? 0));
  const saved = context.image.memory.read(oldAddress, patch.size) ?? new Uint8Array(0);
  plan.patches.push({
    label: patch.oldLabel,
    offset: patch.oldOffset,
    oldAddress: hex(oldAddress),
    size: patch.size,
    replacement: patch.replacement,
    newAddress: newAddress === undefined ? null : hex(newAddress),
    ...(patch.type === "text" ? trampolineOf(patch, context, match, oldAddress, newAddress, plan) : { bytes: null }),
    saved: Buffer.from(saved).toString("hex"),
  });
}

/** What the names of the entries of a kernel's export table begin with. Linux: include/linux/export-internal.h. */
const EXPORT_ENTRY = "__ksymtab_";

function listsExports({ symbols }: RunImage): boolean {
  for (const { name } of symbols.all()) if (name.startsWith(EXPORT_ENTRY)) return true;
  return false;
}

/** An export that is taken away must be there; its entry in the kernel's table is what is written. Ksplice: kmodsrc/ksplice.c, missing_export. */
function placeExport(patch: PatchInput, { image }: Context, plan: Plan): void {
  if (patch.replacement !== null) return;
  const name = patch.oldLabel.slice(patch.oldLabel.indexOf(":") + 1);
  const [entry] = image.symbols.named(`${EXPORT_ENTRY}${name}`);
  if (entry === undefined) {
    // Some lists have no entries of the table; then the exported name itself must do.
    if (image.symbols.named(name).length > 0 && !listsExports(image)) return;
    const detail = "the run system does not export it";
    abort(plan, "missing_export", { code: "export-missing", label: patch.oldLabel, detail });
    return;
  }
  const saved = image.memory.read(entry.address, patch.size) ?? new Uint8Array(0);
  plan.patches.push({
    label: patch.oldLabel,
    offset: patch.oldOffset,
    oldAddress: hex(entry.address),
    size: patch.size,
    replacement: null,
    newAddress: null,
    bytes: null,
    saved: Buffer.from(saved).toString("hex"),
  });
}

/** What is written at the old entry: a jump to the new one, or traps where there is none. Ksplice: kmodsrc/ksplice.c, struct ksplice_patch. */
function trampolineOf(
  patch: PatchInput,
  { arch }: Context,
  { span }: SpanMatch,
  from: bigint,
  to: bigint | undefined,
  plan: Plan,
): Pick<TrampolineResult, "bytes" | "open"> {
  const isTagged = isThumb(arch, span);
  if (patch.replacement === null) {
    const traps = trapBytes(arch, patch.size, isTagged);
    return { bytes: traps === undefined ? null : hexOf(traps) };
  }
  const made = trampoline(arch, { from, to, size: patch.size, isThumb: isTagged });
  if (made.kind === "bytes") return { bytes: hexOf(made.bytes) };
  if (made.kind === "open") return { bytes: null, open: { template: hexOf(made.bytes), fields: [...made.fields] } };
  if (made.kind === "far" && to !== undefined) {
    const detail = `${hex(from)} to ${hex(to)} is farther than ${hex(made.reach)} bytes`;
    abort(plan, "unexpected", { code: "patch-out-of-reach", label: patch.oldLabel, detail });
  }
  return { bytes: null };
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Whether every pc-relative field of the new code reaches what it refers to. */
function checkRelocations(
  change: ChangeInput,
  runPre: RunPre,
  matchOf: ReadonlyMap<string, SpanMatch>,
  layout: ReadonlyMap<string, bigint>,
  plan: Plan,
): void {
  const howtos = new Map([...runPre.context.arch.howtos.values()].map((howto) => [howto.name, howto]));
  for (const { section, offset, howto: name, symbol, insnAddend, targetAddend } of change.newCode.relocations) {
    const howto = howtos.get(name);
    const start = layout.get(section);
    const target = layout.get(symbol) ?? matchOf.get(symbol)?.address ?? plan.names.get(symbol)?.address;
    if (howto === undefined || start === undefined || target === undefined) continue;
    if (howto.size === 0 || howto.size > 4 || howto.encoding !== undefined || howto.bits !== undefined) continue;
    if (howto.role !== "address" && howto.role !== "branch") continue;
    const place = howto.pcrel ? start + BigInt(offset) : 0n;
    const value =
      BigInt.asIntN(64, target + hexValue(targetAddend) + hexValue(insnAddend) - place) >> BigInt(howto.rightshift);
    const bits = 8 * howto.size;
    const fits = howto.signed
      ? BigInt.asIntN(bits, value) === value
      : BigInt.asUintN(bits, value) === BigInt.asUintN(64, value);
    if (fits) continue;
    const detail = `${name} at ${signedHex(offset)} to ${symbol} at ${hex(target)}`;
    abort(plan, "unexpected", { code: "relocation-overflow", label: section, detail });
  }
}

/** No two patches may overlap. Ksplice: kmodsrc/ksplice.c, struct ksplice_patch. */
function checkOverlaps(plan: Plan): void {
  const sorted = [...plan.patches].sort((a, b) => (BigInt(a.oldAddress) < BigInt(b.oldAddress) ? -1 : 1));
  for (const [index, patch] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next === undefined) continue;
    if (BigInt(patch.oldAddress) + BigInt(patch.size) <= BigInt(next.oldAddress)) continue;
    const detail = `${patch.oldAddress} and ${next.label} at ${next.oldAddress}`;
    abort(plan, "unexpected", { code: "patches-overlap", label: patch.label, detail });
  }
}
