export type { Arch, Howto, HowtoRole, Trampoline } from "./arch/arch.ts";
export { archFor, howtoOf } from "./arch/registry.ts";
export { compareUpdates } from "./check/compare-updates.ts";
export { type Gates, unmetGates } from "./check/gates.ts";
export { integrityProblems } from "./check/integrity.ts";
export type { Problem } from "./check/problem.ts";
export type { UpdateComparison } from "./contract/comparison.ts";
export type { UpdateDescription } from "./contract/description.ts";
export type { KexecPlan } from "./contract/kexec.ts";
export type { LayoutChange, Shadow, ShadowPlan, ShadowUse } from "./contract/layouts.ts";
export type {
  MatchResult,
  MismatchResult,
  SectionResult,
  SymbolResult,
  TrampolineResult,
} from "./contract/match.ts";
export type { CauseName } from "./contract/names/causes.ts";
export type { DifferenceKind } from "./contract/names/reasons.ts";
export type { PairFragment, SuppressionRule, UpdatePart } from "./contract/part.ts";
export { diffSpans, type ObjectDiff } from "./diff/diff.ts";
export type { Difference } from "./diff/difference.ts";
export { type ElfObject, type ElfSymbol, type Relocation, readObject, type Section } from "./elf/object.ts";
export { type ByteSource, type ImageHeader, readImageHeader } from "./elf/segments.ts";
export { FormatError, type Place, UnsupportedError, UsageError } from "./errors.ts";
export { FINDINGS, type Finding, type FindingCode } from "./findings/findings.ts";
export { MATCH_FINDINGS, type MatchFinding } from "./findings/match.ts";
export type { Severity } from "./findings/table.ts";
export { type InputRef, readInput, sameBytes } from "./input/listing/file.ts";
export { listPairs, type PairList, type PairOptions, type PairTask } from "./input/listing/pairs.ts";
export { objectName } from "./input/object-name.ts";
export { type KexecImage, type KexecOptions, planKexec } from "./kexec/kexec.ts";
export { type MemoryMap, readMemoryMap } from "./kexec/memory-map.ts";
export { type MatchRequest, matchUpdate } from "./match/match.ts";
export { CAUSES, type Cause, LIFECYCLE, type Stage } from "./match/outcome/causes.ts";
export { matchSubject, type Subject } from "./match/subject.ts";
export type { ChangeInput, CodeInput, PatchInput, UpdateInput } from "./match/update-input.ts";
export { type DescribedPair, type DescribeOptions, describePair } from "./plan/describe-pair.ts";
export { readScenarios, simulateLiveUpdate } from "./plan/live-update/machine.ts";
export { identicalFragment } from "./plan/pair/identical.ts";
export type { PlannedPair } from "./plan/pair/pair.ts";
export { type PairFile, type PairOfFiles, unreadableFragment } from "./plan/pair/plain-fragment.ts";
export { type AssembleOptions, assembleUpdate } from "./plan/update/assemble.ts";
export { reportLeftOut } from "./plan/update/left-out.ts";
export { placeUpdate } from "./plan/update/placed.ts";
export { readSuppressions } from "./plan/update/suppress.ts";
export { diffObjects, type UpdateOptions } from "./plan/update.ts";
export { type ShadowCoverage, shadowCoverage } from "./plan/verdict/shadow-coverage.ts";
export { renderJson } from "./report/json.ts";
export { renderMatchSummary, renderMatchText } from "./report/match-text.ts";
export { type Statement, toStatement } from "./report/statement.ts";
export { renderText } from "./report/text.ts";
export type { Export, Hook, Span, SpanRelocation, SpanTable, TableEntry } from "./spans/span.ts";
export { buildSpans } from "./spans/spans.ts";
