import type { ObjectDiff } from "../diff/diff.ts";
import { ET, SHF } from "../elf/constants.ts";
import type { ElfObject, Group, Section } from "../elf/object.ts";
import { hex } from "../hex.ts";
import { isCode, isComparedByContents, type SectionKind } from "../spans/section-kind.ts";
import type { Span } from "../spans/span.ts";
import { becomes, type Fact } from "./fact.ts";

/** Flags that say how the file is written, not what a linker makes of the section; membership in groups is compared by itself. */
const OF_THE_FILE = SHF.GROUP | SHF.COMPRESSED | SHF.INFO_LINK;
/** Flags that let a linker share equal contents, or keep what nothing refers to. */
const OF_THE_LINKER = SHF.MERGE | SHF.STRINGS | SHF.GNU_RETAIN;

/** Two sections, and a pair of spans that lies in them. */
interface Neighbours {
  readonly a: Section;
  readonly b: Section;
  readonly span: Span;
  readonly twin: Span;
}

/**
 * What the headers of relocatable sections say of things that are the same on both sides and stay where they are: flags,
 * alignment, groups. gABI chapter 4, "Sections".
 */
export function sectionFacts(diff: ObjectDiff): Fact[] {
  const [pre, post] = [diff.pre.table.object, diff.post.table.object];
  if (pre.type !== ET.REL) return [];
  const groups = { pre: groupsOf(pre), post: groupsOf(post) };
  const namesOf = new Set(post.sections.map(({ name }) => name));
  const facts: Fact[] = [];
  for (const pair of neighbours(diff)) {
    const { a, b, span, twin } = pair;
    const subject = a.name === b.name ? a.name : `${a.name} (${b.name} now)`;
    const report = (weight: Fact["weight"], detail: string): void => {
      facts.push({ weight, subject, detail });
    };
    // A section that post does not have by name is told as renamed.
    if (a.name !== b.name && span.name === twin.name && namesOf.has(a.name))
      report("noted", "what was in it lies in another section now");
    const flags = (a.flags ^ b.flags) & ~OF_THE_FILE;
    if (flags !== 0n) report(flagWeight(flags, pair), `sh_flags ${becomes(hex(a.flags), hex(b.flags))}`);
    if (a.entsize !== b.entsize && (b.flags & SHF.MERGE) !== 0n)
      report("noted", `sh_entsize ${becomes(`${a.entsize}`, `${b.entsize}`)}`);
    const [own, other] = [groups.pre.get(a.index), groups.post.get(b.index)];
    if (own !== other)
      report("changed", `its section group: ${becomes(own, other)}, so a linker keeps another one of the copies`);
    const [linked, now] = [linkedName(pre, a), linkedName(post, b)];
    if (linked !== now) report("changed", `the section that it belongs to (sh_link): ${becomes(linked, now)}`);
    // Of a variable that grows, that is told.
    if (b.addralign > Math.max(a.addralign, 1) && span.size === twin.size && !isAlignedByNew(diff, b)) {
      const words = `its alignment ${becomes(`${a.addralign}`, `${b.addralign}`)}`;
      if (isCode(span.kind)) report("noted", words);
      else report("changed", `${words}: what runs stays where it is, which need not be aligned so`);
    }
  }
  return facts;
}

/** Sections whose spans are pairs that stay, each two once. */
function* neighbours({ pre, pairing, result }: ObjectDiff): Generator<Neighbours> {
  const seen = new Map<number, number>();
  for (const span of pre.table.spans) {
    const twin = pairing.postOf[span.id];
    const outcome = result.outcomes[span.id];
    if (twin === undefined || outcome === "replaced" || outcome === "relocated" || isComparedByContents(span.kind))
      continue;
    const { section: a } = span;
    const { section: b } = twin;
    if (seen.get(a.index) === b.index) continue;
    seen.set(a.index, b.index);
    yield { a, b, span, twin };
  }
}

/** Read-only data with relocations is written once, by the loader: that it stands in a writable section says only that. */
function flagWeight(flags: bigint, { span, twin }: Neighbours): Fact["weight"] {
  const isConstant = (kind: SectionKind): boolean => kind === "rodata";
  const harmless = isConstant(span.kind) && isConstant(twin.kind) ? OF_THE_LINKER | SHF.WRITE : OF_THE_LINKER;
  return (flags & ~harmless) === 0n ? "noted" : "changed";
}

/** Signatures by section index, with what a linker does about copies. gABI chapter 4, "Section Groups". */
function groupsOf({ groups }: ElfObject): ReadonlyMap<number, string> {
  const words = ({ signature, comdat }: Group): string => `${signature} (${comdat ? "COMDAT" : "not COMDAT"})`;
  return new Map(groups.flatMap((group) => group.members.map((member) => [member, words(group)] as const)));
}

function linkedName({ sections }: ElfObject, { flags, link }: Section): string | undefined {
  return (flags & SHF.LINK_ORDER) === 0n ? undefined : sections[link]?.name;
}

/** Whether a variable or function that only post has may be what the section is aligned for. */
function isAlignedByNew({ post, pairing }: ObjectDiff, section: Section): boolean {
  return post.table
    .spansOf(section.index)
    .some(({ id, offset, size }) => pairing.preOf[id] === undefined && size > 0 && offset % section.addralign === 0);
}
