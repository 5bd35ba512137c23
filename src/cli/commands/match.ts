import type { UpdateDescription } from "../../contract/description.ts";
import type { MatchResult } from "../../contract/match.ts";
import { UsageError } from "../../errors.ts";
import type { MatchFinding } from "../../findings/match.ts";
import { type MatchRequest, matchUpdate } from "../../match/match.ts";
import { type InstructionFormatter, withInstructions } from "../../match/outcome/instruction-words.ts";
import { matchSubject, type Subject } from "../../match/subject.ts";
import { withSlashes } from "../../paths.ts";
import { placeUpdate } from "../../plan/update/placed.ts";
import { jsonPieces } from "../../report/json.ts";
import { renderMatchSummary, renderMatchText } from "../../report/match-text.ts";
import { isCode } from "../../spans/section-kind.ts";
import { documentAmong } from "../document-kind.ts";
import { EXIT } from "../exit-status.ts";
import { createObjectReader, loadObjectOf } from "../object-file.ts";
import { delayOptimizer } from "../optimizer.ts";
import { writeOutput } from "../output.ts";
import { onFiles, onlyTarget, partOf, subjectsOfUpdate } from "../update-subjects.ts";

export interface MatchOptions {
  readonly run: string;
  readonly systemMap?: string;
  readonly symbols?: string[];
  readonly slide?: string;
  readonly search?: boolean;
  readonly target?: string;
  readonly loadAddress?: string;
  readonly output?: string;
  readonly format: "json" | "text";
  readonly quiet?: boolean;
}

/** `elfsplice match`: an update or pre objects against a run image. Status 1 when they do not match. */
export async function runMatch(inputs: readonly string[], options: MatchOptions): Promise<number> {
  delayOptimizer();
  const whole = await readUpdate(inputs);
  const target = options.target ?? (whole === undefined ? undefined : onlyTarget(whole));
  const update = whole === undefined || target === undefined ? whole : partOf(whole, target);
  const findings: MatchFinding[] = [];
  const subjects = update === undefined ? await subjectsOf(inputs) : await subjectsOfUpdate(update, findings);
  const request: MatchRequest = {
    run: options.run,
    systemMap: options.systemMap,
    symbolFiles: options.symbols,
    slide: addressOption("--slide", options.slide),
    loadAddress: addressOption("--load-address", options.loadAddress),
    target,
    search: options.search ?? false,
    update,
    findings,
  };
  const result = await describeInstructions(
    onFiles(() => matchUpdate(subjects, request)),
    subjects,
  );
  const back = options.output !== undefined && options.format === "json";
  const document =
    back && whole !== undefined && update !== undefined ? withChanges(whole, placeUpdate(update, result)) : result;
  await writeOutput(options.format === "text" ? renderMatchText(result) : jsonPieces(document), options.output);
  if (!options.quiet) process.stderr.write(renderMatchSummary(result));
  return result.outcome === "matched" ? EXIT.done : EXIT.gate;
}

/** The update with those changes in the place of its own that were matched. */
function withChanges(update: UpdateDescription, matched: UpdateDescription): UpdateDescription {
  const placed = new Map(matched.changes.map((change) => [change.target, change]));
  return { ...update, changes: update.changes.map((change) => placed.get(change.target) ?? change) };
}

function addressOption(name: string, text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const match = /^(-?)(0x[0-9a-fA-F]+|\d+)$/.exec(text);
  if (match === null) throw new UsageError(`${name} ${text}: not a number; write it as 0x1234`);
  const value = BigInt(match[2] as string);
  return match[1] === "-" ? -value : value;
}

/** The update description that the inputs are, if they are not objects. */
async function readUpdate(inputs: readonly string[]): Promise<UpdateDescription | undefined> {
  const file = documentAmong(inputs);
  // Objects alone need no schema.
  return file === undefined ? undefined : (await import("../document.ts")).readWholeUpdate(file);
}

async function subjectsOf(paths: readonly string[]): Promise<Subject[]> {
  const labels = shortNames(paths);
  const reader = createObjectReader();
  const subjects: Subject[] = [];
  for (const [index, path] of paths.entries())
    subjects.push(matchSubject(await loadObjectOf(reader, path), labels[index] as string));
  return subjects;
}

/** What the objects are called in labels: their paths without the folders that all of them share. */
function shortNames(paths: readonly string[]): string[] {
  const parts = paths.map((path) => withSlashes(path).split("/"));
  const [first = []] = parts;
  let shared = 0;
  while (shared < first.length - 1 && parts.every((own) => shared < own.length - 1 && own[shared] === first[shared]))
    shared++;
  return parts.map((own) => own.slice(shared).join("/"));
}

/** Puts the first differing instruction of both sides into words, where code does not match. */
async function describeInstructions(result: MatchResult, subjects: readonly Subject[]): Promise<MatchResult> {
  if (!result.sections.some(({ mismatch }) => mismatch !== undefined)) return result;
  const { disassemblerFor } = await import("../../disasm/disassembler.ts");
  const arch = subjects[0]?.table.arch;
  if (arch === undefined) return result;
  const disassemble = disassemblerFor(arch);
  const spans = new Map(subjects.flatMap(({ labels }) => [...labels].map(([span, label]) => [label, span] as const)));
  const wordsOf: InstructionFormatter = (span) => disassemble(span, () => "")[0]?.text;
  const sections = result.sections.map((section) => {
    const span = spans.get(section.label);
    return span === undefined || !isCode(span.kind) ? section : withInstructions(section, span, wordsOf);
  });
  return { ...result, sections };
}
