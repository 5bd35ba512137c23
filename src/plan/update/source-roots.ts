import type { FunctionSource, SourceLine } from "../../contract/cause.ts";
import type { FunctionChange } from "../../contract/description.ts";
import { UsageError } from "../../errors.ts";

/** One rule: a beginning of paths of source files, and what stands for it. */
export interface SourceRoot {
  readonly from: string;
  readonly to: string;
}

/** Reads `PREFIX` (taken away) and `PREFIX=REPLACEMENT`. Throws UsageError for an empty prefix. */
export function readSourceRoots(texts: readonly string[]): SourceRoot[] {
  return texts.map((text) => {
    const at = text.indexOf("=");
    const from = (at === -1 ? text : text.slice(0, at)).replace(/\/+$/, "");
    if (from === "") throw new UsageError(`--source-root ${text}: give PREFIX or PREFIX=REPLACEMENT`);
    return { from, to: at === -1 ? "" : text.slice(at + 1).replace(/\/+$/, "") };
  });
}

/** Functions whose source files are named after the rules, the first that fits. */
export function mapSources(functions: readonly FunctionChange[], roots: readonly SourceRoot[]): FunctionChange[] {
  if (roots.length === 0) return [...functions];
  const fileOf = (file: string): string => {
    const root = roots.find(({ from }) => file.startsWith(`${from}/`));
    if (root === undefined) return file;
    const rest = file.slice(root.from.length + 1);
    return root.to === "" ? rest : `${root.to}/${rest}`;
  };
  const line = (one: SourceLine): SourceLine => ({ ...one, file: fileOf(one.file) });
  const side = (one: NonNullable<FunctionSource["pre"]>): NonNullable<FunctionSource["pre"]> => ({
    declared: line(one.declared),
    ...(one.differs === undefined ? {} : { differs: line(one.differs) }),
  });
  return functions.map((change) => {
    const { source } = change;
    if (source === undefined) return change;
    return {
      ...change,
      source: {
        ...(source.pre === undefined ? {} : { pre: side(source.pre) }),
        ...(source.post === undefined ? {} : { post: side(source.post) }),
      },
    };
  });
}
