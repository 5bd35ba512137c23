import type { FunctionSource, SourceLine } from "../../contract/cause.ts";
import { ET, STB, STT } from "../../elf/constants.ts";
import { sourceFileOf } from "../../elf/notes.ts";
import type { ElfObject } from "../../elf/object.ts";
import { FormatError, UnsupportedError } from "../../errors.ts";
import { isCode } from "../../spans/section-kind.ts";
import type { Span } from "../../spans/span.ts";
import { hasLines } from "../../types/presence.ts";
import type { DebugSections } from "../../types/sections.ts";
import type { SourceView } from "../../types/source.ts";
import type { PlannedPair } from "./pair.ts";

/** What debug information tells of the functions that a pair's description lists; undefined on a side where it tells nothing. */
export interface PairSources {
  readonly pre: SourceView | undefined;
  readonly post: SourceView | undefined;
}

/** The debug sections that were read for types. */
export interface ReadSections {
  readonly pre: DebugSections | undefined;
  readonly post: DebugSections | undefined;
}

/**
 * Reads where the functions that differ are in the source. Undefined where neither object tells, and where nothing differs:
 * then no debug information is read. What cannot be read of it is told where types are compared, or is left out.
 */
export async function readSources(pair: PlannedPair, known?: ReadSections): Promise<PairSources | undefined> {
  const { pre, post } = pair.diff;
  if (!hasLines(pre.table.object) && !hasLines(post.table.object)) return undefined;
  const listed = listedSpans(pair);
  if (listed.pre.length + listed.post.length === 0) return undefined;
  const { readSource } = await import("../../types/source.ts");
  const read = async (
    object: ElfObject,
    spans: readonly Span[],
    types: DebugSections | undefined,
  ): Promise<SourceView | undefined> => {
    if (!hasLines(object) || spans.length === 0) return undefined;
    const wanted = spans.map(({ section, offset, size }) => ({
      section: section.index,
      from: offset,
      to: offset + size,
    }));
    try {
      return await readSource(object, wanted, types);
    } catch (error) {
      if (error instanceof FormatError || error instanceof UnsupportedError) return undefined;
      throw error;
    }
  };
  return {
    pre: await read(pre.table.object, listed.pre, known?.pre),
    post: await read(post.table.object, listed.post, known?.post),
  };
}

/** Functions that the description lists: changed, new, deleted, renamed, or with other line numbers. */
function listedSpans({ diff }: PlannedPair): { readonly pre: Span[]; readonly post: Span[] } {
  const { pre, post, pairing, result } = diff;
  const isListed = (span: Span): boolean => {
    const twin = pairing.postOf[span.id];
    if (twin === undefined || result.outcomes[span.id] === "replaced") return true;
    return result.lines[span.id] !== undefined || (span.name !== twin.name && pairing.by[span.id] === "rename");
  };
  const before = pre.table.spans.filter((span) => isCode(span.kind) && isListed(span));
  const twins = before.flatMap((span) => pairing.postOf[span.id] ?? []);
  const fresh = post.table.spans.filter((span) => isCode(span.kind) && pairing.preOf[span.id] === undefined);
  return { pre: before, post: [...twins, ...fresh] };
}

/** The place in the source of an offset in a span, and the inlined function whose line it is. */
export function sourceAt(view: SourceView | undefined, span: Span, offset: number): SourceLine | undefined {
  const place = span.offset + Math.min(offset, Math.max(0, span.size - 1));
  const line = view?.lineAt(span.section.index, place);
  if (line === undefined) return undefined;
  const inlined = view?.inlinedAt(span.section.index, place)[0]?.name;
  return {
    file: line.file,
    ...(line.line > 0 ? { line: line.line } : {}),
    ...(inlined === undefined || inlined === "" ? {} : { inlined }),
  };
}

/** Where a function is in the source; `differs` are the offsets in the spans of the first instruction that differs. */
export function sourceOf(
  sources: PairSources | undefined,
  sides: { readonly pre?: Span | undefined; readonly post?: Span | undefined },
  object: { readonly pre: ElfObject; readonly post: ElfObject },
  differs?: { readonly pre: number; readonly post: number },
): FunctionSource | undefined {
  const side = (name: "pre" | "post"): FunctionSource["pre"] => {
    const span = sides[name];
    if (span === undefined) return undefined;
    const declared = declarationOf(sources?.[name], span) ?? fileOf(object[name], span);
    if (declared === undefined) return undefined;
    const line = differs && sourceAt(sources?.[name], span, differs[name]);
    return { declared, ...(line === undefined ? {} : { differs: line }) };
  };
  const [pre, post] = [side("pre"), side("post")];
  if (pre === undefined && post === undefined) return undefined;
  return { ...(pre === undefined ? {} : { pre }), ...(post === undefined ? {} : { post }) };
}

function declarationOf(view: SourceView | undefined, span: Span): SourceLine | undefined {
  const place = span.offset + span.entry;
  const found = view?.declarationAt(span.section.index, place) ?? view?.lineAt(span.section.index, place);
  return found && { file: found.file, ...(found.line > 0 ? { line: found.line } : {}) };
}

/** The source file that STT_FILE names: of several, as `ld -r` leaves them, the one before a local symbol. gABI chapter 4, "Symbol Table". */
function fileOf(object: ElfObject, { symbol }: Span): SourceLine | undefined {
  const only = sourceFileOf(object);
  if (only !== undefined) return { file: only };
  if (object.type !== ET.REL || symbol === undefined || symbol.bind !== STB.LOCAL) return undefined;
  for (let index = symbol.index; index > 0; index--) {
    const before = object.symbols[index];
    if (before?.type === STT.FILE) return before.name === "" ? undefined : { file: before.name };
  }
  return undefined;
}
