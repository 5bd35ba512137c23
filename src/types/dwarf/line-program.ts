import type { Cursor } from "../cursor.ts";
import { LNE, LNS } from "./constants.ts";
import type { LineHeader } from "./line-header.ts";
import type { PlaceReader } from "./places.ts";

/** Rows of consecutive code: from each offset on, the line holds until the next one. DWARF 5 section 6.2. */
export interface LineSequence {
  /** Index of the section that holds the code. */
  readonly section: number;
  /** Byte offsets in that section, never falling. */
  readonly offsets: readonly number[];
  readonly files: readonly number[];
  readonly lines: readonly number[];
  readonly end: number;
}

/** Registers of the line machine that matter here. DWARF 5 section 6.2.2. */
class Machine {
  section: number | undefined;
  offset = 0;
  operation = 0;
  file = 1;
  line = 1;
  offsets: number[] = [];
  files: number[] = [];
  lines: number[] = [];

  advance(count: number, { minimumLength, operations }: LineHeader): void {
    const total = this.operation + count;
    this.offset += minimumLength * Math.floor(total / operations);
    this.operation = total % operations;
  }

  row(): void {
    this.offsets.push(this.offset);
    this.files.push(this.file);
    this.lines.push(this.line);
  }
}

/**
 * Runs a line program and keeps the sequences of sections that are wanted. The rows of others are only counted past: where a
 * sequence ends is known only to who has run it. Throws FormatError through the cursor.
 */
export function runLineProgram(
  cursor: Cursor,
  header: LineHeader,
  placeAt: PlaceReader,
  isWanted: (section: number) => boolean,
): LineSequence[] {
  const kept: LineSequence[] = [];
  const { lineBase, lineRange, opcodeBase, operands, end } = header;
  let machine = new Machine();
  let isKept = false;
  const row = (): void => {
    if (isKept) machine.row();
  };
  cursor.at = header.start;
  while (cursor.at < end) {
    const opcode = cursor.u8();
    if (opcode >= opcodeBase) {
      const special = opcode - opcodeBase;
      machine.advance(Math.floor(special / lineRange), header);
      machine.line += lineBase + (special % lineRange);
      row();
      continue;
    }
    switch (opcode) {
      case LNS.extended: {
        const length = cursor.uleb();
        const next = cursor.at + length;
        if (length === 0) break;
        const extended = cursor.u8();
        if (extended === LNE.set_address) {
          const place = placeAt(header.section, cursor.at, length - 1);
          machine.section = place?.section;
          machine.offset = place?.offset ?? 0;
          machine.operation = 0;
          isKept = place !== undefined && isWanted(place.section);
        } else if (extended === LNE.end_sequence) {
          const { section, offsets, files, lines, offset } = machine;
          if (isKept && section !== undefined && offsets.length > 0)
            kept.push({ section, offsets, files, lines, end: offset });
          machine = new Machine();
          isKept = false;
        }
        cursor.at = next;
        break;
      }
      case LNS.copy:
        row();
        break;
      case LNS.advance_pc:
        machine.advance(cursor.uleb(), header);
        break;
      case LNS.advance_line:
        machine.line += Number(cursor.leb(true));
        break;
      case LNS.set_file:
        machine.file = cursor.uleb();
        break;
      case LNS.const_add_pc:
        machine.advance(Math.floor((255 - opcodeBase) / lineRange), header);
        break;
      case LNS.fixed_advance_pc:
        machine.offset += cursor.u16();
        machine.operation = 0;
        break;
      default:
        for (let left = operands[opcode - 1] ?? 0; left > 0; left--) cursor.skipLeb();
    }
  }
  return kept;
}
