import { STB } from "../elf/constants.ts";
import { addTo } from "../grouping.ts";
import { signedHex } from "../hex.ts";
import { isAnonymousName, numberedBase } from "./names.ts";
import { isCode } from "./section-kind.ts";
import type { Span } from "./span.ts";
import type { Use } from "./uses.ts";

/** The label before it is made unique: the name of a global, `name<object>` for what is local, `base<function><object>` for static locals. */
function plainLabel(span: Span, object: string, uses: (span: Span) => readonly Use[]): string {
  const { symbol } = span;
  if (symbol === undefined || isAnonymousName(symbol.name)) {
    return `${span.section.name}${span.offset === 0 ? "" : signedHex(span.offset)}<${object}>`;
  }
  if (symbol.bind !== STB.LOCAL) return symbol.name;
  const base = isCode(span.kind) ? undefined : numberedBase(symbol.name);
  if (base === undefined) return `${symbol.name}<${object}>`;
  return `${base}<${userName(uses(span))}><${object}>`;
}

/** The one function that uses a static local; `*` when several or none do. */
function userName(uses: readonly Use[]): string {
  const names = new Set(
    uses.filter((use) => isCode(use.from.kind)).map((use) => use.from.name.replace(/\.cold(\.\d+)?$/, "")),
  );
  return names.size === 1 ? ([...names][0] as string) : "*";
}

/** Gives every span its label; spans whose plain labels collide get `~0`, `~1`, … in section order. `taken` are labels that others hold already. */
export function labelSpans(
  spans: readonly Span[],
  object: string,
  uses: (span: Span) => readonly Use[],
  taken: ReadonlySet<string> = new Set(),
): ReadonlyMap<Span, string> {
  const groups = new Map<string, Span[]>();
  for (const span of spans) {
    const plain = plainLabel(span, object, uses);
    addTo(groups, plain, span);
  }
  const labels = new Map<Span, string>();
  for (const [plain, group] of groups) {
    if (group.length === 1 && !taken.has(plain)) {
      labels.set(group[0] as Span, plain);
      continue;
    }
    let number = 0;
    for (const span of group) {
      while (taken.has(`${plain}~${number}`) || groups.has(`${plain}~${number}`)) number++;
      labels.set(span, `${plain}~${number++}`);
    }
  }
  return labels;
}
