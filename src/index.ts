export type { Arch, Howto, HowtoRole, Trampoline } from "./arch/arch.ts";
export { archFor, howtoOf } from "./arch/registry.ts";
export { diffSpans, type ObjectDiff } from "./diff/diff.ts";
export type { Difference, DifferenceKind } from "./diff/difference.ts";
export { type ElfObject, type ElfSymbol, type Relocation, readObject, type Section } from "./elf/object.ts";
export { type ByteSource, type ImageHeader, readImageHeader } from "./elf/segments.ts";
export { FormatError, type Place, UnsupportedError, UsageError } from "./errors.ts";
export { FINDINGS, type Finding, type FindingCode, type Severity } from "./findings.ts";
export { type InputRef, readInput, sameBytes } from "./input/file.ts";
export { objectName } from "./input/object-name.ts";
export { listPairs, type PairList, type PairOptions, type PairTask } from "./input/pairs.ts";
export { hasTypes, usesShadow } from "./layout/presence.ts";
export { CAUSES, type Cause, type CauseName, LIFECYCLE, type Stage } from "./match/causes.ts";
export { MATCH_FINDINGS, type MatchFinding } from "./match/findings.ts";
export { type MatchRequest, matchUpdate } from "./match/match.ts";
export type {
  MatchResult,
  MismatchResult,
  SectionResult,
  SymbolResult,
  TrampolineResult,
} from "./match/result.ts";
export { matchSubject, type Subject } from "./match/subject.ts";
export type { ChangeInput, CodeInput, PatchInput, UpdateInput } from "./match/update-input.ts";
export { type AssembleOptions, assembleUpdate } from "./plan/assemble.ts";
export { compareUpdates } from "./plan/compare-updates.ts";
export type { UpdateComparison } from "./plan/comparison.ts";
export type { LayoutChange, Shadow, ShadowPlan, ShadowUse } from "./plan/contract-layouts.ts";
export type { UpdateDescription } from "./plan/description.ts";
export { type FragmentOptions, planAdded, planFragment, planRemoved } from "./plan/fragment.ts";
export { type Gates, unmetGates } from "./plan/gates.ts";
export { identicalFragment } from "./plan/identical.ts";
export { integrityProblems } from "./plan/integrity.ts";
export { type MemoryMap, readMemoryMap } from "./plan/kexec/memory-map.ts";
export { type KexecImage, type KexecOptions, planKexec } from "./plan/kexec.ts";
export type { KexecPlan } from "./plan/kexec-contract.ts";
export { type LayoutPlan, planLayouts } from "./plan/layouts.ts";
export { reportLeftOut } from "./plan/left-out.ts";
export { readScenarios, simulateLiveUpdate } from "./plan/live-update-machine.ts";
export { type PlannedPair, planPair } from "./plan/pair.ts";
export type { PairFragment, SuppressionRule, UpdatePart } from "./plan/part.ts";
export { placeUpdate } from "./plan/placed.ts";
export { type PairFile, type PairOfFiles, unreadableFragment } from "./plan/plain-fragment.ts";
export type { Problem } from "./plan/problem.ts";
export { type ShadowCoverage, shadowCoverage } from "./plan/shadow-coverage.ts";
export { readSuppressions } from "./plan/suppress.ts";
export { diffObjects, planUpdate, type UpdateOptions } from "./plan/update.ts";
export { renderJson } from "./report/json.ts";
export { renderMatchSummary, renderMatchText } from "./report/match-text.ts";
export { type Statement, toStatement } from "./report/statement.ts";
export { renderText } from "./report/text.ts";
export type { Export, Hook, Span, SpanRelocation, SpanTable, TableEntry } from "./spans/span.ts";
export { buildSpans } from "./spans/spans.ts";
