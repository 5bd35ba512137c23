import { findingGate, type Gates, nearFindingGates, readAllowedFunctions, unmetGates } from "../../check/gates.ts";
import { integrityProblems } from "../../check/integrity.ts";
import type { Problem } from "../../check/problem.ts";
import type { UpdateDescription } from "../../contract/description.ts";
import type { Rung } from "../../contract/names/rungs.ts";
import { UsageError } from "../../errors.ts";
import type { FindingCode } from "../../findings/findings.ts";
import type { Severity } from "../../findings/table.ts";
import { readGivenText } from "../../input/listing/file.ts";
import { type CheckResult, type ComparedObjects, renderOk, renderProblems } from "../../report/check-text.ts";
import { jsonPieces } from "../../report/json.ts";
import { readDocument, readSoundUpdate, rooted } from "../document.ts";
import { nameOfFile } from "../document-kind.ts";
import { EXIT } from "../exit-status.ts";
import { objectProblems } from "../object-hashes.ts";
import { writeOutput } from "../output.ts";

export interface CheckOptions {
  readonly root?: string;
  readonly require?: Rung;
  readonly failOn?: string[];
  readonly maxFunctions?: string;
  readonly allowTargets?: string[];
  readonly allowFunctions?: string;
  readonly baseline?: string;
  readonly output?: string;
  readonly format: "json" | "text" | "junit" | "github";
  readonly quiet?: boolean;
}

/** `elfsplice check`: whether a description is sound, fits its objects, and meets the gates. Status 1 when it does not. */
export async function runCheck(file: string, options: CheckOptions): Promise<number> {
  const gates = await gatesOf(options);
  const { update, problems: found, root } = await readDocument(file);
  const more = update === undefined ? [] : await soundness(update, options, gates);
  const problems = [...found, ...more.map((problem) => rooted(problem, root))];
  const isOk = problems.length === 0;
  const objects = update && comparedObjects(update, options);
  if (!options.quiet) for (const line of renderProblems(problems)) process.stderr.write(`elfsplice: ${line}\n`);
  const result: CheckResult = { ok: isOk, problems, ...(objects && { objects }) };
  if (options.format === "json") await writeOutput(jsonPieces(result), options.output);
  else if (options.format === "junit") {
    const { renderJunit } = await import("../../render/junit.ts");
    await writeOutput(renderJunit(result, `elfsplice check ${nameOfFile(file)}`), options.output);
  } else if (options.format === "github") {
    const { renderProblemsForGithub } = await import("../../render/github.ts");
    await writeOutput(renderProblemsForGithub(problems), options.output);
  } else if (isOk && update !== undefined) await writeOutput(`${renderOk(update, objects)}\n`, options.output);
  return isOk ? EXIT.done : EXIT.gate;
}

async function soundness(update: UpdateDescription, { root }: CheckOptions, gates: Gates): Promise<Problem[]> {
  return [
    ...integrityProblems(update),
    ...(root === undefined ? [] : await objectProblems(update, root)),
    ...unmetGates(update, gates),
  ];
}

/** What of the objects was compared: a description need not have a hash of an object that is the same on both sides. */
function comparedObjects({ objects }: UpdateDescription, { root }: CheckOptions): ComparedObjects | undefined {
  if (root === undefined) return undefined;
  const sides = objects.flatMap(({ pre, post }) => [pre, post]).filter((side) => side !== undefined);
  const sizeOnly = sides.filter(({ sha256 }) => sha256 === undefined).length;
  return { contents: sides.length - sizeOnly, sizeOnly };
}

async function gatesOf({
  require,
  failOn,
  maxFunctions,
  allowTargets,
  allowFunctions,
  baseline,
}: CheckOptions): Promise<Gates> {
  return {
    require,
    failOn: failOn?.map(failOnOption),
    maxFunctions: maxFunctions === undefined ? undefined : countOption("--max-functions", maxFunctions),
    allowFunctions:
      allowFunctions === undefined
        ? undefined
        : readAllowedFunctions(readGivenText(allowFunctions, "a list of functions"), allowFunctions),
    baseline: baseline === undefined ? undefined : await readSoundUpdate(baseline),
    allowTargets: allowTargets
      ?.flatMap((list) => list.split(",").map((name) => name.trim()))
      .filter((name) => name !== ""),
  };
}

function failOnOption(text: string): FindingCode | Severity {
  const known = findingGate(text);
  if (known !== undefined) return known;
  const near = nearFindingGates(text);
  const hint =
    near.length > 0 ? `did you mean ${near.join(", ")}?` : "give error, warning, note, or a code of a finding";
  throw new UsageError(`--fail-on ${text}: no such code or severity; ${hint}`);
}

function countOption(name: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`${name} ${text}: not a whole number`);
  return Number(text);
}
