import { byteView } from "../bytes.ts";
import type { ObjectDiff } from "../diff/diff.ts";
import type { ElfObject } from "../elf/object.ts";
import { readNotes } from "../elf/segments.ts";
import { FormatError } from "../errors.ts";
import { hex } from "../hex.ts";
import { becomes, type Fact } from "./fact.ts";

const SECTION = ".note.gnu.property";
/** NT_GNU_PROPERTY_TYPE_0 of the owner "GNU". */
const PROPERTIES = 5;
/** Processor-specific types that only record what code uses; the loader acts on those below. x86-64 psABI, "Program Property". */
const [USED, USED_END] = [0xc001_0000, 0xc001_8000];

/**
 * Program properties: a linker takes a protection (shadow stacks, branch targets) for the whole program only where all objects
 * have it, and the kernel turns it on at start. Linux Extensions to gABI, "Program Property".
 */
export function propertyFacts({ pre, post }: ObjectDiff): Fact[] {
  const [before, after] = [propertiesOf(pre.table.object), propertiesOf(post.table.object)];
  const types = [...new Set([...before.keys(), ...after.keys()])].sort((a, b) => a - b);
  return types.flatMap((type): Fact[] => {
    const [was, is] = [before.get(type), after.get(type)];
    if (was === is) return [];
    const weight = type >= USED && type < USED_END ? "noted" : "changed";
    return [{ weight, subject: `property ${hex(type)} of ${SECTION}`, detail: becomes(was, is) }];
  });
}

/** Values by type, in hexadecimal digits in the order of the file; of a section in no known form nothing, its bytes are compared as a note. */
function propertiesOf(object: ElfObject): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  const align = object.class / 8;
  for (const section of object.sections.filter(({ name }) => name === SECTION))
    for (const { name, type, desc } of readNotes(section.bytes, object.data)) {
      if (name !== "GNU" || type !== PROPERTIES) continue;
      const view = byteView(desc, object.data, (problem, offset) => {
        throw new FormatError({ offset }, problem);
      });
      for (let at = 0; at + 8 <= desc.length; ) {
        const size = view.u32(at + 4);
        found.set(view.u32(at), Buffer.from(desc.subarray(at + 8, at + 8 + size)).toString("hex"));
        at += 8 + Math.ceil(size / align) * align;
      }
    }
  return found;
}
