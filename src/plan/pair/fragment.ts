import { createHash } from "node:crypto";
import type { Howto } from "../../arch/arch.ts";
import type { ChangeTables } from "../../contract/code.ts";
import type { ObjectPair } from "../../contract/description.ts";
import type { PairFragment, PairLinks } from "../../contract/part.ts";
import { SHN, STB } from "../../elf/constants.ts";
import { readCompiler, sourceFileOf } from "../../elf/notes.ts";
import type { ElfObject, ElfSymbol } from "../../elf/object.ts";
import { type Finding, severityOf } from "../../findings/findings.ts";
import { withoutGaps } from "../../optional.ts";
import { byText } from "../../order.ts";
import { withSlashes } from "../../paths.ts";
import type { ReadWarning } from "../../spans/span.ts";
import type { LayoutPlan } from "../layouts/layouts.ts";
import { planLiveUpdate } from "../live-update/live-update.ts";
import { planSwitchOver } from "../switch-over/switch-over.ts";
import { byLabel, byLabelAndTarget, byName, byPlace } from "../update/order.ts";
import { accountPair } from "./account.ts";
import { type ChangeOptions, planChange } from "./change.ts";
import { planData } from "./data.ts";
import { describeArch } from "./describe-arch.ts";
import { hasEntryHooks } from "./entry-points.ts";
import { planExports } from "./exports.ts";
import { factFindings } from "./facts.ts";
import { planFunctions } from "./functions.ts";
import { planHooks } from "./hooks.ts";
import { describeHowtos } from "./howtos.ts";
import { movedMembers } from "./moved-members.ts";
import { planNameless } from "./nameless.ts";
import { checkNewCode, compareModuleInfo } from "./new-code.ts";
import { listNoise } from "./noise.ts";
import { refuseOptions } from "./options.ts";
import type { PlannedPair } from "./pair.ts";
import { asksForChange, isEmptyChange, type PairFile } from "./plain-fragment.ts";
import { compareProducers } from "./producers.ts";
import type { PairSources } from "./sources.ts";
import { compareSymbols } from "./symbols.ts";

/** What the caller may decide for one pair. */
export interface FragmentOptions {
  /** What the object is called in labels; for a tree the path from its root. Default: the end of the paths that both files share. */
  readonly name?: string | undefined;
  /** Other modules that the same object is linked into: its change is described for its target only, which is said. */
  readonly alsoIn?: readonly string[] | undefined;
  /** Include the bytes of the code sections. */
  readonly contents?: boolean | undefined;
  /** Include the instructions that differ, with what stands around them. */
  readonly instructions?: boolean | undefined;
  /** Which old code to keep. Default: what the patches and the new code refer to. */
  readonly oldCode?: "needed" | "all" | undefined;
  /** False: the pair is the whole update, so its global names are not needed. */
  readonly links?: boolean | undefined;
}

/** What planners of other layers found out about a pair. */
export interface PairFacts {
  /** What planLayouts() found; undefined where neither object has types or uses shadow variables. */
  readonly layouts?: LayoutPlan | undefined;
  /** Where the listed functions are in the source; undefined where no debug information tells. */
  readonly sources?: PairSources | undefined;
  /** The side on which there is no such object. */
  readonly absent?: "pre" | "post" | undefined;
}

/** What one pair of objects contributes to an update. */
export function planFragment(pair: PlannedPair, options: FragmentOptions = {}, facts: PairFacts = {}): PairFragment {
  const { diff, object: name, target } = pair;
  const { absent, layouts } = facts;
  const plans = planAll(pair, facts, options.instructions ?? false);
  // From here on everything that the description tells of this pair is known.
  const { functions, data, exports, hooks, noise, live, switchOver, producers } = plans;
  const account = accountPair(pair, absent, {
    functions: functions.functions,
    data: data.data,
    exports: exports.exports,
    noise,
    findings: plans.findings,
  });
  const patches = [...functions.patches, ...data.patches, ...exports.patches];
  const howtos = new Map<string, Howto>();
  const change = planChange(pair, patches, hooks.hooks, howtos, changeOptions(options));
  const hasChanges = asksForChange({ functions: functions.functions, exports: exports.exports, patches });
  const findings = [
    ...plans.findings,
    ...account.findings,
    ...(hasChanges ? reportOtherTargets(pair, options.alsoIn) : []),
  ].sort(byPlace);
  const files = filesOf(pair, absent);
  const isSame = !hasChanges && findings.every((finding) => severityOf(finding) !== "error");
  const status = statusOf(files, isSame);
  // Deleted code that nothing is written over may turn up in another object: there it is compared.
  const isNothing = isEmptyChange(change) && functions.functions.every((one) => one.status !== "deleted");
  return {
    name,
    target,
    arch: describeArch(diff.pre.table.arch),
    object: {
      ...withoutGaps({ name: options.name, ...files, ...sourceOf(pair) }),
      ...producers.object,
      target,
      status,
    },
    functions: functions.functions.sort(byLabelAndTarget),
    data: data.data.sort(byLabelAndTarget),
    exports: exports.exports.sort(byName),
    noise: [...noise, ...account.noise].sort(byLabel),
    change: isNothing ? null : change,
    howtos: describeHowtos(diff.post.table.arch, isNothing ? new Map() : howtos),
    findings,
    ...withoutGaps({ switchOver: switchOver.switchOver.tables === undefined ? undefined : switchOver.switchOver }),
    hasChanges,
    ...withoutGaps({
      hasEntryHooks: hasEntryHooks(diff.pre.table) || hasEntryHooks(diff.post.table) || undefined,
      liveUpdate: live.liveUpdate.participants === undefined ? undefined : live.liveUpdate,
      layouts: layouts === undefined ? undefined : [...layouts.layouts],
      shadow: layouts?.shadow,
      links: status === "identical" || options.links === false ? undefined : linksOf(pair, change),
    }),
    accounting: account.accounting,
  };
}

/** What each planner tells of a pair; `findings` are those of all, in the order of the planners. */
function planAll(pair: PlannedPair, { absent, layouts, sources }: PairFacts, instructions: boolean) {
  const { pre, post } = pair.diff;
  const functions = planFunctions(pair, { sources, members: movedMembers(layouts?.layouts ?? []), instructions });
  const data = planData(pair);
  const exports = planExports(pair);
  const hooks = planHooks(pair);
  const nameless = absent === undefined ? planNameless(pair) : undefined;
  const live = planLiveUpdate(pair, layouts?.tableTypes);
  const switchOver = planSwitchOver(pair, layouts?.tableTypes);
  const producers = compareProducers(pre.table.object, post.table.object, pair.object, layouts?.producers);
  const findings: Finding[] = [
    ...functions.findings,
    ...data.findings,
    ...exports.findings,
    ...hooks.findings,
    ...(nameless?.findings ?? []),
    ...checkNewCode(pair),
    ...(absent === undefined ? compareModuleInfo(pair) : []),
    ...refuseOptions(pair),
    ...live.findings,
    ...switchOver.findings,
    ...reportWarnings(pair),
    ...(absent === undefined ? [...compareSymbols(pair), ...factFindings(pair)] : reportAbsence(pair, absent)),
    ...producers.findings,
    ...(layouts?.findings ?? []),
  ];
  return {
    functions,
    data,
    exports,
    hooks,
    live,
    switchOver,
    producers,
    findings,
    noise: listNoise(pair, nameless?.noise),
  };
}

/** That the object is linked into other modules, too, whose change is not described. */
function reportOtherTargets({ object: name, target }: PlannedPair, alsoIn: readonly string[] = []): Finding[] {
  if (alsoIn.length === 0) return [];
  return [{ code: "object-in-several", where: { object: 0, name }, detail: [target, ...alsoIn].join(", ") }];
}

interface Files {
  readonly pre: PairFile | undefined;
  readonly post: PairFile | undefined;
}

function filesOf({ diff }: PlannedPair, absent: PairFacts["absent"]): Files {
  return {
    pre: absent === "pre" ? undefined : fileOf(diff.pre.table.object),
    post: absent === "post" ? undefined : fileOf(diff.post.table.object),
  };
}

/** `isSame`: nothing that is told of the pair asks for a change. */
function statusOf({ pre, post }: Files, isSame: boolean): ObjectPair["status"] {
  if (pre === undefined) return "added";
  if (post === undefined) return "removed";
  if (pre.sha256 === post.sha256) return "identical";
  return isSame ? "equivalent" : "changed";
}

/** The source file and the compiler, where either object names them. */
function sourceOf({ diff: { pre, post } }: PlannedPair) {
  return {
    source: sourceFileOf(pre.table.object) ?? sourceFileOf(post.table.object),
    compiler: readCompiler(post.table.object) ?? readCompiler(pre.table.object),
  };
}

function changeOptions(options: FragmentOptions): ChangeOptions {
  return { contents: options.contents ?? false, allOldCode: options.oldCode === "all" };
}

function fileOf(object: ElfObject): PairFile {
  const member = object.member === undefined ? {} : { member: object.member };
  const sha256 = createHash("sha256").update(object.bytes).digest("hex");
  return { path: withSlashes(object.file), ...member, sha256, size: object.bytes.length };
}

/** That one side has no such object; of an added one, what would run only at start. */
function reportAbsence(pair: PlannedPair, absent: "pre" | "post"): Finding[] {
  const where = { object: pair.index, side: absent === "pre" ? "post" : "pre", name: pair.object } as const;
  if (absent === "post") return [{ code: "object-removed", where, detail: "" }];
  const spans = pair.diff.post.table.spans.filter(({ kind }) => kind === "init-text" || kind === "registry");
  const names = [...new Set(spans.map((span) => span.name))].sort(byText);
  const detail = names.length === 0 ? "" : `; what counts only at start has no effect: ${names.join(", ")}`;
  return [{ code: "object-added", where, detail }];
}

/** What the rest of the update has to know of this pair's global names. */
function linksOf(pair: PlannedPair, { newCode }: ChangeTables): PairLinks {
  const before = globalsOf(pair.diff.pre.table.object);
  const after = globalsOf(pair.diff.post.table.object);
  const localEntries = new Map<string, number>();
  for (const span of pair.diff.post.table.spans) {
    if (span.localEntry !== 0 && pair.diff.pairing.preOf[span.id] === undefined)
      localEntries.set(pair.postLabels.get(span) as string, span.localEntry);
  }
  return {
    defines: [...after]
      .filter(([name]) => !before.has(name))
      .map(([name, isWeak]) => ({ name, ...(isWeak ? { weak: true as const } : {}) }))
      .sort(byName),
    deletes: [...before].flatMap(([name, isWeak]) => (after.has(name) || isWeak ? [] : [name])).sort(byText),
    needs: newCode.symbols
      .filter(({ name, section, bind }) => section === null && bind !== "local" && !after.has(name))
      .map(({ name }) => name),
    localEntries: Object.fromEntries(localEntries),
  };
}

/** Global names that an object defines, each with whether other objects may define it too: weak, unique, common, or in a COMDAT group. */
function globalsOf(object: ElfObject): Map<string, boolean> {
  const shared = new Set(object.groups.filter(({ comdat }) => comdat).flatMap(({ members }) => members));
  const names = new Map<string, boolean>();
  for (const symbol of object.symbols) {
    if (symbol.bind === STB.LOCAL || symbol.shndx === SHN.UNDEF) continue;
    names.set(symbol.name, isShared(symbol, shared));
  }
  return names;
}

function isShared({ bind, shndx, section }: ElfSymbol, comdat: ReadonlySet<number>): boolean {
  return bind !== STB.GLOBAL || shndx === SHN.COMMON || (section !== undefined && comdat.has(section));
}

/** What the reading of the objects could not place; said once when both sides have it. */
function reportWarnings(pair: PlannedPair): Finding[] {
  const said = new Set<string>();
  const findings: Finding[] = [];
  const report = (side: "pre" | "post", warnings: readonly ReadWarning[]): void => {
    for (const { code, section, offset, detail } of warnings) {
      const key = `${code} ${section} ${offset} ${detail}`;
      if (said.has(key)) continue;
      said.add(key);
      findings.push({ code, where: { object: pair.index, side, section, offset }, detail });
    }
  };
  report("pre", pair.diff.pre.table.warnings);
  report("post", pair.diff.post.table.warnings);
  const { arch } = pair.diff.pre.table;
  if (arch.howtos.size === 0)
    findings.push({ code: "machine-without-table", where: { object: pair.index, name: arch.name }, detail: "" });
  return findings;
}
