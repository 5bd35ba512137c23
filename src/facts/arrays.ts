import type { ObjectDiff } from "../diff/diff.ts";
import { addTo } from "../grouping.ts";
import { hasSpans } from "../spans/section-kind.ts";
import type { Span } from "../spans/span.ts";
import type { Fact } from "./fact.ts";

/**
 * Sections that code walks from their start to their stop, for which a linker makes symbols: those whose names a C program can
 * write (GNU ld, `__start_NAME`), and those that a linker script gathers in order (vmlinux.lds.h: initcalls, `__setup`).
 */
const ARRAY = /^[A-Za-z_]\w*$|\.init$|^\.con_initcall|^\.(pre)?(init|fini)_array|^\.[cd]tors/;

/** Arrays whose elements are the same and stand in another order: none of their contents tells. */
export function arrayFacts({ pre, pairing }: ObjectDiff): Fact[] {
  const byName = new Map<string, Span[]>();
  for (const { index, name } of pre.table.object.sections)
    if (ARRAY.test(name) && hasSpans(pre.table.kinds[index] ?? "metadata"))
      for (const span of pre.table.spansOf(index)) addTo(byName, name, span);
  const facts: Fact[] = [];
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
