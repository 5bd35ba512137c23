import { readFileSync, statSync } from "node:fs";
import type { UpdateDescription } from "../../contract/description.ts";
import { describeSystemError, FormatError, UnsupportedError, UsageError } from "../../errors.ts";
import type { MatchFinding } from "../../findings/match.ts";
import { matchUpdate } from "../../match/match.ts";
import { EXIT } from "../exit-status.ts";
import { delayOptimizer } from "../optimizer.ts";
import { checkOutput, writeOutput } from "../output.ts";
import { onFiles, onlyTarget, partOf, subjectsOfUpdate } from "../update-subjects.ts";

export interface ApplyOptions {
  readonly run: string;
  readonly output?: string;
  readonly reverse?: boolean;
  readonly check?: boolean;
  readonly target?: string;
  readonly quiet?: boolean;
}

/** `elfsplice apply`: writes an update into a copy of a program, takes it out, or says whether it is there (status 1: it is not). */
export async function runApply(file: string, options: ApplyOptions): Promise<number> {
  delayOptimizer();
  const { run, output, check, reverse } = options;
  if (check && reverse) throw new UsageError("--check and --reverse: one of them");
  if (check && output !== undefined) throw new UsageError("--check writes no program: leave out --output");
  if (!check && output === undefined) throw new UsageError("say with --output where the program goes");
  checkOutput(output);
  const { readWholeUpdate } = await import("../document.ts");
  const whole = await readWholeUpdate(file);
  const target = options.target ?? onlyTarget(whole);
  const update = target === undefined ? whole : partOf(whole, target);
  const { bytes, mode } = readProgramFile(run);
  const { applyUpdate, hasUpdate } = await import("../../apply/apply.ts");
  const { readProgram } = await import("../../apply/program.ts");
  const { looksUpName } = await import("../../apply/lookups.ts");
  const tell = (text: string): void => {
    if (!options.quiet) process.stderr.write(`elfsplice: ${text}\n`);
  };
  if (check) {
    const isThere = hasUpdate(update, bytes, run);
    tell(`${update.name} is ${isThere ? "" : "not "}in ${run}`);
    return isThere ? EXIT.done : EXIT.gate;
  }
  if (reverse) {
    const { reverseUpdate } = await import("../../apply/reverse.ts");
    await writeOutput(reverseUpdate(update, bytes, run), output, mode);
    tell(`${update.name} taken out of ${run}`);
    return EXIT.done;
  }
  refuseFindings(whole, file);
  const findings: MatchFinding[] = [];
  const subjects = await subjectsOfUpdate(update, findings);
  const stale = findings.find(({ code }) => code === "object-changed");
  if (stale !== undefined)
    throw new FormatError({ file: stale.label }, `is not what the update was made from: ${stale.detail}`);
  const program = readProgram(bytes, run);
  const looksUp = (name: string): boolean => looksUpName(program, name);
  const result = onFiles(() => matchUpdate(subjects, { run, target, update, findings, looksUp }));
  await writeOutput(applyUpdate(update, result, program), output, mode);
  tell(`${update.name} applied to ${run}: ${result.patches.length} places patched`);
  return EXIT.done;
}

/** An update is applied only where jumps to new code are all it takes. */
function refuseFindings({ verdict, findings }: UpdateDescription, file: string): void {
  const splice = verdict.rungs.find(({ rung }) => rung === "splice");
  const none = verdict.rungs.find(({ rung }) => rung === "none");
  if (splice === undefined || splice.status === "applicable" || none?.status === "applicable") return;
  const because = splice.because.map((index) => findings[index]).find((finding) => finding?.severity === "error");
  throw new UnsupportedError(
    { file },
    `cannot be applied: ${because === undefined ? splice.why : `${because.code}: ${because.message}`}`,
  );
}

function readProgramFile(file: string): { readonly bytes: Uint8Array; readonly mode: number } {
  try {
    const stats = statSync(file);
    if (!stats.isFile()) throw new FormatError({ file }, "is not a regular file");
    return { bytes: readFileSync(file), mode: stats.mode & 0o777 };
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw new FormatError({ file }, `cannot be read: ${describeSystemError(error)}`);
  }
}
