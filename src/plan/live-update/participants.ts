/*
 * Who takes part in a live update, from the object alone. A driver fills a struct and registers it:
 *
 *   static const struct liveupdate_file_ops memfd_ops = { .preserve = …, .finish = … };
 *   static struct liveupdate_file_handler memfd_handler = { .ops = &memfd_ops, .compatible = "memfd-v1" };
 *   … liveupdate_register_file_handler(&memfd_handler);
 *
 * In the object these are a relocation to the registering function, one to the struct shortly before it (the argument), and in
 * the struct one to the table, whose relocations are the callbacks.
 */

import {
  COMPATIBLE_LENGTH,
  type Dialect,
  dialectOf,
  eventOf,
  type InterfaceKind,
  type LiveUpdateEvent,
  layoutOf,
  REGISTRATIONS,
} from "../../contract/names/live-update.ts";
import { isCode } from "../../spans/section-kind.ts";
import type { Span, SpanRelocation, SpanTable } from "../../spans/span.ts";
import { stringBytes } from "../../spans/strings.ts";

/** One function in a table of callbacks. */
export interface Callback {
  readonly slot: string;
  readonly event: LiveUpdateEvent | undefined;
  /** Byte offset in the table. */
  readonly offset: number;
  /** Undefined when another object defines it. */
  readonly function: Span | undefined;
  readonly name: string;
}

/** One registered struct with what it leads to. */
export interface Participant {
  readonly kind: InterfaceKind;
  readonly dialect: Dialect;
  readonly handler: Span;
  /** Byte offset of the struct in the handler's span: not 0 inside a larger one. */
  readonly base: number;
  /** Undefined when another object defines it, or it is filled at run time. */
  readonly table: Span | undefined;
  readonly compatible: string | undefined;
  readonly registeredBy: Span;
  readonly callbacks: readonly Callback[];
}

/** A registration whose argument cannot be told from the object. */
export interface UnknownRegistration {
  readonly kind: InterfaceKind;
  readonly registeredBy: Span;
  readonly offset: number;
}

export interface Participants {
  readonly found: readonly Participant[];
  readonly unknown: readonly UnknownRegistration[];
}

/** Names of a table's members in the order of its pointers, from debug information; undefined where it has none. */
export type MemberNames = (table: Span) => readonly string[] | undefined;

/** A struct that a function refers to and that begins with a pointer to a table. */
interface Candidate {
  readonly handler: Span;
  readonly base: number;
  /** Offset of the reference in the function. */
  readonly at: number;
}

/** Finds the participants of one object, in the order of their registration. */
export function findParticipants(table: SpanTable, memberNames: MemberNames = () => undefined): Participants {
  const found: Participant[] = [];
  const unknown: UnknownRegistration[] = [];
  for (const span of table.spans) {
    if (!isCode(span.kind)) continue;
    const calls = registrations(span);
    if (calls.length === 0) continue;
    const claimed = new Set<string>();
    const candidates = candidatesIn(table, span);
    // What a lifecycle is bound to is registered together with its file handler: that one is told first.
    const resolved = [...calls]
      .sort((a, b) => Number(a.kind === "flb") - Number(b.kind === "flb"))
      .map((call) => ({ call, candidate: argumentOf(call, candidates, claimed) }))
      .sort((a, b) => a.call.offset - b.call.offset);
    for (const { call, candidate } of resolved) {
      if (candidate === undefined) unknown.push({ kind: call.kind, registeredBy: span, offset: call.offset });
      else if (!found.some(({ handler, base }) => handler === candidate.handler && base === candidate.base)) {
        found.push(describe(table, call.kind, span, candidate, memberNames));
      }
    }
  }
  return { found, unknown };
}

interface Call {
  readonly kind: InterfaceKind;
  readonly offset: number;
}

function registrations(span: Span): Call[] {
  const calls: Call[] = [];
  for (const { offset, symbol, howto } of span.relocations) {
    const kind =
      symbol === undefined || !Object.hasOwn(REGISTRATIONS, symbol.name) ? undefined : REGISTRATIONS[symbol.name];
    if (kind !== undefined && howto.role !== "hint") calls.push({ kind, offset });
  }
  return calls;
}

/** What a reference means: through a slot of the TOC or GOT, the span that the slot holds. */
function targetOf(relocation: SpanRelocation): { span: Span; offset: number } | undefined {
  const { target, targetOffset } = relocation;
  if (target === undefined) return undefined;
  if (target.kind !== "toc") return { span: target, offset: targetOffset };
  const [held] = target.relocations;
  return held?.target === undefined ? undefined : { span: held.target, offset: held.targetOffset };
}

function relocationAt(span: Span, offset: number): SpanRelocation | undefined {
  return span.relocations.find((relocation) => relocation.offset === offset);
}

function candidatesIn(table: SpanTable, span: Span): Candidate[] {
  const candidates: Candidate[] = [];
  for (const relocation of span.relocations) {
    const meant = targetOf(relocation);
    if (meant === undefined || isCode(meant.span.kind) || meant.span.relocations.length === 0) continue;
    const { span: handler, offset: base } = meant;
    if (opsOf(table, handler, base) !== undefined) candidates.push({ handler, base, at: relocation.offset });
  }
  return candidates;
}

/** The pointer with which a registered struct begins: to data, or to something that another object defines. */
function opsOf(table: SpanTable, handler: Span, base: number): SpanRelocation | undefined {
  const relocation = relocationAt(handler, base);
  if (relocation?.symbol === undefined) return undefined;
  const { target } = relocation;
  if (target === undefined) return relocation.symbol.section === undefined ? relocation : undefined;
  if (isCode(target.kind) || target === handler) return undefined;
  const pointer = table.object.class / 8;
  return target.relocations.some(({ target: function_, offset }) => offset % pointer === 0 && isFunction(function_))
    ? relocation
    : undefined;
}

function isFunction(span: Span | undefined): boolean {
  return span === undefined || isCode(span.kind);
}

/** The last struct named before the call, else the first behind it (a delay slot, a literal pool). */
function argumentOf(call: Call, candidates: readonly Candidate[], claimed: Set<string>): Candidate | undefined {
  const key = ({ handler, base }: Candidate): string => `${handler.id}+${base}`;
  const free = candidates.filter((candidate) => !claimed.has(key(candidate)));
  const chosen = free.findLast(({ at }) => at <= call.offset) ?? free.find(({ at }) => at > call.offset);
  if (chosen !== undefined) claimed.add(key(chosen));
  return chosen;
}

function describe(
  table: SpanTable,
  kind: InterfaceKind,
  registeredBy: Span,
  { handler, base }: Candidate,
  memberNames: MemberNames,
): Participant {
  const pointer = table.object.class / 8;
  const ops = opsOf(table, handler, base);
  const callbackTable = ops?.target;
  const start = ops?.targetOffset ?? 0;
  const common = { kind, handler, base, registeredBy, compatible: compatibleOf(handler, base + pointer) };
  if (callbackTable === undefined) return { ...common, dialect: "unknown", table: undefined, callbacks: [] };
  const named = memberNames(callbackTable);
  const size = start === 0 ? (callbackTable.symbol?.size ?? callbackTable.size) : callbackTable.size - start;
  const layout =
    named === undefined ? layoutOf(kind, size / pointer) : { dialect: dialectOf(kind, named), slots: named };
  const callbacks = callbackTable.relocations.flatMap((relocation): Callback[] => {
    const { target, symbol } = relocation;
    const offset = relocation.offset - start;
    const index = offset / pointer;
    if (offset < 0 || offset >= size || !Number.isInteger(index) || symbol === undefined) return [];
    const slot = layout?.slots[index] ?? `slot ${index}`;
    if (slot === "owner" || (target !== undefined && !isCode(target.kind)) || symbol.name === "__this_module")
      return [];
    return [{ slot, event: eventOf(slot), offset, function: target, name: target?.name ?? symbol.name }];
  });
  return { ...common, dialect: layout?.dialect ?? "unknown", table: callbackTable, callbacks };
}

/** The string behind the table's pointer: a pointer to it (series), or the characters themselves (mainline). */
function compatibleOf(handler: Span, offset: number): string | undefined {
  const relocation = relocationAt(handler, offset);
  const bytes =
    relocation?.target === undefined
      ? handler.bytes.subarray(offset, offset + COMPATIBLE_LENGTH)
      : stringBytes(relocation.target, relocation.targetOffset);
  if (bytes === undefined || (relocation !== undefined && relocation.target === undefined)) return undefined;
  const end = bytes.indexOf(0);
  const text = Buffer.from(end === -1 ? bytes : bytes.subarray(0, end)).toString("latin1");
  return /^[\x20-\x7e]+$/.test(text) ? text : undefined;
}
