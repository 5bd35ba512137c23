import type { SymbolResult } from "../../contract/match.ts";
import { STB } from "../../elf/constants.ts";
import { hex } from "../../hex.ts";
import type { RunImage } from "../../image/image.ts";
import { symposOf } from "../../image/sympos.ts";
import { byText } from "../../order.ts";
import { referenceOf } from "../context.ts";
import type { RunPre } from "../run-pre.ts";
import type { SpanMatch } from "../span-match.ts";
import type { Subject } from "../subject.ts";
import type { Origin } from "../values.ts";
import { isOverridden } from "../weak.ts";
import type { NeededValue } from "./needed-values.ts";

/** Values of names that only the new code needs. */
export type NamedValues = ReadonlyMap<string, NeededValue & { readonly name: string }>;

/** Every symbol that the objects define or refer to, with its value in the run system. The first value of a label counts. */
export function symbolResults(
  subjects: readonly Subject[],
  image: RunImage,
  runPre: RunPre,
  names: NamedValues = new Map(),
): SymbolResult[] {
  const results = new Map<string, SymbolResult>();
  const add = ({ label, name, address, from }: SymbolValue): void => {
    if (results.has(label)) return;
    results.set(label, {
      label,
      name,
      value: address === undefined ? null : hex(address),
      sympos: address === undefined ? null : symposOf(image.symbols, name, address),
      from: address === undefined ? null : (from ?? "text"),
    });
  };
  // What new code needs is known best: where its name says something else the value was looked for further.
  for (const [label, value] of names) results.set(label, resultOfNeeded(label, value, image));
  for (const [object, { labels }] of subjects.entries())
    for (const match of runPre.byObject[object] ?? [])
      for (const value of match === undefined ? [] : definedIn(match, labels, image, runPre)) add(value);
  const { values } = runPre.context;
  for (const { table } of subjects) {
    for (const { relocations } of table.spans) {
      for (const relocation of relocations) {
        const key = referenceOf(runPre.context, relocation)?.key;
        if (typeof key === "string")
          add({ label: key, name: key, address: values.get(key), from: values.originOf(key) });
      }
    }
  }
  return [...results.values()].sort((a, b) => byText(a.label, b.label));
}

interface SymbolValue {
  readonly label: string;
  readonly name: string;
  readonly address: bigint | undefined;
  readonly from: Origin | undefined;
}

function resultOfNeeded(
  label: string,
  { name, address, from, slot, kind }: NeededValue & { readonly name: string },
  image: RunImage,
): SymbolResult {
  return {
    label,
    name,
    value: address === undefined ? null : hex(address),
    sympos: address === undefined || kind === "undefined" ? null : symposOf(image.symbols, name, address),
    from,
    ...(slot === undefined ? {} : { slot: hex(slot) }),
    ...(kind === undefined ? {} : { kind }),
  };
}

/** The symbols of a span: its own, and the global ones inside it. */
function* definedIn(
  match: SpanMatch,
  labels: Subject["labels"],
  image: RunImage,
  { context }: RunPre,
): Generator<SymbolValue, void, undefined> {
  const { span } = match;
  if (span.symbol === undefined) return;
  const known = match.status === "unmatched" || match.status === "ambiguous" ? undefined : match.address;
  const from = context.values.originOf(span);
  for (const { symbol, offset } of span.symbols) {
    const isMain = symbol === span.symbol;
    if (!isMain && symbol.bind === STB.LOCAL) continue;
    if (isOverridden(image, symbol)) {
      yield strongValue(symbol.name, image);
      continue;
    }
    const label = isMain ? (labels.get(span) as string) : symbol.name;
    // What was deleted or inserted before it moved a symbol inside the span.
    const map = context.maps.get(span);
    const moved = map === undefined ? offset : map.startOf(offset);
    const address = known === undefined || moved === undefined ? undefined : known + BigInt(moved);
    yield { label, name: symbol.name, address, from };
  }
}

/** A weak symbol's value where a strong one took its place; undefined unless there is exactly one. */
function strongValue(name: string, { symbols }: RunImage): SymbolValue {
  const [strong, second] = symbols.named(name);
  const from = symbols.origin === "none" ? undefined : symbols.origin;
  return { label: name, name, address: second === undefined ? strong?.address : undefined, from };
}
