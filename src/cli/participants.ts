import type { UpdateDescription } from "../contract/description.ts";
import type { KexecPlan } from "../contract/kexec.ts";
import type { ParticipantDescription } from "../contract/live-update.ts";
import { type Finding, findingText, severityOf } from "../findings/findings.ts";
import { checkParticipants, describeParticipants } from "../plan/live-update/live-update.ts";
import { buildSpans } from "../spans/spans.ts";
import { documentAmong } from "./document-kind.ts";
import { loadObject } from "./input.ts";

interface Loaded {
  readonly participants: ParticipantDescription[];
  readonly findings: KexecPlan["findings"];
}

/** The participants of objects, or those that an update description tells of. */
export async function loadParticipants(files: readonly string[]): Promise<Loaded> {
  const update = documentAmong(files);
  if (update !== undefined) return fromUpdate(await (await import("./document.ts")).readWholeUpdate(update));
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
