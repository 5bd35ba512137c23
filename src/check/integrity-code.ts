import { createHash } from "node:crypto";
import type { Code, CodeSection, CodeSymbol, HowtoDescription, Patch } from "../contract/code.ts";
import type { Change, UpdateDescription } from "../contract/description.ts";
import { labelInReason } from "../contract/section-words.ts";
import { byText } from "../order.ts";
import { byField, byLabel, byPatchedPlace, firstOutOfOrder } from "../plan/update/order.ts";
import type { Report } from "./problem.ts";

/** One side of a change with what is looked up in it. */
interface Side {
  readonly code: Code;
  readonly sections: ReadonlyMap<string, CodeSection>;
  readonly symbols: ReadonlyMap<string, CodeSymbol>;
}

function sideOf(code: Code): Side {
  return {
    code,
    sections: new Map(code.sections.map((section) => [section.label, section])),
    symbols: new Map(code.symbols.map((symbol) => [symbol.label, symbol])),
  };
}

/** What the changes refer to in the rest of the description; looked up once for all of them. */
export interface Surroundings {
  readonly howtos: ReadonlyMap<string, HowtoDescription>;
  /** New and deleted exports, as `exportKey` writes them. */
  readonly exports: ReadonlySet<string>;
  /** Labels of functions that have no room for a trampoline, as a finding says. */
  readonly tooShort: ReadonlySet<string>;
}

export function surroundingsOf({ howtos, exports, objects, findings }: UpdateDescription): Surroundings {
  const short = findings.filter(({ code }) => /^trampoline/.test(code)).map(({ where }) => where.label ?? "");
  return {
    howtos: new Map(Object.entries(howtos)),
    exports: new Set(exports.map(({ name, object, status }) => exportKey(objects[object]?.target, status, name))),
    tooShort: new Set(short),
  };
}

function exportKey(target: string | undefined, status: string, name: string): string {
  return [target, status, name].join("\0");
}

/** What in one change refers to nothing, stands twice, is out of order or out of bounds. */
export function checkChange(change: Change, around: Surroundings, path: string, report: Report): void {
  const old = sideOf(change.oldCode);
  const fresh = sideOf(change.newCode);
  for (const [name, side] of [
    ["oldCode", old],
    ["newCode", fresh],
  ] as const) {
    const place = `${path}.${name}`;
    checkTables(side.code, place, report);
    checkSymbols(side, place, report);
    checkRelocations(side, around.howtos, place, report);
    for (const [index, section] of side.code.sections.entries()) {
      checkReason(section, [old, fresh], `${place}.sections[${index}]`, report);
      checkContents(section, `${place}.sections[${index}]`, report);
    }
  }
  reportOrder(change.patches, byPatchedPlace, "oldLabel and oldOffset", `${path}.patches`, report);
  for (const [index, patch] of change.patches.entries())
    checkPatch(change.target, patch, [old, fresh], around, `${path}.patches[${index}]`, report);
  checkHooks(change, old, fresh, `${path}.hooks`, report);
}

/** Tells the first item of a table that is not in its place. */
export function reportOrder<T>(
  table: readonly T[],
  order: (a: T, b: T) => number,
  by: string,
  path: string,
  report: Report,
): void {
  const index = firstOutOfOrder(table, order);
  if (index > 0) report("order", `${path}[${index}]`, `belongs before the one above it: the table is sorted by ${by}`);
}

/** Tells every item whose key an earlier one has. */
export function reportRepeated<T>(
  table: readonly T[],
  key: (item: T) => string,
  path: (index: number) => string,
  report: Report,
): void {
  const first = new Map<string, number>();
  for (const [index, item] of table.entries()) {
    const own = key(item);
    const earlier = first.get(own);
    if (earlier === undefined) first.set(own, index);
    else report("duplicate", path(index), `${own.replaceAll("\0", " ")} stands at index ${earlier} already`);
  }
}

function checkTables({ sections, symbols, relocations }: Code, path: string, report: Report): void {
  reportRepeated(
    sections,
    ({ label }) => label,
    (index) => `${path}.sections[${index}].label`,
    report,
  );
  reportRepeated(
    symbols,
    ({ label }) => label,
    (index) => `${path}.symbols[${index}].label`,
    report,
  );
  reportOrder(sections, byLabel, "label", `${path}.sections`, report);
  reportOrder(symbols, byLabel, "label", `${path}.symbols`, report);
  reportOrder(relocations, byField, "section and offset", `${path}.relocations`, report);
}

function checkSymbols({ code, sections }: Side, path: string, report: Report): void {
  for (const [index, { label, section, offset }] of code.symbols.entries()) {
    if (section === null) continue;
    const place = `${path}.symbols[${index}]`;
    const holder = sections.get(section);
    if (holder === undefined) report("reference", `${place}.section`, `no section ${section} in ${code.name}`);
    else if (offset < 0 || offset > holder.size)
      report("bounds", `${place}.offset`, `${label} at ${offset} lies outside ${section} of ${holder.size} bytes`);
  }
}

function checkRelocations(
  { code, sections, symbols }: Side,
  howtos: ReadonlyMap<string, HowtoDescription>,
  path: string,
  report: Report,
): void {
  for (const [index, { section, offset, howto, symbol, targetAddend }] of code.relocations.entries()) {
    const place = `${path}.relocations[${index}]`;
    const holder = sections.get(section);
    const row = howtos.get(howto);
    if (holder === undefined) report("reference", `${place}.section`, `no section ${section} in ${code.name}`);
    const target = symbols.get(symbol);
    if (target === undefined)
      report(
        "reference",
        `${place}.symbol`,
        symbol === "" ? "a symbol without a name" : `no symbol ${symbol} in ${code.name}`,
      );
    // What is defined elsewhere can be found by its name only.
    else if (target.section === null && target.name === "")
      report("reference", `${place}.symbol`, "a symbol without a name, defined elsewhere");
    // The addend of a branch may come from its form.
    else if (row?.pcrel === false && BigInt(row.dstMask) !== 0n)
      checkPrefix(target, targetAddend, `${place}.targetAddend`, report);
    if (row === undefined) report("reference", `${place}.howto`, `no howto ${howto}`);
    if (holder === undefined || row === undefined || offset + row.size <= holder.size) continue;
    const field = `${howto} at ${offset} has ${row.size} bytes`;
    report("bounds", `${place}.offset`, `${field} and reaches past ${section} of ${holder.size} bytes`);
  }
}

/** A reference before the entry of a function (kCFI hash, patchable nops) needs the bytes that are there. */
function checkPrefix({ label, type, section, offset }: CodeSymbol, addend: string, path: string, report: Report): void {
  if (type !== "function" || section === null || !addend.startsWith("-")) return;
  const before = BigInt(addend.slice(1));
  if (before > BigInt(offset)) report("bounds", path, `${before} bytes before ${label} are meant, ${offset} are there`);
}

/** `owner LABEL` and `referenced-by LABEL` name a section of the change. */
function checkReason({ because }: CodeSection, sides: readonly Side[], path: string, report: Report): void {
  const label = labelInReason(because);
  if (label !== undefined && !sides.some(({ sections }) => sections.has(label)))
    report("reference", `${path}.because`, `no section ${label} in this change`);
}

/** Sections that take no place in the file may have no contents. gABI chapter 4, SHT_NOBITS. */
const NO_BITS: ReadonlySet<string> = new Set(["bss", "tls", "percpu"]);

function checkContents({ contents, size, sha256, kind }: CodeSection, path: string, report: Report): void {
  const bytes = decodedOf(contents, path, report);
  if (bytes === undefined) return;
  if (bytes.length !== size && !(bytes.length === 0 && NO_BITS.has(kind)))
    report("contents", `${path}.contents`, `${bytes.length} bytes, but size is ${size}`);
  const actual = createHash("sha256").update(bytes).digest("hex");
  if (actual !== sha256) report("contents", `${path}.sha256`, `the contents have SHA-256 ${actual}`);
}

/** Bytes in base64 in its one padded form, which equal bytes always have; undefined when there are none. RFC 4648, 4. */
function decodedOf(text: string | undefined, path: string, report: Report): Buffer | undefined {
  if (text === undefined) return undefined;
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") === text) return bytes;
  report("contents", `${path}.contents`, "not base64");
  return undefined;
}

function checkPatch(
  target: string,
  patch: Patch,
  [old, fresh]: readonly [Side, Side],
  around: Surroundings,
  path: string,
  report: Report,
): void {
  const bytes = decodedOf(patch.contents, path, report);
  if (bytes !== undefined && bytes.length !== patch.size)
    report("contents", `${path}.contents`, `${bytes.length} bytes, but size is ${patch.size}`);
  if (patch.type === "export") checkExportPatch(target, patch, around, path, report);
  else {
    checkPatchedPlace(patch, old, around, path, report);
    checkReplacement(patch, fresh, path, report);
  }
}

function checkPatchedPlace(
  { oldLabel, oldOffset, size }: Patch,
  old: Side,
  { tooShort }: Surroundings,
  path: string,
  report: Report,
): void {
  const place = placeOf(old, oldLabel);
  if (place === undefined) {
    report("reference", `${path}.oldLabel`, `no section or symbol ${oldLabel} in ${old.code.name}`);
    return;
  }
  const start = place.start + oldOffset;
  if (start >= 0 && start + size <= place.section.size) return;
  // A trampoline without room is a finding: then the description says itself that it does not fit.
  if (tooShort.has(oldLabel)) return;
  const room = `${oldLabel} of ${place.section.size} bytes`;
  report("bounds", `${path}.size`, `${size} bytes at ${start} do not fit in ${room}`);
}

function checkReplacement(patch: Patch, fresh: Side, path: string, report: Report): void {
  const { type, replacement, replacementOffset = 0, size } = patch;
  if (replacement === null) return;
  const place = placeOf(fresh, replacement);
  if (place === undefined) {
    report("reference", `${path}.replacement`, `no section or symbol ${replacement} in ${fresh.code.name}`);
    return;
  }
  const start = place.start + replacementOffset;
  const end = type === "data" ? start + size : start;
  if (start >= 0 && end <= place.section.size) return;
  const what = type === "data" ? `${size} bytes at ${start} are` : `${start} is`;
  report("bounds", `${path}.replacementOffset`, `${what} outside ${replacement} of ${place.section.size} bytes`);
}

/** Where a label lies: the section that has it, or that its symbol is in, and the offset in there. */
function placeOf({ sections, symbols }: Side, label: string): { section: CodeSection; start: number } | undefined {
  const symbol = symbols.get(label);
  const section = sections.get(symbol?.section ?? label);
  return section === undefined ? undefined : { section, start: symbol?.offset ?? 0 };
}

/** The patch of an export renames an entry of the kernel's table; what it is about stands among the exports. */
function checkExportPatch(
  target: string,
  { oldLabel, replacement }: Patch,
  { exports }: Surroundings,
  path: string,
  report: Report,
): void {
  const name = oldLabel.replace(/^__ksymtab:/, "");
  const status = replacement === null ? "deleted" : "new";
  if (!exports.has(exportKey(target, status, name)))
    report("reference", `${path}.oldLabel`, `no ${status} export ${name} of ${target}`);
}

function checkHooks({ hooks }: Change, old: Side, fresh: Side, path: string, report: Report): void {
  for (const [stage, labels] of Object.entries(hooks)) {
    for (const [index, label] of (labels ?? []).entries()) {
      if (!old.symbols.has(label) && !fresh.symbols.has(label))
        report("reference", `${path}.${stage}[${index}]`, `no symbol ${label} in this change`);
    }
    reportOrder(labels ?? [], byText, "label", `${path}.${stage}`, report);
  }
}
