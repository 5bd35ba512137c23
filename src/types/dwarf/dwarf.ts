import { Cursor, type Fail } from "../cursor.ts";
import type { TypeGraph } from "../graph.ts";
import type { DebugSection, DebugSections } from "../sections.ts";
import { type Abbreviation, abbreviationReader } from "./abbrev.ts";
import { TAG, UT } from "./constants.ts";
import { type Frame, GraphBuilder } from "./dwarf-graph.ts";
import { EntryReader, readBases, skipEntry, type UnitContext } from "./entry-reader.ts";
import { lookupsOf } from "./strings.ts";
import { readUnits } from "./units.ts";

/** Tags whose attributes matter; children of the others belong to the entry around them. */
const READ: ReadonlySet<number> = new Set(Object.values(TAG));

/** Types, functions and variables of an object's DWARF, versions 2 to 5. Throws FormatError where it contradicts itself. */
export function readDwarf(sections: DebugSections): TypeGraph {
  const { object } = sections;
  const failIn =
    (section: string): Fail =>
    (problem, offset, value) => {
      throw object.error(problem, { section, offset }, value);
    };
  const builder = new GraphBuilder(object);
  // Fields that nothing was written to all read as 0: the first string, the first entry. Better no types than wrong ones.
  if (sections.unknownTypes.size > 0) {
    for (const type of sections.unknownTypes)
      builder.refuse(`relocations of the unknown type ${type}`, ".debug_info", 0);
    return builder.finish();
  }
  const units = readUnits(sections, ({ name }: DebugSection) => failIn(name), builder.refuse);
  const abbreviations = abbreviationReader(sections.only(".debug_abbrev"), object.data, failIn(".debug_abbrev"));
  const lookups = lookupsOf(sections);
  for (const unit of units) {
    const cursor = new Cursor(unit.section.bytes.subarray(0, unit.end), object.data, failIn(unit.section.name));
    const context: UnitContext = { unit, lookups, bases: { strings: undefined, addresses: undefined, lowerBound: 0 } };
    if (unit.type === UT.split_compile || unit.type === UT.split_type) {
      builder.refuse("a unit of split DWARF (.dwo)", unit.section.name, unit.offset);
      continue;
    }
    readEntries(cursor, context, abbreviations(unit.abbreviations), builder);
  }
  return builder.finish();
}

/** One pass over the entries of a unit, in the order of the file. */
function readEntries(
  cursor: Cursor,
  context: UnitContext,
  table: ReadonlyMap<number, Abbreviation>,
  builder: GraphBuilder,
): void {
  const { unit } = context;
  const frames: Frame[] = [];
  const reader = new EntryReader(cursor, context);
  let frame: Frame = builder.unitFrame("");
  cursor.at = unit.start;
  while (cursor.at < unit.end) {
    const offset = cursor.at;
    const code = cursor.uleb();
    if (code === 0) {
      const outer = frames.pop();
      if (outer === undefined) return;
      frame = outer;
      if (frames.length === 0) return;
      continue;
    }
    const abbreviation = table.get(code);
    if (abbreviation === undefined) cursor.fail("entry has an abbreviation that does not exist", offset, code);
    const { tag, hasChildren } = abbreviation;
    let inner = frame;
    if (READ.has(tag)) {
      if (frames.length === 0) inner = readRoot(cursor, context, abbreviation, builder);
      else inner = builder.add(tag, unit.base + offset, reader.read(abbreviation), frame, unit);
    } else {
      skipEntry(cursor, abbreviation, unit);
    }
    if (hasChildren) {
      frames.push(frame);
      frame = inner;
    } else if (frames.length === 0) {
      return;
    }
  }
}

/** The unit's own entry: its name, and whether the types are elsewhere. */
function readRoot(cursor: Cursor, context: UnitContext, abbreviation: Abbreviation, builder: GraphBuilder): Frame {
  const { unit } = context;
  const start = cursor.at;
  readBases(cursor, abbreviation, context);
  cursor.at = start;
  const entry = new EntryReader(cursor, context).read(abbreviation);
  if (unit.type === UT.skeleton || abbreviation.tag === TAG.skeleton_unit || entry.dwoName !== undefined) {
    const where = entry.dwoName ? ` ${entry.dwoName}` : " a .dwo file";
    builder.refuse(
      `the types of this unit are in${where}, which is not read (split DWARF)`,
      unit.section.name,
      unit.offset,
    );
  }
  if (entry.producer !== undefined) builder.made(entry.producer);
  if (unit.signature !== undefined && unit.typeEntry !== undefined) builder.sign(unit.signature, unit.typeEntry);
  return builder.unitFrame(entry.name);
}
