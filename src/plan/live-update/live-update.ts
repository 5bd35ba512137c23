import type { CallbackDescription, LiveUpdate, ParticipantDescription } from "../../contract/live-update.ts";
import type { Finding, FindingCode } from "../../findings/findings.ts";
import { byText } from "../../order.ts";
import { labelSpans } from "../../spans/labels.ts";
import { isCode } from "../../spans/section-kind.ts";
import type { Span, SpanTable } from "../../spans/span.ts";
import { usesIn } from "../../spans/uses.ts";
import { outcomeOfPre, type PlannedPair } from "../pair/pair.ts";
import { memberOrder, type TableTypes } from "../switch-over/ops-tables.ts";
import {
  type Callback,
  findParticipants,
  type MemberNames,
  type Participant,
  type Participants,
  type UnknownRegistration,
} from "./participants.ts";

/** Who takes part in a live update, what the patch changes for them, and what is doubtful about it. */
export interface LiveUpdatePlan {
  readonly liveUpdate: LiveUpdate;
  readonly findings: Finding[];
}

type LabelOf = (span: Span) => string;

/** Compares the participants of pre and post; an object without any gives `{}`. */
export function planLiveUpdate(pair: PlannedPair, types?: TableTypes): LiveUpdatePlan {
  const pointer = pair.diff.pre.table.object.class / 8;
  const pre = findParticipants(pair.diff.pre.table, memberOrder(types?.pre, pointer));
  const post = findParticipants(pair.diff.post.table, memberOrder(types?.post, pointer));
  if (isEmpty(pre) && isEmpty(post)) return { liveUpdate: {}, findings: [] };
  const twins = pairParticipants(pair, pre.found, post.found);
  const preOf = new Map([...twins].map(([before, after]) => [after, before]));
  const participants = [
    ...post.found.map((own) => describePair(pair, preOf.get(own), own)),
    ...pre.found.filter((own) => !twins.has(own)).map((own) => describePair(pair, own, undefined)),
  ];
  const findings = [
    ...participants.flatMap((participant) => changeFindings(participant)),
    ...checkParticipants(participants),
    ...unknownFindings(post.unknown, pair.index, "post", (span) => pair.postLabels.get(span) as string),
  ];
  return {
    liveUpdate: participants.length === 0 ? {} : { participants },
    findings: findings.map((finding) => withPlace(finding, pair, pre.found, post.found)),
  };
}

/** The participants of one object, as a live update from a kernel to one with the same object has them. */
export function describeParticipants(
  table: SpanTable,
  object: { readonly index: number; readonly name: string },
  memberNames: MemberNames = () => undefined,
): { participants: ParticipantDescription[]; findings: Finding[] } {
  const { found, unknown } = findParticipants(table, memberNames);
  if (found.length === 0 && unknown.length === 0) return { participants: [], findings: [] };
  const labels = labelSpans(table.spans, object.name, usesIn(table));
  const labelOf: LabelOf = (span) => labels.get(span) as string;
  const participants = found.map((own): ParticipantDescription => {
    const table_ = own.table === undefined ? undefined : labelOf(own.table);
    return {
      ...header(own, object.index, labelOf),
      status: "unchanged",
      compatible: sides(own.compatible, own.compatible),
      table: sides(table_, table_),
      callbacks: own.callbacks.map((callback) => {
        const label = callbackLabel(callback, labelOf);
        return { ...slotOf(callback), status: "unchanged", pre: label, post: label };
      }),
    };
  });
  return { participants, findings: unknownFindings(unknown, object.index, undefined, labelOf) };
}

function isEmpty({ found, unknown }: Participants): boolean {
  return found.length === 0 && unknown.length === 0;
}

/** Of equal handlers, then of equal kind and string, then of equal kind and name. */
function pairParticipants(
  pair: PlannedPair,
  pre: readonly Participant[],
  post: readonly Participant[],
): Map<Participant, Participant> {
  const twins = new Map<Participant, Participant>();
  const taken = new Set<Participant>();
  const passes: ((a: Participant, b: Participant) => boolean)[] = [
    (a, b) => pair.diff.pairing.postOf[a.handler.id] === b.handler && a.base === b.base,
    (a, b) => a.compatible !== undefined && a.compatible === b.compatible,
    (a, b) => a.handler.name === b.handler.name,
  ];
  for (const isTwin of passes) {
    for (const own of pre) {
      if (twins.has(own)) continue;
      const twin = post.find((other) => !taken.has(other) && own.kind === other.kind && isTwin(own, other));
      if (twin === undefined) continue;
      twins.set(own, twin);
      taken.add(twin);
    }
  }
  return twins;
}

function nameOf({ handler, compatible }: Participant): string {
  return handler.symbol?.name ?? compatible ?? handler.name;
}

function header(
  own: Participant,
  object: number,
  labelOf: LabelOf,
): Pick<ParticipantDescription, "name" | "object" | "interface" | "names" | "registeredBy"> {
  return {
    name: nameOf(own),
    object,
    interface: own.kind,
    names: own.dialect,
    registeredBy: labelOf(own.registeredBy),
  };
}

function sides(pre: string | undefined, post: string | undefined): { pre?: string; post?: string } {
  return { ...(pre === undefined ? {} : { pre }), ...(post === undefined ? {} : { post }) };
}

function slotOf({ slot, event, offset }: Callback): Pick<CallbackDescription, "slot" | "event" | "offset"> {
  return { slot, event: event ?? null, offset };
}

function callbackLabel(callback: Callback, labelOf: LabelOf): string {
  return callback.function === undefined ? callback.name : labelOf(callback.function);
}

function describePair(
  pair: PlannedPair,
  pre: Participant | undefined,
  post: Participant | undefined,
): ParticipantDescription {
  const preLabel: LabelOf = (span) => pair.preLabels.get(span) as string;
  const postLabel: LabelOf = (span) => pair.postLabels.get(span) as string;
  const own = (post ?? pre) as Participant;
  const callbacks = describeCallbacks(pair, pre, post);
  const compatible = sides(pre?.compatible, post?.compatible);
  const isSame =
    compatible.pre === compatible.post &&
    callbacks.every(({ status, reaches }) => status === "unchanged" && reaches === undefined);
  return {
    ...header(own, pair.index, post === undefined ? preLabel : postLabel),
    status: pre === undefined ? "added" : post === undefined ? "removed" : isSame ? "unchanged" : "changed",
    compatible,
    table: sides(
      pre?.table === undefined ? undefined : preLabel(pre.table),
      post?.table === undefined ? undefined : postLabel(post.table),
    ),
    callbacks,
  };
}

function describeCallbacks(
  pair: PlannedPair,
  pre: Participant | undefined,
  post: Participant | undefined,
): CallbackDescription[] {
  const before = new Map(pre?.callbacks.map((callback) => [callback.slot, callback]));
  const after = new Map(post?.callbacks.map((callback) => [callback.slot, callback]));
  const kept = [...after.values()].map((callback) => compareCallbacks(pair, before.get(callback.slot), callback));
  const lost = [...before.values()]
    .filter(({ slot }) => !after.has(slot))
    .map((callback) => compareCallbacks(pair, callback, undefined));
  return [...kept, ...lost].sort((a, b) => a.offset - b.offset || byText(a.slot, b.slot));
}

function compareCallbacks(
  pair: PlannedPair,
  pre: Callback | undefined,
  post: Callback | undefined,
): CallbackDescription {
  const reaches = post?.function === undefined ? [] : changedBehind(pair, post.function);
  return {
    ...slotOf((post ?? pre) as Callback),
    status: statusOf(pair, pre, post),
    ...sides(
      pre && callbackLabel(pre, (span) => pair.preLabels.get(span) as string),
      post && callbackLabel(post, (span) => pair.postLabels.get(span) as string),
    ),
    ...(reaches.length === 0 ? {} : { reaches }),
  };
}

function statusOf(
  pair: PlannedPair,
  pre: Callback | undefined,
  post: Callback | undefined,
): CallbackDescription["status"] {
  if (pre === undefined) return "added";
  if (post === undefined) return "removed";
  if (pre.function === undefined || post.function === undefined) {
    return pre.function === post.function && pre.name === post.name ? "unchanged" : "retargeted";
  }
  if (pair.diff.pairing.postOf[pre.function.id] !== post.function) return "retargeted";
  return isChanged(pair, pre.function) ? "changed" : "unchanged";
}

function isChanged(pair: PlannedPair, pre: Span): boolean {
  return outcomeOfPre(pair, pre) === "replaced";
}

/** Changed and new functions that a callback leads to, itself aside, by label. */
function changedBehind(pair: PlannedPair, callback: Span): string[] {
  const seen = new Set<Span>([callback]);
  const changed: string[] = [];
  for (const span of seen) {
    for (const { target } of span.relocations) {
      if (target === undefined || seen.has(target) || !isCode(target.kind)) continue;
      seen.add(target);
      const twin = pair.diff.pairing.preOf[target.id];
      if (twin === undefined || isChanged(pair, twin)) changed.push(pair.postLabels.get(target) as string);
    }
  }
  return changed.sort(byText);
}

function finding(code: FindingCode, { name, object }: ParticipantDescription, detail: string): Finding {
  return { code, where: { object, name }, detail };
}

/** What the patch changes for a participant. */
function changeFindings(participant: ParticipantDescription): Finding[] {
  const { status, compatible, callbacks } = participant;
  const shown = compatible.post ?? compatible.pre;
  const string = shown === undefined ? "" : `, "${shown}"`;
  if (status === "added")
    return [finding("live-update-participant-added", participant, `${participant.interface}${string}`)];
  if (status === "removed")
    return [finding("live-update-participant-removed", participant, `${participant.interface}${string}`)];
  const findings: Finding[] = [];
  if (compatible.pre !== compatible.post) {
    const words = (text: string | undefined): string => (text === undefined ? "nothing" : `"${text}"`);
    const detail = `${words(compatible.pre)} becomes ${words(compatible.post)}`;
    findings.push(finding("live-update-compatible-changed", participant, detail));
  }
  const changed = callbacks.filter(({ status: own, reaches }) => own !== "unchanged" || reaches !== undefined);
  if (changed.length > 0) {
    const words = changed.map(({ slot, status: own, reaches }) =>
      own === "unchanged" ? `${slot} by way of ${(reaches ?? []).join(", ")}` : `${slot} ${own}`,
    );
    findings.push(finding("live-update-callback-changed", participant, words.join("; ")));
  }
  return findings;
}

/** Findings that hold for these participants regardless of the patch; `participants` in the order of their registration. */
export function checkParticipants(participants: readonly ParticipantDescription[]): Finding[] {
  const findings: Finding[] = [];
  const present = participants.filter(({ status }) => status !== "removed");
  for (const [index, participant] of present.entries()) {
    const slots = eventsOf(participant);
    const slotName = (event: string): string => slots.get(event) as string;
    if (participant.names === "unknown") {
      const detail =
        participant.table.post === undefined
          ? "its table of callbacks is not in the object"
          : `${participant.table.post} is like no table of a known interface`;
      findings.push(finding("live-update-slots-unknown", participant, detail));
      continue;
    }
    const saves = slots.has("prepare") ? slotName("prepare") : slots.has("freeze") ? slotName("freeze") : undefined;
    if (saves !== undefined && !slots.has("cancel")) {
      const undo = participant.names === "mainline" ? "unpreserve" : "cancel";
      findings.push(finding("live-update-no-cancel", participant, `it has ${saves} and no ${undo}`));
    }
    if (slots.has("freeze") && !slots.has("finish")) {
      findings.push(finding("live-update-freeze-without-finish", participant, ""));
    }
    const later = laterFailure(participant, slots, present.slice(index + 1));
    if (later !== undefined) findings.push(finding("live-update-order", participant, later));
  }
  return findings;
}

/** Slot names in post by event. */
function eventsOf({ callbacks }: ParticipantDescription): Map<string, string> {
  return new Map(
    callbacks.flatMap(({ event, slot, post }) =>
      event === null || post === undefined ? [] : [[event, slot] as const],
    ),
  );
}

/** What can still fail after a step that nothing undoes. Mainline undoes freeze by unfreeze; the series both steps by cancel. */
function laterFailure(
  { names }: ParticipantDescription,
  own: ReadonlyMap<string, string>,
  later: readonly ParticipantDescription[],
): string | undefined {
  const undoesFreeze = own.has(names === "mainline" ? "unfreeze" : "cancel");
  const stuck =
    own.has("prepare") && !own.has("cancel") ? "prepare" : own.has("freeze") && !undoesFreeze ? "freeze" : undefined;
  if (stuck === undefined) return undefined;
  for (const other of later) {
    const events = eventsOf(other);
    const failing = (stuck === "prepare" ? ["prepare", "freeze"] : ["freeze"]).find((event) => events.has(event));
    if (failing !== undefined)
      return `nothing undoes its ${own.get(stuck)}, and ${other.name} may fail after it in ${events.get(failing)}`;
  }
  // The series prepares everything before it freezes anything.
  if (stuck === "prepare" && own.has("freeze"))
    return `nothing undoes its ${own.get("prepare")}, and its own ${own.get("freeze")} may fail after it`;
  return undefined;
}

function unknownFindings(
  unknown: readonly UnknownRegistration[],
  object: number,
  side: "pre" | "post" | undefined,
  labelOf: LabelOf,
): Finding[] {
  return unknown.map(({ kind, registeredBy, offset }) => ({
    code: "live-update-registration-unknown",
    where: {
      object,
      side,
      section: registeredBy.section.name,
      offset,
      name: registeredBy.name,
      label: labelOf(registeredBy),
    },
    detail: kind,
  }));
}

/** A finding with label and section of the participant that it names. */
function withPlace(
  found: Finding,
  pair: PlannedPair,
  pre: readonly Participant[],
  post: readonly Participant[],
): Finding {
  if (found.where.label !== undefined) return found;
  const after = post.find((own) => nameOf(own) === found.where.name);
  const own = after ?? pre.find((candidate) => nameOf(candidate) === found.where.name);
  if (own === undefined) return found;
  const labels = after === undefined ? pair.preLabels : pair.postLabels;
  return {
    ...found,
    where: {
      ...found.where,
      side: after === undefined ? "pre" : "post",
      section: own.handler.section.name,
      label: labels.get(own.handler),
    },
  };
}
