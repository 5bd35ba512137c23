import type { SymbolResult } from "../../contract/match.ts";
import { STB } from "../../elf/constants.ts";
import { hex } from "../../hex.ts";
import type { RunImage } from "../../image/image.ts";
import { symposOf } from "../../image/sympos.ts";
import { referenceOf } from "../context.ts";
import type { RunPre } from "../run-pre.ts";
import type { Subject } from "../subject.ts";
import type { Origin } from "../values.ts";
import { isOverridden } from "../weak.ts";
import type { NeededValue } from "./needed-values.ts";

/** Values of names that only the new code needs. */
export type NamedValues = ReadonlyMap<string, NeededValue & { readonly name: string }>;

/** Every symbol that the objects define or refer to, with its value in the run system. */
export function symbolResults(
  subjects: readonly Subject[],
  image: RunImage,
  runPre: RunPre,
  names: NamedValues = new Map(),
): SymbolResult[] {
  const results = new Map<string, SymbolResult>();
  const add = (label: string, name: string, address: bigint | undefined, from: Origin | undefined): void => {
    if (results.has(label)) return;
    results.set(label, {
      label,
      name,
      value: address === undefined ? null : hex(address),
      sympos: address === undefined ? null : symposOf(image.symbols, name, address),
      from: address === undefined ? null : (from ?? "text"),
    });
  };
  const { values } = runPre.context;
  // What new code needs is known best: where its name says something else the value was looked for further.
  for (const [label, { name, address, from, slot, kind }] of names) {
    results.set(label, {
      label,
      name,
      value: address === undefined ? null : hex(address),
      sympos: address === undefined || kind === "undefined" ? null : symposOf(image.symbols, name, address),
      from,
      ...(slot === undefined ? {} : { slot: hex(slot) }),
      ...(kind === undefined ? {} : { kind }),
    });
  }
  for (const [object, { labels }] of subjects.entries()) {
    for (const match of runPre.byObject[object] ?? []) {
      if (match?.span.symbol === undefined) continue;
      const { span } = match;
      const known = match.status === "unmatched" || match.status === "ambiguous" ? undefined : match.address;
      const from = values.originOf(span);
      for (const { symbol, offset } of span.symbols) {
        const isMain = symbol === span.symbol;
        if (!isMain && symbol.bind === STB.LOCAL) continue;
        if (isOverridden(image, symbol)) {
          const [strong, second] = image.symbols.named(symbol.name);
          const origin = image.symbols.origin === "none" ? undefined : image.symbols.origin;
          add(symbol.name, symbol.name, second === undefined ? strong?.address : undefined, origin);
          continue;
        }
        const label = isMain ? (labels.get(span) as string) : symbol.name;
        // What was deleted or inserted before it moved a symbol inside the span.
        const map = runPre.context.maps.get(span);
        const moved = map === undefined ? offset : map.startOf(offset);
        const value = known === undefined || moved === undefined ? undefined : known + BigInt(moved);
        add(label, symbol.name, value, from);
      }
    }
  }
  for (const { table } of subjects) {
    for (const { relocations } of table.spans) {
      for (const relocation of relocations) {
        const key = referenceOf(runPre.context, relocation)?.key;
        if (typeof key === "string") add(key, key, values.get(key), values.originOf(key));
      }
    }
  }
  return [...results.values()].sort((a, b) => (a.label < b.label ? -1 : a.label > b.label ? 1 : 0));
}
