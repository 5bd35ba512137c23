import type { Arch } from "../arch/arch.ts";
import type { TableEntry } from "../spans/span.ts";
import { type Difference, hexBytes, type LineEvidence } from "./difference.ts";
import { placeName } from "./line-places.ts";

/** A difference in the tail of a bug entry: the line number is its first two bytes, the flags are the next two. Linux: include/asm-generic/bug.h. */
export function bugDifference(a: TableEntry, b: TableEntry, offset: number, size: number, arch: Arch): Difference {
  const start = a.relocations.reduce((end, { offset: at, howto }) => Math.max(end, at + howto.size), 0);
  const common = { offset: a.ownerOffset, within: a.section.name };
  // Without CONFIG_DEBUG_BUGVERBOSE there is an address and flags, and neither file nor line.
  if (a.relocations.length < 2 || offset < start || offset + size > start + 2) {
    return {
      kind: "bug-flags",
      ...common,
      pre: hexBytes(a.bytes, offset, size),
      post: hexBytes(b.bytes, offset, size),
    };
  }
  const file = a.relocations.find((relocation) => relocation.offset !== a.ownerField && placeName(relocation));
  const [pre, post] = [half(a.bytes, start, arch), half(b.bytes, start, arch)];
  const line: LineEvidence = {
    by: "bug-table",
    place: (file && placeName(file)) ?? "",
    pre,
    post,
    field: {
      pre: { section: a.section.index, offset: a.offset + start },
      post: { section: b.section.index, offset: b.offset + start },
      size: 2,
    },
  };
  return { kind: "bug-line", ...common, pre: String(pre), post: String(post), line };
}

/** A number of two bytes in data order. */
function half(bytes: Uint8Array, offset: number, arch: Arch): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint16(offset, arch.data === "lsb");
}

/** A difference of the lines that two entries keep in the high bits of their first two words, seven in each. Xen: xen/include/xen/bug.h, bug_line(). */
export function packedDifference(a: TableEntry, b: TableEntry): Difference | undefined {
  const parts = (entry: TableEntry): number[] => entry.relocations.map(({ packed }) => packed ?? 0);
  if (parts(a).join() === parts(b).join()) return undefined;
  const line = ([high = 0, low = 0]: number[]): number => ((high >>> 24) & 0x7f) * 0x80 + ((low >>> 24) & 0x7f);
  const [pre, post] = [line(parts(a)), line(parts(b))];
  const field = {
    pre: { section: a.section.index, offset: a.offset },
    post: { section: b.section.index, offset: b.offset },
    size: 8,
  };
  const file = a.relocations.find((relocation) => relocation.offset !== a.ownerField && placeName(relocation));
  const evidence: LineEvidence = { by: "bug-table", place: (file && placeName(file)) ?? "", pre, post, field };
  const common = { offset: a.ownerOffset, within: a.section.name };
  return { kind: "bug-line", ...common, pre: String(pre), post: String(post), line: evidence };
}
