import type { ElfObject, Section } from "../elf/object.ts";
import type { SectionKind } from "./kinds.ts";
import type { Draft } from "./references.ts";
import type { Hook, Span } from "./span.ts";

/** What kpatch and livepatch call the stages. kpatch: kmod/patch/kpatch-macros.h. */
const KPATCH_STAGES: ReadonlyMap<string, string> = new Map([
  ["pre_patch", "pre_apply"],
  ["post_patch", "post_apply"],
  ["pre_unpatch", "pre_reverse"],
  ["post_unpatch", "post_reverse"],
]);

function stageOf(section: string): string {
  const callback = /^\.kpatch\.callbacks\.(\w+)/.exec(section)?.[1];
  if (callback !== undefined) return KPATCH_STAGES.get(callback) ?? callback;
  return section.replace(/^\.ksplice_call_?/, "");
}

/** Functions named in `.kpatch.ignore.functions`. kpatch: kmod/patch/kpatch-macros.h. */
export function readExempt(
  sections: readonly Section[],
  kinds: readonly SectionKind[],
  drafts: ReadonlyMap<number, readonly Draft[]>,
): ReadonlySet<Span> {
  const exempt = new Set<Span>();
  for (const section of sections) {
    if (kinds[section.index] !== "directive" || !section.name.endsWith(".functions")) continue;
    for (const { target } of drafts.get(section.index) ?? []) if (target !== undefined) exempt.add(target);
  }
  return exempt;
}

/** Reads `.ksplice_call_STAGE` and `.kpatch.callbacks.STAGE`: one relocation per function to call at that stage. Ksplice: kmodsrc/ksplice.h. */
export function readHooks(
  sections: readonly Section[],
  object: ElfObject,
  kinds: readonly SectionKind[],
  drafts: ReadonlyMap<number, readonly Draft[]>,
): Hook[] {
  const hooks: Hook[] = [];
  for (const section of sections) {
    if (kinds[section.index] !== "hook") continue;
    const stage = stageOf(section.name);
    for (const draft of drafts.get(section.index) ?? []) {
      const name = draft.target?.name ?? draft.symbol?.name ?? "";
      if (name === "")
        throw object.error("a hook that refers to nothing with a name", {
          section: section.name,
          offset: draft.offset,
        });
      hooks.push({
        stage,
        section,
        offset: draft.offset,
        target: draft.target,
        targetOffset: draft.targetOffset,
        name,
      });
    }
  }
  return hooks;
}
