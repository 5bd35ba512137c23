import type { ObjectDiff } from "../diff/diff.ts";
import { addTo } from "../grouping.ts";
import { hasSpans } from "../spans/section-kind.ts";
import type { Span, SpanTable } from "../spans/span.ts";
import type { Fact } from "./fact.ts";

/**
 * Sections that code walks from their start to their stop, for which a linker makes symbols: those whose names a C program can
 * write (GNU ld, `__start_NAME`), and those that a linker script gathers in order (vmlinux.lds.h: initcalls, `__setup`).
 */
const ARRAY = /^[A-Za-z_]\w*$|\.init$|^\.con_initcall|^\.(pre)?(init|fini)_array|^\.[cd]tors/;

/** Arrays whose elements are the same and stand in another order: none of their contents tells. */
export function arrayFacts({ pre, post, pairing }: ObjectDiff): Fact[] {
  const byName = new Map<string, Span[]>();
  for (const { index, name } of pre.table.object.sections) {
    const kind = pre.table.kinds[index] ?? "metadata";
    // Names of exports are reached through the entries of their table; nothing walks the strings.
    if (ARRAY.test(name) && hasSpans(kind) && kind !== "export-string")
      for (const span of pre.table.spansOf(index)) addTo(byName, name, span);
  }
  const facts = sizeFacts(pre.table, post.table);
  for (const [name, spans] of byName) {
    let last: Span | undefined;
    for (const span of spans) {
      const twin = pairing.postOf[span.id];
      if (twin === undefined || twin.section.name !== name || span.size === 0) continue;
      // Spans are numbered by section and offset.
      if (last !== undefined && last.id > twin.id) {
        facts.push({
          weight: "changed",
          subject: name,
          detail: `its elements stand in another order: ${twin.name} comes before ${last.name} now`,
        });
        break;
      }
      last = twin;
    }
  }
  return facts;
}

/** Names for which GNU ld defines `__start_NAME` and `__stop_NAME`. */
const WALKED = /^[A-Za-z_]\w*$/;

/** Bytes that an object adds to each array of plain data; what is read at boot by name is told as a registration. */
function arraySizes({ object, kinds }: SpanTable): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const { index, name, size } of object.sections) {
    const kind = kinds[index];
    if (WALKED.test(name) && (kind === "data" || kind === "rodata" || kind === "bss"))
      sizes.set(name, (sizes.get(name) ?? 0) + size);
  }
  return sizes;
}

/** An array that grows or shrinks is another one to code that walks it: what runs does not get the new elements. */
function sizeFacts(pre: SpanTable, post: SpanTable): Fact[] {
  const after = arraySizes(post);
  return [...arraySizes(pre)].flatMap(([subject, size]): Fact[] => {
    const now = after.get(subject);
    if (now === undefined || now === size) return [];
    return [{ weight: "changed", subject, detail: `the array of this name has ${now} bytes here, and had ${size}` }];
  });
}
