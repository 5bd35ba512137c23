import { archFor } from "../arch/registry.ts";
import type { TypeDescription } from "../contract/layouts.ts";
import type { ElfObject } from "../elf/object.ts";
import { UsageError } from "../errors.ts";
import { describeHeader } from "../inspect/inspect.ts";
import type { ObjectHeader } from "../inspect/rows.ts";
import { byText } from "../order.ts";
import { describeType } from "../plan/layouts/layouts.ts";
import { hasTypes } from "../types/presence.ts";
import { keyOf, layoutsNamed } from "../types/structs.ts";
import { readLayouts } from "../types/types.ts";
import { joinLines } from "./escape.ts";
import { renderType } from "./layout-text.ts";

interface StructRow extends TypeDescription {
  /** struct, class, union, enum or typedef. */
  readonly kind: string;
  readonly name: string;
  /** The function in which it is declared. */
  readonly scope?: string;
}

export interface StructInspection extends ObjectHeader {
  readonly source: "DWARF" | "BTF";
  /** What of the debug information was not read. */
  readonly unread: readonly string[];
  readonly structs: readonly StructRow[];
}

/** The layouts of one name, `sta_info` or `struct sta_info`. Throws UsageError where there is none, FormatError and UnsupportedError where the debug information cannot be read. */
export async function inspectStruct(object: ElfObject, name: string): Promise<StructInspection> {
  const layouts = hasTypes(object) ? await readLayouts(object) : undefined;
  if (layouts === undefined)
    throw new UsageError(`${object.file}: no debug information (DWARF or BTF), so no type is known; compile with -g`);
  const found = layoutsNamed(layouts, name);
  const unread = layouts.graph.warnings.map(({ detail }) => detail);
  if (found.length === 0) {
    const why = unread.length === 0 ? "" : ` (not read: ${unread.join("; ")})`;
    throw new UsageError(`${object.file}: no type named ${name}${why}`);
  }
  const structs = found
    .map(
      (layout): StructRow => ({
        kind: layout.kind === "typedef" ? "typedef" : layout.keyword,
        name: layout.name,
        ...(layout.scope === "" ? {} : { scope: layout.scope }),
        ...describeType(layout, true),
      }),
    )
    .sort((a, b) =>
      byText(
        keyOf({ keyword: a.kind, kind: "struct", name: a.name, scope: a.scope ?? "" }),
        keyOf({ keyword: b.kind, kind: "struct", name: b.name, scope: b.scope ?? "" }),
      ),
    );
  return {
    ...describeHeader({ object, table: { arch: archFor(object) } }),
    source: layouts.graph.source,
    unread,
    structs,
  };
}

/** As pahole shows it. */
export function renderStructs({ structs, source, unread }: StructInspection): string {
  const lines = structs.flatMap(({ kind, name, scope, unit, ...type }) => [
    `/* ${[unit, scope === undefined ? undefined : `in ${scope}()`, source].filter((part) => part !== undefined).join(", ")} */`,
    ...renderType(kind, name, type),
    "",
  ]);
  return joinLines([...lines, ...unread.map((detail) => `/* not read: ${detail} */`)]);
}
