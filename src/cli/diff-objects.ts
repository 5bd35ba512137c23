import { disassemblerFor } from "../disasm/disassembler.ts";
import { objectName } from "../input/object-name.ts";
import { readTargetRules } from "../input/target.ts";
import { withSlashes } from "../paths.ts";
import { describePair } from "../plan/describe-pair.ts";
import { assembleUpdate } from "../plan/update/assemble.ts";
import { readSourceRoots } from "../plan/update/source-roots.ts";
import { renderInstructions } from "../report/instructions.ts";
import type { DiffOptions } from "./diff-options.ts";
import { emitUpdate, wantsRows } from "./emit.ts";
import { loadObject } from "./input.ts";
import { onInterrupt } from "./interrupt.ts";
import { styleFor } from "./style.ts";

/** Compares two objects: the short way, without anything that several pairs need. */
export async function diffTwoObjects(prePath: string, postPath: string, options: DiffOptions): Promise<number> {
  const { id, contents, oldCode } = options;
  const suppress =
    options.suppress === undefined
      ? undefined
      : (await import("./suppressions.ts")).readSuppressionFile(options.suppress);
  const sourceRoots = readSourceRoots(options.sourceRoot ?? []);
  const rules = readTargetRules(options.target ?? []);
  const [pre, post] = [loadObject(prePath), loadObject(postPath)];
  const name = objectName(withSlashes(pre.file), withSlashes(post.file));
  const target = rules.find(({ matches }) => matches(name))?.name;
  const { fragment, pair } = await describePair(pre, post, {
    target,
    contents,
    oldCode,
    links: false,
    instructions: wantsRows(options),
  });
  const description = assembleUpdate([fragment], { id, suppress, oldCode, sourceRoots });
  let lines: ReadonlyMap<string, readonly string[]> = new Map();
  if (options.format === "text" && options.instructions !== false && pair.diff.result.outcomes.includes("replaced"))
    lines = renderInstructions(
      pair.diff,
      pair.preLabels,
      disassemblerFor(pair.diff.pre.table.arch),
      styleFor(options.output, options),
    );
  // Nothing is waited for so far, so a signal ends the process at once; from here on a file is written.
  onInterrupt(() => {});
  return emitUpdate(description, ({ label }) => lines.get(label), options);
}
