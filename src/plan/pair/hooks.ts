import type { Hooks } from "../../contract/code.ts";
import type { Finding } from "../../findings/findings.ts";
import { append } from "../../lists.ts";
import { byText } from "../../order.ts";
import { isCode } from "../../spans/section-kind.ts";
import type { Hook, Span } from "../../spans/span.ts";
import { outcomeOfPre, type PlannedPair, spanFinding } from "./pair.ts";

const STAGES: ReadonlyMap<string, keyof Hooks> = new Map([
  ["pre_apply", "preApply"],
  ["check_apply", "checkApply"],
  ["apply", "apply"],
  ["post_apply", "postApply"],
  ["fail_apply", "failApply"],
  ["pre_reverse", "preReverse"],
  ["check_reverse", "checkReverse"],
  ["reverse", "reverse"],
  ["post_reverse", "postReverse"],
  ["fail_reverse", "failReverse"],
]);

/** Stages at which the old code is in force: before the commit, and after the update is undone. */
const BEFORE_COMMIT: ReadonlySet<string> = new Set(["pre_apply", "check_apply", "fail_apply", "post_reverse"]);

/** The functions an update wants to be called, by stage, and those that would run into code that is not in force then. */
export function planHooks(pair: PlannedPair): { hooks: Hooks; findings: Finding[] } {
  const hooks: Hooks = {};
  const findings: Finding[] = [];
  for (const hook of pair.diff.post.table.hooks) {
    const stage = STAGES.get(hook.stage);
    if (stage !== undefined) {
      const list = hooks[stage] ?? [];
      list.push(hook.target === undefined ? hook.name : (pair.postLabels.get(hook.target) as string));
      hooks[stage] = list;
    }
    if (BEFORE_COMMIT.has(hook.stage)) append(findings, patchedReach(pair, hook));
  }
  for (const list of Object.values(hooks)) list?.sort(byText);
  return { hooks, findings };
}

/** Patched functions that a hook reaches through calls and references; each with the way there. */
function patchedReach(pair: PlannedPair, hook: Hook): Finding[] {
  if (hook.target === undefined) return [];
  const from = new Map<Span, Span | undefined>([[hook.target, undefined]]);
  const findings: Finding[] = [];
  for (const span of from.keys()) {
    const twin = pair.diff.pairing.preOf[span.id];
    if (isCode(span.kind) && twin !== undefined && outcomeOfPre(pair, twin) === "replaced") {
      const detail = way(from, span);
      findings.push(
        spanFinding(pair, "hook-reaches-patched-code", hook.target, "post", detail, {
          section: hook.section.name,
          offset: hook.offset,
        }),
      );
      continue;
    }
    for (const { target } of span.relocations) if (target !== undefined && !from.has(target)) from.set(target, span);
  }
  return findings;
}

function way(from: ReadonlyMap<Span, Span | undefined>, end: Span): string {
  const names: string[] = [];
  for (let span: Span | undefined = end; span !== undefined; span = from.get(span)) names.unshift(span.name);
  return names.join(" → ");
}
