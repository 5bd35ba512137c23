import type { MatchResult } from "../contract/match.ts";
import type { MatchFinding } from "../findings/match.ts";
import { openImage, type RunImage } from "../image/image.ts";
import { BadSystemMapError } from "../image/slide.ts";
import type { Span } from "../spans/span.ts";
import { type Abort, describeMatch } from "./outcome/describe.ts";
import { placePatches } from "./outcome/patches.ts";
import { matchRunPre, type RunPre, type SpanMatch } from "./run-pre.ts";
import { searchIndex } from "./search.ts";
import { inOrderOf, type Subject } from "./subject.ts";
import type { UpdateInput } from "./update-input.ts";

/** What to match against, and how. */
export interface MatchRequest {
  /** Path of the run image: an executable, a shared object, a module, or a core. */
  readonly run: string;
  /** Path of System.map, or of a copy of /proc/kallsyms. */
  readonly systemMap?: string | undefined;
  /** Paths of the executables, libraries or the vmlinux that explain a core. */
  readonly symbolFiles?: readonly string[] | undefined;
  /** How far the run system was moved from where it was linked; deduced where it is not given. */
  readonly slide?: bigint | undefined;
  /** vmlinux, or the module that the objects belong to. */
  readonly target?: string | undefined;
  /** Look for code that has no name in the run system by its bytes. */
  readonly search?: boolean | undefined;
  /** Where the new code will be loaded. */
  readonly loadAddress?: bigint | undefined;
  /** The update that the objects are the old side of: what it needs decides the outcome, and its patches are placed. */
  readonly update?: UpdateInput | undefined;
  /** Whether a name that the run system knows nothing of gets its value when that is started again: it needs none then. */
  readonly looksUp?: ((name: string) => boolean) | undefined;
  /** What the caller found out before; it is passed on into the result. */
  readonly findings?: readonly MatchFinding[] | undefined;
}

/**
 * Matches objects, or the objects of an update, against a run image, of which only the pages that are needed are read. What
 * does not match is not an error but part of the result. Throws FormatError or UnsupportedError for an image that cannot be read,
 * UsageError for files that do not belong together, and what `open` throws.
 */
export function matchUpdate(subjects: readonly Subject[], request: MatchRequest): MatchResult {
  const { image, aborts } = openRunImage(request);
  try {
    const ordered = subjects.map((subject) => inOrderOf(image.arch, subject));
    return matchImage(ordered, image, request, aborts);
  } finally {
    image.close();
  }
}

/** The run image; with its own symbols alone where the system map is not one of it, which ends the update. */
function openRunImage(request: MatchRequest): { image: RunImage; aborts: readonly Abort[] } {
  try {
    return { image: openImage(request.run, request), aborts: [] };
  } catch (error) {
    if (!(error instanceof BadSystemMapError)) throw error;
    const image = openImage(request.run, { ...request, systemMap: undefined });
    return { image, aborts: [{ cause: "bad_system_map", at: request.systemMap ?? request.run, why: error.message }] };
  }
}

function matchImage(
  subjects: readonly Subject[],
  image: RunImage,
  request: MatchRequest,
  opened: readonly Abort[],
): MatchResult {
  const tables = subjects.map(({ table }) => table);
  const search = request.search ? searchIndex(image, tables) : undefined;
  const runPre = matchRunPre(tables, image, { search, target: request.target });
  // From here on everything in the run system that can be found is found.
  const aborts = [...opened, ...notLoaded(image, request.target)];
  const { update } = request;
  if (update === undefined) return describeMatch(subjects, image, runPre, { aborts, findings: request.findings ?? [] });
  const matchOf = matchesByLabel(subjects, runPre);
  const plan = placePatches(update, runPre, matchOf, request);
  const needed = new Set(update.changes.flatMap(({ oldCode }) => oldCode.sections.map(({ label }) => label)));
  return describeMatch(subjects, image, runPre, {
    needed,
    patches: [...plan.patches],
    aborts: [...aborts, ...plan.aborts],
    findings: [...(request.findings ?? []), ...plan.findings],
    names: plan.names,
  });
}

/** A module of which the list of symbols, which has modules, has none. */
function notLoaded({ symbols }: RunImage, target: string | undefined): Abort[] {
  if (target === undefined || target === "vmlinux" || !symbols.hasModules) return [];
  for (const { module } of symbols.all()) if (module === target) return [];
  return [{ cause: "target_not_loaded", at: target, why: "the system map lists no symbol of this module" }];
}

function matchesByLabel(subjects: readonly Subject[], { byObject }: RunPre): ReadonlyMap<string, SpanMatch> {
  const found = new Map<string, SpanMatch>();
  for (const [index, { labels }] of subjects.entries()) {
    for (const [span, label] of labels as ReadonlyMap<Span, string>) {
      const match = byObject[index]?.[span.id];
      if (match !== undefined && !found.has(label)) found.set(label, match);
    }
  }
  return found;
}
