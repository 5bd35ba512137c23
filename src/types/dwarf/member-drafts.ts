import type { ElfObject } from "../../elf/object.ts";
import { type GraphMember, sizeOf, type TypeGraph } from "../graph.ts";
import type { Entry } from "./entry.ts";

/** A bit field whose place counts from its storage, which may be as large as its type: that may stand further on. */
interface BitField {
  readonly members: GraphMember[];
  readonly index: number;
  readonly offset: number;
  readonly bitOffset: number;
}

/** The members of structs, and the bit fields of DWARF 2 and 3 among them whose storage is not known yet. */
export class MemberDrafts {
  readonly #data: ElfObject["data"];
  readonly #waiting: BitField[] = [];

  constructor(data: ElfObject["data"]) {
    this.#data = data;
  }

  /** `memberOffset` of the entry may be NaN: the member then has no place. */
  add(entry: Entry, members: GraphMember[], type: number): void {
    const { memberOffset = 0, bitSize, bitOffset, dataBitOffset } = entry;
    const whole = Number.isNaN(memberOffset) ? undefined : memberOffset * 8;
    const bits = whole === undefined ? undefined : whole + (dataBitOffset ?? 0);
    members.push({ name: entry.name, type, bits, bitSize });
    if (bitSize === undefined || bitOffset === undefined || whole === undefined) return;
    const field = { members, index: members.length - 1, offset: memberOffset, bitOffset };
    if (entry.size === undefined) this.#waiting.push(field);
    else this.#place(field, entry.size);
  }

  /** Places the bit fields that are as large as their type. */
  finish(graph: TypeGraph): void {
    for (const field of this.#waiting) {
      const storage = sizeOf(graph, (field.members[field.index] as GraphMember).type);
      if (storage !== undefined) this.#place(field, storage);
    }
  }

  /** DW_AT_bit_offset counts from the most significant bit of the storage. DWARF 3 section 5.6.6. */
  #place({ members, index, offset, bitOffset }: BitField, storage: number): void {
    const member = members[index] as GraphMember;
    const inStorage = this.#data === "msb" ? bitOffset : storage * 8 - bitOffset - (member.bitSize as number);
    members[index] = { ...member, bits: offset * 8 + inStorage };
  }
}
