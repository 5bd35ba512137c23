import type { UpdateDescription } from "../../contract/description.ts";
import type { UpdatePart } from "../../contract/part.ts";
import { UsageError } from "../../errors.ts";
import { VERSION } from "../../version.ts";
import { assembleUpdate } from "./assemble.ts";

/** Joins the parts of one run, in any order, into the description that a single run gives. Throws UsageError where they do not fit together. */
export function assembleParts(parts: readonly UpdatePart[]): UpdateDescription {
  const [first] = parts;
  if (first === undefined) throw new UsageError("no parts to join");
  const { of } = first.shard;
  const seen = new Set<number>();
  for (const part of parts) {
    const { index } = part.shard;
    const words = `part ${index}/${part.shard.of}`;
    if (part.generator.version !== VERSION)
      throw new UsageError(`${words} was written by elfsplice ${part.generator.version}, this is ${VERSION}`);
    if (part.shard.of !== of) throw new UsageError(`${words} does not belong to a run of ${of} parts`);
    if (index > of) throw new UsageError(`${words} is not possible`);
    if (seen.has(index)) throw new UsageError(`${words} is given twice`);
    seen.add(index);
    if (part.pairs !== first.pairs)
      throw new UsageError(
        `${words} comes from a run over ${part.pairs} pairs, part ${first.shard.index}/${of} from one over ${first.pairs}`,
      );
    if (part.listing !== first.listing || JSON.stringify(part.leftOut) !== JSON.stringify(first.leftOut))
      throw new UsageError(`${words} comes from other trees than part ${first.shard.index}/${of}`);
    if (optionsText(part) !== optionsText(first))
      throw new UsageError(`${words} was made with other options than part ${first.shard.index}/${of}`);
  }
  for (let index = 1; index <= of; index++)
    if (!seen.has(index)) throw new UsageError(`part ${index}/${of} is missing`);
  const fragments = parts.flatMap((part) => part.fragments);
  if (fragments.length !== first.pairs)
    throw new UsageError(`the parts hold ${fragments.length} pairs, but the run was over ${first.pairs}`);
  return assembleUpdate(fragments, { ...first.options, findings: first.leftOut });
}

/** The options in one form, whatever the order of their keys. */
function optionsText({ options: { id, contents, oldCode, suppress, sourceRoots, hashes } }: UpdatePart): string {
  const rules = suppress.map(({ kind, pattern, object, reason, place }) => [kind, pattern, object, reason, place]);
  return JSON.stringify([
    id,
    contents,
    oldCode,
    rules,
    (sourceRoots ?? []).map(({ from, to }) => [from, to]),
    hashes ?? false,
  ]);
}
