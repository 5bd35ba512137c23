import type { ElfObject } from "../elf/object.ts";
import { readBtf } from "./btf.ts";
import { readDwarf } from "./dwarf/dwarf.ts";
import type { TypeGraph } from "./graph.ts";
import { type DebugSections, readDebugSections, TYPE_SECTIONS } from "./sections.ts";
import { type Layouts, layoutsOf } from "./structs.ts";

/** Types from DWARF where an object has any, else from BTF; undefined when it says nothing. Throws FormatError and UnsupportedError. */
export function typesIn(sections: DebugSections): TypeGraph | undefined {
  const hasDwarf = sections.all(".debug_info").length + sections.all(".debug_types").length > 0;
  if (hasDwarf) {
    const graph = readDwarf(sections);
    if (graph.nodes.size > 0 || sections.all(".BTF").length === 0) return graph;
  }
  return sections.all(".BTF").length > 0 ? readBtf(sections) : undefined;
}

/** Layouts of all named types of an object; undefined when it says nothing about types. */
export async function readLayouts(object: ElfObject): Promise<Layouts | undefined> {
  const graph = typesIn(await readDebugSections(object));
  return graph === undefined ? undefined : layoutsOf(graph);
}

/** Whether two objects have the same types to the byte, so that nothing has to be read. */
export function areSame(pre: DebugSections, post: DebugSections): boolean {
  return TYPE_SECTIONS.every((name) => {
    const [before, after] = [pre.all(name), post.all(name)];
    return (
      before.length === after.length && before.every(({ bytes }, i) => Buffer.compare(bytes, after[i]!.bytes) === 0)
    );
  });
}
