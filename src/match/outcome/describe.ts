import type { MatchResult, MismatchResult, SectionResult } from "../../contract/match.ts";
import type { CauseName } from "../../contract/names/causes.ts";
import { MATCH_FINDINGS, type MatchFinding, matchFindingMessage } from "../../findings/match.ts";
import { hex, signedHex } from "../../hex.ts";
import type { RunImage } from "../../image/image.ts";
import { withSlashes } from "../../paths.ts";
import { numberedBase } from "../../spans/names.ts";
import { isCode } from "../../spans/section-kind.ts";
import { VERSION } from "../../version.ts";
import type { Mismatch } from "../compare/mismatch.ts";
import type { RunPre, SpanMatch } from "../run-pre.ts";
import type { Subject } from "../subject.ts";
import { CAUSES, LIFECYCLE } from "./causes.ts";
import { type NamedValues, symbolResults } from "./symbol-results.ts";

/** Why a match ends in an abort. */
export interface Abort {
  readonly cause: CauseName;
  readonly at: string;
  readonly why: string;
}

/** What the caller found out beside the matching itself. */
export interface Extra {
  /** Labels that an update needs; undefined: everything that is compared. */
  readonly needed?: ReadonlySet<string> | undefined;
  readonly patches?: MatchResult["patches"];
  readonly aborts?: readonly Abort[];
  readonly findings?: readonly MatchFinding[];
  readonly names?: NamedValues;
}

/** The result in the form that is written down; equal inputs give equal results. */
export function describeMatch(
  subjects: readonly Subject[],
  image: RunImage,
  runPre: RunPre,
  extra: Extra = {},
): MatchResult {
  const labelOf = (match: SpanMatch): string => subjects[match.object]?.labels.get(match.span) as string;
  const sections = runPre.matches.map((match) => describeSection(match, labelOf(match))).sort(byLabel);
  const aborts = [...(extra.aborts ?? []), ...unmatchedAborts(runPre, labelOf, extra.needed)];
  const findings = [...matchFindings(runPre, labelOf, image), ...(extra.findings ?? [])];
  const text = runPre.matches.filter(({ span }) => isCode(span.kind));
  const of = (status: SpanMatch["status"]): number => text.filter((match) => match.status === status).length;
  const [abort] = aborts;
  return {
    schemaVersion: "1.0",
    generator: { name: "elfsplice", version: VERSION },
    run: {
      path: withSlashes(image.path),
      kind: image.kind,
      slide: hex(image.slide),
      ...(image.buildId === undefined ? {} : { buildId: image.buildId }),
      ...(image.release === undefined ? {} : { release: image.release }),
    },
    objects: subjects.map(({ object: { file, member } }) => ({
      path: withSlashes(file),
      ...(member === undefined ? {} : { member }),
    })),
    outcome: abort === undefined ? "matched" : "aborted",
    abort:
      abort === undefined
        ? null
        : { cause: abort.cause, errno: CAUSES[abort.cause].errno, at: abort.at, why: abort.why },
    counts: {
      text: text.length,
      matched: of("matched"),
      ambiguous: of("ambiguous"),
      unmatched: of("unmatched"),
      notLookedFor: runPre.matches.filter((match) => notLookedFor(match) !== undefined).length,
      overridden: text.filter((match) => match.status !== "matched" && match.overridden).length,
    },
    sections,
    symbols: symbolResults(subjects, image, runPre, extra.names),
    safety: safetyRanges(runPre, labelOf, extra),
    patches: [...(extra.patches ?? [])],
    lifecycle: LIFECYCLE.map((stage) => ({ ...stage, checks: stage.checks.map((check) => ({ ...check })) })),
    findings: findings.map((finding) => ({
      code: finding.code,
      severity: MATCH_FINDINGS[finding.code].severity,
      label: finding.label,
      message: matchFindingMessage(finding),
    })),
  };
}

function byLabel(a: { readonly label: string }, b: { readonly label: string }): number {
  return a.label < b.label ? -1 : a.label > b.label ? 1 : 0;
}

function describeSection(match: SpanMatch, label: string): SectionResult {
  const { span, mismatch } = match;
  return {
    label,
    kind: span.kind,
    object: match.object,
    size: span.size,
    status: match.status,
    ...(match.overridden ? { overridden: true } : {}),
    runAddress: match.address === undefined ? null : hex(match.address),
    ...(notLookedFor(match) === undefined ? {} : { notLookedFor: notLookedFor(match) }),
    candidates: match.candidates.map(hex),
    rules: [...match.rules],
    ...(mismatch === undefined || match.status === "matched" ? {} : { mismatch: describeMismatch(mismatch) }),
  };
}

/** Why there was no place at all to look for data; undefined where there was one. */
function notLookedFor({ span, status, candidates, mismatch }: SpanMatch): string | undefined {
  if (status !== "unmatched" || isCode(span.kind) || candidates.length > 0 || mismatch !== undefined) return undefined;
  if (span.symbol === undefined) return "it has no name, and nothing that matched refers to it";
  if (numberedBase(span.symbol.name) !== undefined) {
    return "the number in its name is the compiler's and may be another's there, and nothing that matched refers to it";
  }
  return "the run system's symbols do not have its name, and nothing that matched refers to it";
}

function describeMismatch({ offset, runAddress, pre, run, why }: Mismatch): MismatchResult {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  return { offset, runAddress: hex(runAddress), pre: text(pre), run: text(run), why };
}

/** Kinds whose mismatch shows that the run system was built from something else. */
function isProof({ span, mismatch, overridden }: SpanMatch): boolean {
  if (overridden) return false;
  return isCode(span.kind) || (mismatch !== undefined && (span.kind === "rodata" || span.kind === "string"));
}

/** What did not match and should have; text before data, and what differs before what is not found at all. */
function unmatchedAborts(
  runPre: RunPre,
  labelOf: (match: SpanMatch) => string,
  needed: ReadonlySet<string> | undefined,
): Abort[] {
  const failed = runPre.matches.filter(
    (match) => (match.status === "unmatched" || match.status === "ambiguous") && isProof(match),
  );
  const counted = needed === undefined ? failed : failed.filter((match) => needed.has(labelOf(match)));
  const weight = (match: SpanMatch): number =>
    (isCode(match.span.kind) ? 0 : 4) + (match.mismatch === undefined ? 2 : 0);
  return [...counted]
    .sort((a, b) => weight(a) - weight(b) || byLabel({ label: labelOf(a) }, { label: labelOf(b) }))
    .map((match) => ({ cause: "no_match", at: labelOf(match), why: whyNot(match) }));
}

/** In words why a span was not matched. */
function whyNot({ status, candidates, mismatch, span }: SpanMatch): string {
  if (status === "ambiguous") return `${candidates.length} places fit: ${candidates.map(hex).join(", ")}`;
  if (mismatch !== undefined) {
    return `at ${span.name}${signedHex(mismatch.offset)} (${hex(mismatch.runAddress)}): ${mismatch.why}`;
  }
  return "no symbol and no reference tells where it is";
}

function matchFindings(runPre: RunPre, labelOf: (match: SpanMatch) => string, image: RunImage): MatchFinding[] {
  const findings: MatchFinding[] = [];
  if (image.symbols.count === 0) findings.push({ code: "run-without-symbols", label: image.path, detail: "" });
  for (const detail of image.problems ?? []) findings.push({ code: "kallsyms-unreadable", label: image.path, detail });
  for (const match of runPre.matches) {
    if (match.status === "matched" || match.status === "located") continue;
    const code = findingCode(match);
    if (code !== undefined) findings.push({ code, label: labelOf(match), detail: whyNot(match) });
  }
  return findings.sort(byLabel);
}

function findingCode(match: SpanMatch): MatchFinding["code"] | undefined {
  if (match.overridden) return "weak-definition-elsewhere";
  if (match.status === "ambiguous") return isCode(match.span.kind) ? "text-ambiguous" : undefined;
  if (isCode(match.span.kind)) return "text-unmatched";
  return match.mismatch === undefined ? undefined : "data-unmatched";
}

/** Run ranges of the code that patches replace; of all matched text where no update says what that is. */
function safetyRanges(runPre: RunPre, labelOf: (match: SpanMatch) => string, extra: Extra): MatchResult["safety"] {
  const patched = extra.patches === undefined ? undefined : new Set(extra.patches.map(({ label }) => label));
  return runPre.matches
    .filter((match) => match.status === "matched" && isCode(match.span.kind))
    .filter((match) => patched === undefined || patched.has(labelOf(match)))
    .flatMap((match) =>
      match.blocks.map(({ start, size }) => ({
        label: labelOf(match),
        start: hex(BigInt.asUintN(64, (match.address as bigint) + BigInt(start))),
        size,
      })),
    )
    .sort(byLabel);
}
