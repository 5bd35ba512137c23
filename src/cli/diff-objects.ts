import { diffSpans } from "../diff/diff.ts";
import { disassemblerFor } from "../disasm/disassembler.ts";
import type { ElfObject } from "../elf/object.ts";
import { objectName } from "../input/object-name.ts";
import { moduleNameOf, moduleNameOfPath, readTargetRules } from "../input/target.ts";
import { planPair } from "../plan/pair/pair.ts";
import { planUpdate } from "../plan/update.ts";
import { renderInstructions } from "../report/instructions.ts";
import type { DiffOptions } from "./commands/diff.ts";
import { emitUpdate } from "./emit.ts";
import { loadObject } from "./input.ts";
import { onInterrupt } from "./interrupt.ts";
import { layoutPlan } from "./layout-plan.ts";
import { styleFor } from "./style.ts";

/** Compares two objects: the short way, without anything that several pairs need. */
export async function diffTwoObjects(prePath: string, postPath: string, options: DiffOptions): Promise<number> {
  const { id, contents, oldCode } = options;
  const suppress =
    options.suppress === undefined
      ? undefined
      : (await import("./suppressions.ts")).readSuppressionFile(options.suppress);
  const rules = readTargetRules(options.target ?? []);
  const [pre, post] = [loadObject(prePath), loadObject(postPath)];
  const diff = diffSpans(pre, post);
  const name = objectName(slashes(pre.file), slashes(post.file));
  const target = rules.find(({ matches }) => matches(name))?.name ?? moduleOf(pre, post, name);
  const description = planUpdate(diff, {
    id,
    target,
    contents,
    oldCode,
    suppress,
    layoutPlan: await layoutPlan(diff, name, target ?? ""),
  });
  let lines: ReadonlyMap<string, readonly string[]> = new Map();
  if (options.format === "text" && options.instructions && diff.outcome.fates.includes("patched")) {
    const { preLabels } = planPair(diff, 0, name, "");
    lines = renderInstructions(diff, preLabels, disassemblerFor(diff.pre.table.arch), styleFor(options.output));
  }
  // Nothing is waited for so far, so a signal ends the process at once; from here on a file is written.
  onInterrupt(() => {});
  return emitUpdate(description, ({ label }) => lines.get(label), options);
}

function moduleOf(pre: ElfObject, post: ElfObject, name: string): string | undefined {
  return moduleNameOf(post) ?? moduleNameOf(pre) ?? moduleNameOfPath(name);
}

function slashes(path: string): string {
  return path.replaceAll("\\", "/");
}
