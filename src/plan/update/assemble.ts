import { createHash } from "node:crypto";
import type { ChangeTables, HowtoDescription } from "../../contract/code.ts";
import type { Architecture, Change, FunctionChange, UpdateDescription } from "../../contract/description.ts";
import { SCHEMA_VERSION } from "../../contract/names/rungs.ts";
import type { PairFragment, SuppressionRule } from "../../contract/part.ts";
import { describeCode } from "../../contract/section-words.ts";
import { UsageError } from "../../errors.ts";
import { type Finding, findingText, severityOf } from "../../findings/findings.ts";
import { withoutGaps } from "../../optional.ts";
import { byText } from "../../order.ts";
import { VERSION } from "../../version.ts";
import { asksForChange, isEmptyChange } from "../pair/plain-fragment.ts";
import { shadowSituation } from "../verdict/shadow-situation.ts";
import { planStrategy } from "../verdict/strategy.ts";
import { joinAccounting } from "./accounting.ts";
import { joinLayouts, joinLiveUpdates, joinShadow, lostStates } from "./join-analyses.ts";
import { resolveLinks } from "./links.ts";
import { mergeChanges } from "./merge.ts";
import { mergeSwitchOver } from "./merge-switch-over.ts";
import { missingHooks } from "./missing-hooks.ts";
import { byLabel, byLabelAndTarget, byName, byPlace } from "./order.ts";
import { byTarget, type Piece, piecesOf } from "./piece.ts";
import { mapSources, type SourceRoot } from "./source-roots.ts";
import { importsOf, summarise } from "./summary.ts";
import { applySuppressions } from "./suppress.ts";

/** What the caller may decide for the update as a whole. */
export interface AssembleOptions {
  /** Name of the update; default: derived from the hashes of the inputs. */
  readonly id?: string | undefined;
  /** What to leave alone. */
  readonly suppress?: readonly SuppressionRule[] | undefined;
  /** How source files are named that lie below other folders. */
  readonly sourceRoots?: readonly SourceRoot[] | undefined;
  /** Which old code the fragments were made with. */
  readonly oldCode?: "needed" | "all" | undefined;
  /** What is to be said of the build as a whole, such as files that were not compared. */
  readonly findings?: readonly Finding[] | undefined;
}

/**
 * Joins what all pairs contribute, in any order, into the description of the update. Throws UsageError where two pairs have
 * one name, and where no pair tells the architecture.
 */
export function assembleUpdate(fragments: readonly PairFragment[], options: AssembleOptions = {}): UpdateDescription {
  const sorted = inOrder(fragments);
  const id = options.id ?? deriveId(sorted);
  const name = `ksplice_${id}`;
  const arch = chooseArch(sorted);
  const placed = leaveOutForeign(piecesOf(sorted), arch);
  // From here on every pair has its index, and those of other machines are in no change.
  const suppressed = applySuppressions(placed, options.suppress ?? [], options.oldCode === "all");
  // From here on what is suppressed is in no change either.
  const pieces = resolveLinks(suppressed.pieces);
  const changes = joinChanges(pieces, name);
  const findings = [
    ...collect(pieces, (piece) => piece.findings),
    ...suppressed.findings,
    ...missingHooks(pieces),
    ...(options.findings ?? []),
  ].sort(byPlace);
  // From here on all findings are known.
  const hasChanges = pieces.some((piece) => piece.fragment.hasChanges && isStillChange(piece));
  const isSingle = sorted.length === 1;
  const functions = mapSources(
    inLabelOrder(
      collect(pieces, (piece) => piece.functions),
      isSingle,
    ),
    options.sourceRoots ?? [],
  );
  const layouts = joinLayouts(pieces);
  const shadow = joinShadow(pieces);
  const switchOver = mergeSwitchOver(pieces);
  const objects = pieces.map(({ fragment: { object }, suppressed: reason }) =>
    reason === undefined ? object : { ...object, suppressed: reason },
  );
  const data = inLabelOrder(
    collect(pieces, (piece) => piece.data),
    isSingle,
  );
  const exports = collect(pieces, (piece) => piece.exports).sort(byName);
  const told = findings.map((finding) => ({
    code: finding.code,
    severity: severityOf(finding),
    where: withoutGaps(finding.where),
    message: findingText(finding),
    ...(finding.suppressed === undefined ? {} : { suppressed: finding.suppressed }),
  }));
  return {
    schemaVersion: SCHEMA_VERSION,
    generator: { name: "elfsplice", version: VERSION },
    id,
    name,
    arch,
    summary: summarise({ objects, functions, data, exports, changes, findings: told }),
    objects,
    functions,
    data,
    exports,
    noise: isSingle ? collect(pieces, (piece) => piece.noise) : collect(pieces, (piece) => piece.noise).sort(byLabel),
    changes,
    howtos: howtosOf(pieces, changes),
    layouts,
    ...(shadow === undefined ? {} : { shadow }),
    switchOver,
    liveUpdate: joinLiveUpdates(pieces),
    accounting: joinAccounting(pieces),
    findings: told,
    verdict: planStrategy({
      findings,
      hasChanges,
      functions: functions.filter(({ suppressed: reason }) => reason === undefined),
      targets: pieces.filter(({ fragment }) => fragment.hasChanges).map(({ fragment }) => fragment.target),
      switchOver,
      shadow: shadowSituation(layouts, shadow, findings, newCodeOf(functions)),
      liveUpdate: { losesState: lostStates(findings) },
    }),
  };
}

/** Labels of the functions that the update loads. */
function newCodeOf(functions: readonly FunctionChange[]): ReadonlySet<string> {
  const loaded = functions.filter(({ status, suppressed }) => suppressed === undefined && status !== "deleted");
  return new Set(loaded.filter(({ status }) => status === "changed" || status === "new").map(({ label }) => label));
}

/** Fragments by name; each name once. */
function inOrder(fragments: readonly PairFragment[]): PairFragment[] {
  const sorted = [...fragments].sort(byName);
  for (const [i, { name }] of sorted.entries())
    if (sorted[i + 1]?.name === name) throw new UsageError(`two pairs of objects are called ${name}`);
  return sorted;
}

/** Twelve digits from the hashes of what differs; from names and sizes when nothing does. */
function deriveId(sorted: readonly PairFragment[]): string {
  const [only] = sorted;
  const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 12);
  if (sorted.length === 1 && only?.object.pre?.sha256 !== undefined && only.object.post?.sha256 !== undefined)
    return digest(`${only.object.pre.sha256} ${only.object.post.sha256}\n`);
  const differing = sorted.filter(({ object }) => object.status !== "identical");
  if (differing.length > 0) {
    const lines = differing.map(
      ({ name, object }) => `${name}\0${object.pre?.sha256 ?? ""} ${object.post?.sha256 ?? ""}\n`,
    );
    return digest(lines.join(""));
  }
  return digest(sorted.map(({ name, object }) => `${name}\0${object.pre?.size ?? ""}\n`).join(""));
}

/** The architecture of most objects that differ; where none does, of most objects. */
function chooseArch(sorted: readonly PairFragment[]): Architecture {
  const differing = sorted.filter(({ object }) => object.status !== "identical");
  const arch = mostOf(differing) ?? mostOf(sorted);
  if (arch !== undefined) return arch;
  const trouble = sorted.flatMap(({ findings }) => findings).find(({ code }) => code === "object-unreadable");
  throw new UsageError(
    sorted.length === 0
      ? "there are no objects to compare"
      : `no object tells the architecture${trouble === undefined ? "" : `: ${trouble.detail}`}`,
  );
}

function mostOf(fragments: readonly PairFragment[]): Architecture | undefined {
  const counts = new Map<string, { arch: Architecture; count: number }>();
  for (const { arch } of fragments) {
    if (arch === undefined) continue;
    const row = counts.get(archKey(arch)) ?? { arch, count: 0 };
    row.count++;
    counts.set(archKey(arch), row);
  }
  const [first] = [...counts].sort(([a, x], [b, y]) => y.count - x.count || byText(a, b));
  return first?.[1].arch;
}

function archKey({ name, machine, class: bits, data }: Architecture): string {
  return [machine, bits, data, name].join();
}

function leaveOutForeign(pieces: readonly Piece[], arch: Architecture): readonly Piece[] {
  const key = archKey(arch);
  return pieces.map((piece) => {
    const { name, arch: own, object } = piece.fragment;
    if (own === undefined || object.status === "identical" || object.status === "equivalent" || archKey(own) === key)
      return piece;
    const detail = `${own.name}, the update for ${arch.name}`;
    const finding: Finding = { code: "object-foreign", where: { object: piece.index, name }, detail };
    return { ...piece, isForeign: true, change: null, findings: [...piece.findings, finding] };
  });
}

/** One list of what all pieces hold; a list that is alone is taken as it is. */
function collect<T>(pieces: readonly Piece[], listOf: (piece: Piece) => readonly T[]): T[] {
  const [only] = pieces;
  return pieces.length === 1 && only !== undefined ? (listOf(only) as T[]) : pieces.flatMap(listOf);
}

interface Row {
  readonly label: string;
  readonly target: string;
  readonly status: string;
}

/** Labels are unique in a target; copies of one inline function follow in the order of their objects. */
function inLabelOrder<T extends Row>(rows: T[], isSorted: boolean): T[] {
  if (isSorted) return rows;
  return rows.sort(byLabelAndTarget);
}

/** Whether what a pair asks for is still asked for once what is suppressed or only moved is left out. */
function isStillChange({ functions, exports, change }: Piece): boolean {
  const isHeeded = ({ suppressed }: { readonly suppressed?: string | undefined }): boolean => suppressed === undefined;
  return asksForChange({
    functions: functions.filter(isHeeded),
    exports: exports.filter((one) => isHeeded(one) && one.movedTo === undefined && one.movedFrom === undefined),
    patches: change?.patches ?? [],
  });
}

function deletesFunction({ functions }: Piece): boolean {
  return functions.some(({ status, suppressed }) => status === "deleted" && suppressed === undefined);
}

function joinChanges(pieces: readonly Piece[], name: string): Change[] {
  const changes: Change[] = [];
  for (const [target, group] of byTarget(pieces)) {
    const parts = group.flatMap(({ change }): ChangeTables[] => (change === null ? [] : [change]));
    if (parts.length === 0) continue;
    const { oldCode, newCode, patches, hooks } = mergeChanges(parts);
    // A function that is deleted without a trap is still looked for in the running system.
    if (isEmptyChange({ oldCode, newCode, patches, hooks }) && !group.some(deletesFunction)) continue;
    const full = `${name}_${target}`;
    changes.push({
      target,
      name: full,
      oldCode: describeCode(`${full}_old`, oldCode),
      newCode: describeCode(`${full}_new`, newCode),
      imports: importsOf(newCode),
      patches,
      hooks,
    });
  }
  return changes;
}

/** What the relocation types mean that occur in the changes. */
function howtosOf(pieces: readonly Piece[], changes: readonly Change[]): Record<string, HowtoDescription> {
  if (changes.length === 0) return {};
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined && only.change === only.fragment.change) return only.fragment.howtos;
  const used = new Set<string>();
  for (const { oldCode, newCode } of changes)
    for (const { relocations } of [oldCode, newCode]) for (const { howto } of relocations) used.add(howto);
  const known = new Map(pieces.flatMap(({ fragment }) => Object.entries(fragment.howtos)));
  return Object.fromEntries([...used].sort(byText).map((howto) => [howto, known.get(howto) as HowtoDescription]));
}
