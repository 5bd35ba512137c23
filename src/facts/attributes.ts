/*
 * Build attributes: what the compiler assumed of the machine and of other code, in sections of their own. Addenda to the ABI
 * for the Arm Architecture, "Build Attributes"; RISC-V ELF psABI, "Attributes"; binutils, "GNU Object Attributes".
 */
import type { Arch } from "../arch/arch.ts";
import { byteView } from "../bytes.ts";
import type { ObjectDiff } from "../diff/diff.ts";
import { SHT } from "../elf/constants.ts";
import { decodeName } from "../elf/names.ts";
import type { ElfObject, Section } from "../elf/object.ts";
import { FormatError } from "../errors.ts";
import type { SpanTable } from "../spans/span.ts";
import { becomes, type Fact } from "./fact.ts";

/** `.ARM.attributes`, `.riscv.attributes` and their like: a type of the machine's own, a name of one form. */
export function isAttributes({ name, type }: Section): boolean {
  return type === SHT.GNU_ATTRIBUTES || (type >= 0x7000_0000 && /^\.[\w.]*attributes$/.test(name));
}

/** First byte of the section: the version of its format. */
const FORMAT = 0x41;
/** Scope of a list of attributes: Tag_File. Those of sections and symbols carry numbers of what they are for. */
const TAG_FILE = 1;
/** Tag_compatibility: a number, then a string. */
const COMPATIBILITY = 32;

/** Attributes of which the two sides differ. Code of one side may not work with code of the other. */
export function attributeFacts({ pre: { table: pre }, post: { table: post } }: ObjectDiff): Fact[] {
  const facts: Fact[] = [];
  const [before, after] = [pre, post].map(({ object }) => object.sections.filter(isAttributes)) as [
    Section[],
    Section[],
  ];
  for (const name of new Set([...before, ...after].map((section) => section.name))) {
    const [a, b] = [before, after].map((list) => list.find((section) => section.name === name));
    if (a !== undefined && b !== undefined && Buffer.compare(a.bytes, b.bytes) === 0) continue;
    const [from, to] = [attributesOf(pre, a), attributesOf(post, b)];
    for (const key of new Set<string>([...from.keys(), ...to.keys()])) {
      const [was, is] = [from.get(key), to.get(key)];
      if (was === is) continue;
      const weight = pre.arch.attributes?.goals.has(key) ? "noted" : "changed";
      facts.push({
        weight,
        subject: `attribute ${key}`,
        detail: `${becomes(was, is)}: other conventions`,
      });
    }
  }
  return facts;
}

/** Attributes by vendor and tag; of a section in another form its bytes. */
function attributesOf({ object, arch }: SpanTable, section: Section | undefined): ReadonlyMap<string, string> {
  if (section === undefined) return new Map();
  try {
    return readAttributes(object, arch, section);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return new Map([["in another form", Buffer.from(section.bytes).toString("hex")]]);
  }
}

/** Throws FormatError where the section is not of the form that the supplements share. */
function readAttributes(object: ElfObject, arch: Arch, { name, bytes }: Section): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const view = byteView(bytes, object.data, (problem, offset) => {
    throw object.error(problem, { section: name, offset });
  });
  if (bytes.length === 0) return found;
  if (view.u8(0) !== FORMAT) throw object.error("attributes of another format", { section: name }, view.u8(0));
  for (let at = 1; at + 4 <= bytes.length; ) {
    const end = at + boundedSize(object, name, view.u32(at), 5, at, bytes.length);
    const vendor = view.cstring(at + 4);
    const who = decodeName(vendor.bytes);
    for (let scope = vendor.next; scope < end; ) {
      const tag = view.uleb128(scope);
      const scopeEnd = scope + boundedSize(object, name, view.u32(tag.next), 5, scope, end);
      if (Number(tag.value) === TAG_FILE) readList(who, tag.next + 4, scopeEnd);
      else
        found.set(
          `${who} scope ${tag.value} at ${scope}`,
          Buffer.from(bytes.subarray(scope, scopeEnd)).toString("hex"),
        );
      scope = scopeEnd;
    }
    at = end;
  }
  return found;

  function readList(vendor: string, from: number, to: number): void {
    for (let at = from; at < to; ) {
      const { value, next } = view.uleb128(at);
      const tag = Number(value);
      const own = arch.attributes?.vendor === vendor && tag < COMPATIBILITY ? arch.attributes : undefined;
      const hasString = own === undefined ? tag % 2 === 1 : own.strings.has(tag);
      let words = "";
      at = next;
      if (!hasString || tag === COMPATIBILITY) {
        const number = view.uleb128(at);
        words = `${number.value}`;
        at = number.next;
      }
      if (hasString || tag === COMPATIBILITY) {
        const text = view.cstring(at);
        words += `${words === "" ? "" : " "}"${decodeName(text.bytes)}"`;
        at = text.next;
      }
      found.set(`${vendor} ${tag}`, words);
    }
  }
}

function boundedSize(object: ElfObject, section: string, size: number, least: number, at: number, end: number): number {
  if (size >= least && at + size <= end) return size;
  throw object.error("attributes reach past the end of what holds them", { section, offset: at }, size);
}
