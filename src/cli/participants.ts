import { readFileSync } from "node:fs";
import type { UpdateDescription } from "../contract/description.ts";
import type { KexecPlan } from "../contract/kexec.ts";
import type { ParticipantDescription } from "../contract/live-update.ts";
import { describeSystemError, FormatError, UsageError } from "../errors.ts";
import { type Finding, findingText, severityOf } from "../findings/findings.ts";
import { checkParticipants, describeParticipants } from "../plan/live-update/live-update.ts";
import { buildSpans } from "../spans/spans.ts";
import { loadObject } from "./input.ts";

interface Loaded {
  readonly participants: ParticipantDescription[];
  readonly findings: KexecPlan["findings"];
}

/** The participants of objects, or those that an update description tells of. */
export function loadParticipants(files: readonly string[]): Loaded {
  const json = files.find((file) => file.endsWith(".json"));
  if (json !== undefined) {
    if (files.length > 1) throw new UsageError(`${json} is an update description: it names its objects itself`);
    return fromUpdate(readUpdate(json));
  }
  const loaded = files.map((file, index) => describeParticipants(buildSpans(loadObject(file)), { index, name: file }));
  const participants = loaded.flatMap((one) => one.participants);
  const findings = [...checkParticipants(participants), ...loaded.flatMap((one) => one.findings)];
  return { participants, findings: findings.map(describeFinding) };
}

function describeFinding(finding: Finding): KexecPlan["findings"][number] {
  const name = finding.where.name ?? finding.where.section ?? "";
  return { code: finding.code, severity: severityOf(finding), name, message: findingText(finding) };
}

function fromUpdate({ liveUpdate, findings }: UpdateDescription): Loaded {
  const own = findings.filter(({ code }) => code.startsWith("live-update-"));
  return {
    participants: liveUpdate.participants ?? [],
    findings: own.map(({ code, severity, where, message }) => ({ code, severity, name: where.name ?? "", message })),
  };
}

function readUpdate(file: string): UpdateDescription {
  try {
    const value = JSON.parse(readFileSync(file, "utf8")) as UpdateDescription;
    if (!Array.isArray(value?.findings) || typeof value?.liveUpdate !== "object" || value.liveUpdate === null) {
      throw new FormatError({ file }, "not an update description: it has no liveUpdate");
    }
    requireParticipants(value.liveUpdate.participants, file);
    return value;
  } catch (error) {
    if (error instanceof FormatError) throw error;
    const problem =
      error instanceof SyntaxError ? `not JSON: ${error.message}` : `cannot be read: ${describeSystemError(error)}`;
    throw new FormatError({ file }, problem);
  }
}

/** As much of the schema as the simulation relies on. */
function requireParticipants(participants: unknown, file: string): void {
  if (participants === undefined) return;
  const isWhole = (one: Partial<ParticipantDescription> | null): boolean =>
    typeof one?.name === "string" &&
    typeof one.compatible === "object" &&
    one.compatible !== null &&
    Array.isArray(one.callbacks);
  if (!Array.isArray(participants) || !participants.every(isWhole)) {
    throw new FormatError({ file }, "not an update description: its participants have another form");
  }
}
