import type { UpdateDescription } from "../contract/description.ts";
import { fileOf, placeOf } from "../report/cause-text.ts";

type Finding = UpdateDescription["findings"][number];

/** A place in the source, for an annotation. */
export interface Place {
  readonly file: string;
  readonly line: number | undefined;
}

/** Finds where in the source a finding belongs: to the function that it names, else to the object's source file or the object. */
export function findingPlaces({ functions, objects }: UpdateDescription): (finding: Finding) => Place | undefined {
  const byLabel = new Map(functions.map((one) => [one.label, one]));
  return ({ where }) => {
    const change = where.label === undefined ? undefined : byLabel.get(where.label);
    if (change !== undefined && fileOf(change) !== undefined) return placeIn(placeOf(change));
    const object = where.object === undefined ? undefined : objects[where.object];
    const file = object?.source ?? object?.name ?? object?.post?.path ?? object?.pre?.path;
    return file === undefined ? undefined : { file, line: undefined };
  };
}

/** `file:line` as its parts. */
export function placeIn(text: string): Place {
  const [, file = text, line] = /^(.*):(\d+)$/.exec(text) ?? [];
  return { file, line: line === undefined ? undefined : Number(line) };
}
