import { STT } from "../../elf/constants.ts";
import { hex } from "../../hex.ts";
import type { RunSymbol } from "../../image/run-symbols.ts";
import { isThumb } from "../../spans/thumb.ts";
import { wrap } from "../addresses.ts";
import { linkedView } from "../linked-view.ts";
import type { Context } from "../run-context.ts";
import type { RunPre } from "../run-pre.ts";
import type { SpanMatch } from "../span-match.ts";
import { addressInFile, fileOf } from "../tolerances/file-block.ts";
import { bareName } from "../tolerances/imports.ts";
import { addressBesides } from "../tolerances/neighbours.ts";
import type { CodeInput } from "../update-input.ts";
import type { Origin } from "../values.ts";

/** What new code needs to know of one symbol that it does not define. */
export interface NeededValue {
  readonly address: bigint | undefined;
  readonly from: Origin;
  /** Address of the slot that holds its address, for what the run system imports and calls by no stub. */
  readonly slot?: bigint;
  /** What the value is, where it is not a plain address. */
  readonly kind?: "thread-offset" | "ifunc" | "tagged" | "undefined";
}

type Needed = CodeInput["symbols"][number];
/** A value, or why there is none: `isAbsent` where the run system knows nothing of the name. */
type Found = NeededValue | { readonly why: string; readonly isAbsent?: true };

/** The value of a symbol that new code refers to and does not define; else why it has none. Ksplice: kmodsrc/ksplice.c, failed_to_find. */
export function neededValue(symbol: Needed, runPre: RunPre, matchOf: ReadonlyMap<string, SpanMatch>): Found {
  const { context } = runPre;
  const { label, name } = symbol;
  const match = matchOf.get(label);
  if (match !== undefined && isKnown(match)) return valueOfMatch(match, runPre);
  if (symbol.type === "absolute" && symbol.value !== undefined) {
    return { address: BigInt(symbol.value), from: "symbol-table" };
  }
  const found = imported(name, runPre);
  if (found !== undefined) return found;
  const known = context.values.get(label);
  if (known !== undefined) return tagged(name, known, context.values.originOf(label) ?? "text", runPre);
  if (match !== undefined && match.mismatch !== undefined)
    return { why: "what the run system has in its place differs" };
  const besides = match === undefined ? undefined : besideOthers(match, runPre);
  if (besides !== undefined && match !== undefined) {
    return { address: besides, from: "data", ...(match.span.kind === "tls" ? { kind: "thread-offset" as const } : {}) };
  }
  return named(symbol, runPre);
}

function isKnown({ status, address }: SpanMatch): boolean {
  return address !== undefined && (status === "matched" || status === "located");
}

function valueOfMatch(match: SpanMatch, { context }: RunPre): NeededValue {
  const { span } = match;
  const from = context.values.originOf(span) ?? "text";
  const inSpan = span.symbol === undefined ? 0 : span.entry;
  const moved = context.maps.get(span)?.startOf(inSpan) ?? inSpan;
  const address = wrap(context.arch, (match.address as bigint) + BigInt(moved));
  if (span.kind === "tls") return { address, from, kind: "thread-offset" };
  if (span.symbol?.type === STT.GNU_IFUNC) {
    const stub = context.values.imports.get(bareName(span.symbol.name))?.stub;
    return { address: stub ?? address, from, kind: "ifunc" };
  }
  return isThumb(context.arch, span) ? { address, from, kind: "tagged" } : { address, from };
}

/** What matched code calls by a stub or loads from a slot. */
function imported(name: string, { context }: RunPre): NeededValue | undefined {
  const found = context.values.imports.get(bareName(name));
  if (found === undefined) return undefined;
  const { stub, slot, ifunc } = found;
  if (stub === undefined && context.image.symbols.named(bareName(name)).length > 0) return undefined;
  return {
    address: stub,
    from: "text",
    ...(slot === undefined ? {} : { slot }),
    ...(ifunc ? { kind: "ifunc" as const } : {}),
  };
}

/** Where a piece of data is by the others of its section that are known: the linker keeps a section of one object together. */
function besideOthers(match: SpanMatch, { context, byObject }: RunPre): bigint | undefined {
  const mates = (byObject[match.object] ?? []).filter(
    (mate): mate is SpanMatch => mate !== undefined && mate.span.section === match.span.section && isKnown(mate),
  );
  if (match.span.section.entsize > 0) return undefined;
  const address = addressBesides(match, mates, 1) ?? inOwnFile(match, context, byObject);
  const { symbol, entry } = match.span;
  const known = symbol === undefined ? [] : context.image.symbols.named(symbol.name);
  // The symbols must not contradict.
  const isThere =
    known.length === 0 || known.some((candidate) => candidate.address === (address ?? 0n) + BigInt(entry));
  return isThere ? address : undefined;
}

function inOwnFile(match: SpanMatch, { image }: Context, byObject: RunPre["byObject"]): bigint | undefined {
  const { symbol } = match.span;
  return symbol === undefined
    ? undefined
    : addressInFile(image, symbol.name, fileOf(image, byObject[match.object] ?? []));
}

function tagged(name: string, address: bigint, from: Origin, { context }: RunPre): NeededValue {
  const symbol = context.image.symbols.named(bareName(name)).find((candidate) => candidate.address === address);
  return { address, from, ...kindOf(symbol) };
}

function kindOf(symbol: RunSymbol | undefined): Pick<NeededValue, "kind"> {
  if (symbol?.type === STT.TLS) return { kind: "thread-offset" };
  if (symbol?.type === STT.GNU_IFUNC) return { kind: "ifunc" };
  return symbol?.tagged ? { kind: "tagged" } : {};
}

/** By the run system's own symbols, if they have one of the name. */
function named({ name, bind }: Needed, { context }: RunPre): Found {
  const { symbols } = context.image;
  const found = symbols.named(bareName(name));
  const addresses = [...new Set(found.map(({ address }) => address))];
  const [only, second] = addresses;
  if (only !== undefined && second === undefined) {
    const [symbol] = found;
    const kind = kindOf(symbol);
    if (kind.kind === "ifunc") {
      const stub = linkedView(context.image)?.stubFor(only);
      if (stub === undefined)
        return { why: "a resolver chooses it (STT_GNU_IFUNC), and the run system has no stub for it" };
      return { address: stub, from: "symbol-table", kind: "ifunc" };
    }
    return { address: only, from: symbols.origin === "none" ? "symbol-table" : symbols.origin, ...kind };
  }
  if (only === undefined) {
    const slot = linkedView(context.image)?.slotOf(bareName(name));
    const stub = linkedView(context.image)?.stubOf(bareName(name));
    if (slot !== undefined || stub !== undefined) {
      return { address: stub, from: "symbol-table", ...(slot === undefined ? {} : { slot }) };
    }
    if (bind === "weak") return { address: 0n, from: "symbol-table", kind: "undefined" };
    return { why: "no symbol of that name", isAbsent: true };
  }
  return { why: `${addresses.length} symbols of that name: ${addresses.map(hex).join(", ")}` };
}
