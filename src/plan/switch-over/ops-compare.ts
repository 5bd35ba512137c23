import { isBranchField } from "../../arch/branch.ts";
import type {
  FieldDescription,
  HolderDescription,
  SlotDescription,
  TableDescription,
} from "../../contract/switch-over.ts";
import { hexBytes, targetText, targetTexts } from "../../diff/difference.ts";
import { STB } from "../../elf/constants.ts";
import { getOrAdd } from "../../grouping.ts";
import { signedHex } from "../../hex.ts";
import { byText } from "../../order.ts";
import { isCode } from "../../spans/section-kind.ts";
import type { Span } from "../../spans/span.ts";
import { plural } from "../../wording.ts";
import { outcomeOfPre, type PlannedPair } from "../pair/pair.ts";
import { byLabel } from "../update/order.ts";
import { elementAt, type OpsTable, pointerSize, type Slot } from "./ops-tables.ts";
import { REGISTERS } from "./registrations.ts";

/** A table on both sides, or on one only. */
export interface TablePair {
  readonly pre: OpsTable | undefined;
  readonly post: OpsTable | undefined;
}

type Tables = ReadonlyMap<Span, OpsTable>;

/** Each old table with the new one in its place; then those that only the new object has. */
export function pairTables(pair: PlannedPair, pre: Tables, post: Tables): TablePair[] {
  const { postOf, preOf } = pair.diff.pairing;
  const pairs: TablePair[] = [];
  for (const table of pre.values()) {
    const twin = postOf[table.span.id];
    pairs.push({ pre: table, post: twin && (post.get(twin) ?? emptied(twin, table)) });
  }
  for (const table of post.values()) {
    const twin = preOf[table.span.id];
    if (twin === undefined || !pre.has(twin)) pairs.push({ pre: undefined, post: table });
  }
  return pairs;
}

/** A table from which every function is gone. */
function emptied(span: Span, old: OpsTable): OpsTable {
  const slots = new Map(
    [...old.slots.keys()].map((offset) => [offset, { offset, target: undefined, outer: undefined }]),
  );
  const references = new Map(span.relocations.map((relocation) => [relocation.offset, relocation]));
  return { ...old, span, slots, references, elements: undefined };
}

/** Whether a slot's function is the same one on both sides, whatever it is called. */
function isSame(pair: PlannedPair, a: Slot, b: Slot): boolean {
  if (a.target === undefined || b.target === undefined) return a.target === b.target && a.outer === b.outer;
  return pair.diff.pairing.postOf[a.target.id] === b.target;
}

function isEmpty(slot: Slot | undefined): boolean {
  return slot === undefined || (slot.target === undefined && slot.outer === undefined);
}

/** Whether anything in the two tables differs: slots, other contents, size. Functions with the same identity count as the same. */
export function tablesDiffer(pair: PlannedPair, { pre, post }: TablePair): boolean {
  if (pre === undefined || post === undefined) return true;
  return pre.span.size !== post.span.size || outcomeOfPre(pair, pre.span) !== "unchanged";
}

/** Compares tables slot by slot, and says of each whether the new one can take the old one's place. */
export function compareTables(pair: PlannedPair, tables: readonly TablePair[]): TableDescription[] {
  const calls: RegisteringCalls = new Map();
  return tables.map((each) => compareTable(pair, each, calls));
}

function compareTable(pair: PlannedPair, tables: TablePair, registering: RegisteringCalls): TableDescription {
  const { pre, post } = tables;
  const some = (pre ?? post) as OpsTable;
  const slots = compareSlots(pair, pre, post);
  const fields = pre === undefined || post === undefined ? [] : compareFields(pair, pre, post);
  const { compatibility, reasons } = judge(tables, slots, fields);
  const label = (pre === undefined ? pair.postLabels : pair.preLabels).get(some.span) as string;
  const differs =
    slots.some(({ status }) => status !== "same" && status !== "empty" && status !== "changed") ||
    fields.length > 0 ||
    pre?.span.size !== post?.span.size;
  const elements = some.elements ?? post?.elements;
  return {
    label,
    object: pair.index,
    ...(some.names === undefined ? {} : { type: some.names.type }),
    access: some.access,
    visibility: visibilityOf(pair, some.span),
    status: post === undefined ? "removed" : pre === undefined ? "added" : differs ? "changed" : "same",
    size: {
      ...(pre === undefined ? {} : { pre: pre.span.size }),
      ...(post === undefined ? {} : { post: post.span.size }),
    },
    ...(elements === undefined
      ? {}
      : {
          elements: {
            size: elements.size,
            ...(pre?.elements === undefined ? {} : { pre: pre.elements.count }),
            ...(post?.elements === undefined ? {} : { post: post.elements.count }),
          },
        }),
    compatibility,
    reasons,
    slots,
    fields,
    holders: pre === undefined ? [] : holdersOf(pair, pre.span, registering),
  };
}

function visibilityOf(pair: PlannedPair, span: Span): TableDescription["visibility"] {
  if (span.symbol === undefined || span.symbol.bind === STB.LOCAL) return "local";
  const { exports } = pair.diff.pre.table;
  return exports.some(({ target, name }) => target === span || name === span.name) ? "exported" : "global";
}

/** Slots by offset, or by member where debug information names the members on both sides. */
function compareSlots(pair: PlannedPair, pre: OpsTable | undefined, post: OpsTable | undefined): SlotDescription[] {
  const described: SlotDescription[] = [];
  const placeOf = placesIn(pair, pre, post);
  const taken = new Set<number>();
  for (const [offset, slot] of pre?.slots ?? []) {
    const { twinAt, movedTo } = placeOf(offset, slot);
    const twin = post?.slots.get(twinAt);
    taken.add(twinAt);
    const isMoved = movedTo !== undefined && !isEmpty(slot);
    described.push({
      ...slotPlace(pre as OpsTable, offset),
      pre: nameIn(slot, pair.preLabels),
      post: twin === undefined ? null : nameIn(twin, pair.postLabels),
      status: isMoved ? "moved" : slotStatus(pair, slot, twin),
      ...(isMoved ? { movedTo } : {}),
    });
  }
  for (const [offset, slot] of post?.slots ?? []) {
    if (taken.has(offset)) continue;
    const status = isEmpty(slot) ? "empty" : "added";
    described.push({ ...slotPlace(post as OpsTable, offset), pre: null, post: nameIn(slot, pair.postLabels), status });
  }
  return trimmed(described.sort((a, b) => a.offset - b.offset));
}

/** For a slot of the old table: the offset of the new one that it is compared with, and where its function went, if it moved. */
function placesIn(
  pair: PlannedPair,
  pre: OpsTable | undefined,
  post: OpsTable | undefined,
): (offset: number, slot: Slot) => { readonly twinAt: number; readonly movedTo: number | undefined } {
  const byMember = placesByMember(pre, post);
  if (byMember !== undefined)
    return (offset) => {
      const twinAt = byMember.get(offset) ?? offset;
      return { twinAt, movedTo: twinAt === offset ? undefined : twinAt };
    };
  const byFunction = placesByFunction(pair, post);
  return (offset, slot) => {
    const twin = post?.slots.get(offset);
    const key = slot.target ?? slot.outer;
    // Without names, a function that left its slot and stands in another one has moved.
    const hasLeft = key !== undefined && (twin === undefined || !isSame(pair, slot, twin));
    const other = hasLeft ? byFunction.get(key) : undefined;
    return { twinAt: offset, movedTo: other === undefined || isSameAt(pair, pre, post, other) ? undefined : other };
  };
}

/** The first offset at which the new table has each function, by what it is in the old object. */
function placesByFunction(pair: PlannedPair, post: OpsTable | undefined): ReadonlyMap<Span | string, number> {
  const places = new Map<Span | string, number>();
  for (const [offset, { target, outer }] of post?.slots ?? []) {
    const key = target === undefined ? outer : (pair.diff.pairing.preOf[target.id] ?? target);
    if (key !== undefined && !places.has(key)) places.set(key, offset);
  }
  return places;
}

/** Whether a place of both tables holds the same function. */
function isSameAt(pair: PlannedPair, pre: OpsTable | undefined, post: OpsTable | undefined, offset: number): boolean {
  const a = pre?.slots.get(offset);
  const b = post?.slots.get(offset);
  return a !== undefined && b !== undefined && isSame(pair, a, b);
}

/** Empty slots behind the last function on either side say nothing: they may be anything. */
function trimmed(slots: readonly SlotDescription[]): SlotDescription[] {
  const last = slots.findLastIndex(({ status }) => status !== "empty");
  return slots.slice(0, last + 1);
}

function slotPlace(table: OpsTable, offset: number): Pick<SlotDescription, "offset" | "member" | "element"> {
  const member = table.names?.members.get(offset);
  const element = elementAt(table, offset);
  return { offset, ...(member === undefined ? {} : { member }), ...(element === undefined ? {} : { element }) };
}

/** New offset of each old one whose member has another place now; undefined unless both sides have names. */
function placesByMember(
  pre: OpsTable | undefined,
  post: OpsTable | undefined,
): ReadonlyMap<number, number> | undefined {
  if (pre?.names === undefined || post?.names === undefined) return undefined;
  const places = new Map([...post.names.members].map(([offset, name]) => [name, offset]));
  const moved = new Map<number, number>();
  for (const [offset, name] of pre.names.members) {
    const place = places.get(name);
    if (place !== undefined) moved.set(offset, place);
  }
  return moved;
}

function nameIn(slot: Slot, labels: ReadonlyMap<Span, string>): string | null {
  return slot.target === undefined ? (slot.outer ?? null) : (labels.get(slot.target) as string);
}

function slotStatus(pair: PlannedPair, a: Slot, b: Slot | undefined): SlotDescription["status"] {
  if (isEmpty(a)) return isEmpty(b) ? "empty" : "added";
  if (b === undefined || isEmpty(b)) return "removed";
  if (!isSame(pair, a, b)) return "replaced";
  if (a.target === undefined || b.target === undefined) return "same";
  if (outcomeOfPre(pair, a.target) === "replaced") return "changed";
  return a.target.name === b.target.name ? "same" : "renamed";
}

/** Pointer-sized words that are not slots on either side, where they differ: flags, sizes, names, other pointers. */
function compareFields(pair: PlannedPair, pre: OpsTable, post: OpsTable): FieldDescription[] {
  const width = pointerSize(pair.diff.pre.table.arch);
  const fields: FieldDescription[] = [];
  const end = Math.min(pre.span.bytes.length, post.span.bytes.length);
  for (let offset = 0; offset < end; offset += width) {
    if (!isEmpty(pre.slots.get(offset)) || !isEmpty(post.slots.get(offset))) continue;
    const a = wordOf(pre, offset, width);
    const b = wordOf(post, offset, width);
    if (a === b || (pre.references.has(offset) && post.references.has(offset) && isSameTarget(pair, pre, post, offset)))
      continue;
    const member = pre.names?.members.get(offset) ?? post.names?.members.get(offset);
    const [from, to] = [pre.references.get(offset), post.references.get(offset)];
    const [before, after] = from === undefined || to === undefined ? [a, b] : targetTexts(from, to);
    fields.push({ offset, ...(member === undefined ? {} : { member }), pre: before, post: after });
  }
  return fields;
}

function wordOf(table: OpsTable, offset: number, width: number): string {
  const reference = table.references.get(offset);
  return reference === undefined ? hexBytes(table.span.bytes, offset, width) : targetText(reference);
}

function isSameTarget(pair: PlannedPair, pre: OpsTable, post: OpsTable, offset: number): boolean {
  const a = pre.references.get(offset);
  const b = post.references.get(offset);
  if (a?.target === undefined || b?.target === undefined) return false;
  return pair.diff.pairing.postOf[a.target.id] === b.target && a.targetOffset === b.targetOffset;
}

/** Whether callers that know the old table can do with the new one. */
function judge(
  { pre, post }: TablePair,
  slots: readonly SlotDescription[],
  fields: readonly FieldDescription[],
): Pick<TableDescription, "compatibility" | "reasons"> {
  if (pre === undefined) return { compatibility: "compatible", reasons: [] };
  if (post === undefined)
    return {
      compatibility: "incompatible",
      reasons: ["the new object has no such table, and others hold its address"],
    };
  const broken: string[] = [];
  const open: string[] = [];
  const before = pre.span.size;
  const after = post.span.size;
  if (after < before)
    broken.push(`it shrinks from ${before} to ${after} bytes: code that knows the old size reads past its end`);
  if (after > before)
    open.push(`it grows from ${before} to ${after} bytes: callers must know the new size to use what is added`);
  for (const { offset, pre: was, status, movedTo } of slots) {
    const place = signedHex(offset);
    if (status === "moved")
      broken.push(`${was} moves from ${place} to ${signedHex(movedTo ?? 0)}: callers still look at ${place}`);
    if (status === "removed")
      broken.push(`${place} loses ${was}: code that has found it filled does not look again before it calls`);
  }
  if (fields.length > 0) {
    const places = fields.map(({ offset, member }) => member ?? signedHex(offset)).join(", ");
    open.push(`${plural(fields.length, "other field")} differ${fields.length === 1 ? "s" : ""}: ${places}`);
  }
  const compatibility = broken.length > 0 ? "incompatible" : open.length > 0 ? "needs-work" : "compatible";
  return { compatibility, reasons: [...broken, ...open] };
}

/** What has the address of a table: code that hands it out, data that points to it. */
function holdersOf(pair: PlannedPair, table: Span, registering: RegisteringCalls): HolderDescription[] {
  const { uses, table: spans } = pair.diff.pre;
  const holders = new Map<string, HolderDescription>();
  const add = (from: Span, relocation: number, depth: number): void => {
    if (relocation === -1) return;
    if ((from.kind === "toc" || from.kind === "constant") && depth === 0) {
      for (const use of uses(from)) add(use.from, use.relocation, 1);
      return;
    }
    const label = pair.preLabels.get(from) as string;
    // One reference in each is enough to find it; an address may take several instructions.
    if (holders.has(label)) return;
    const kind = holderKind(from);
    const calls = isCode(from.kind) ? getOrAdd(registering, from, () => registeringCalls(from, spans.arch)) : [];
    const offset = (from.relocations[relocation]?.offset ?? 0) - from.entry;
    holders.set(label, { label, kind, offset, ...(calls.length === 0 ? {} : { calls }) });
  };
  for (const use of uses(table)) add(use.from, use.relocation, 0);
  return [...holders.values()].sort(byLabel);
}

function holderKind({ kind }: Span): HolderDescription["kind"] {
  if (kind === "init-text" || kind === "init-data") return "init";
  if (kind === "exit-text") return "exit";
  if (isCode(kind)) return "code";
  return kind === "registry" ? "registry" : "data";
}

/** By function: the names that it calls to register something. One function may hold a thousand tables: it is read once. */
type RegisteringCalls = Map<Span, string[]>;

function registeringCalls(span: Span, arch: PlannedPair["diff"]["pre"]["table"]["arch"]): string[] {
  const names = span.relocations
    .filter(({ howto, offset }) => isBranchField(arch, howto, span.bytes, offset))
    .map(({ target, symbol }) => target?.name ?? symbol?.name ?? "")
    .filter((name) => REGISTERS.test(name));
  return [...new Set(names)].sort(byText);
}
