import { createHash } from "node:crypto";
import type { Arch, Howto } from "../arch/arch.ts";
import { diffSpans, type ObjectDiff } from "../diff/diff.ts";
import { readCompiler, sourceFileOf } from "../elf/notes.ts";
import type { ElfObject } from "../elf/object.ts";
import { type Finding, findingText, severityOf } from "../findings.ts";
import type { Oddity } from "../spans/span.ts";
import { VERSION } from "../version.ts";
import { type ChangeOptions, planChange } from "./change.ts";
import { hex64 } from "./code.ts";
import { SCHEMA_VERSION } from "./contract.ts";
import { planData } from "./data.ts";
import type { Change, HowtoDescription, ObjectPair, UpdateDescription } from "./description.ts";
import { planExports } from "./exports.ts";
import { planFunctions } from "./functions.ts";
import { planHooks } from "./hooks.ts";
import { planLiveUpdate } from "./live-update.ts";
import { checkNewCode, compareModuleInfo } from "./new-code.ts";
import { listNoise } from "./noise.ts";
import { objectName } from "./object-name.ts";
import { byText, type PlannedPair, planPair } from "./pair.ts";
import { planStrategy } from "./strategy.ts";

/** What the caller may decide. */
export interface UpdateOptions {
  /** Name of the update; default: derived from the hashes of the inputs. */
  readonly id?: string | undefined;
  /** What is patched: vmlinux (default) or a module's name. */
  readonly target?: string | undefined;
  /** Include the bytes of the code sections. */
  readonly contents?: boolean | undefined;
  /** Which old code to keep. Default: what the patches and the new code refer to. */
  readonly oldCode?: "needed" | "all" | undefined;
}

/** Compares two relocatable objects and describes the update that leads from one to the other. */
export function diffObjects(pre: ElfObject, post: ElfObject, options: UpdateOptions = {}): UpdateDescription {
  return planUpdate(diffSpans(pre, post), options);
}

/** Turns the comparison of one pair of objects into the description of the update. */
export function planUpdate(diff: ObjectDiff, options: UpdateOptions = {}): UpdateDescription {
  const { object: preObject } = diff.pre.table;
  const { object: postObject } = diff.post.table;
  const preFile = fileOf(preObject);
  const postFile = fileOf(postObject);
  const id =
    options.id ?? createHash("sha256").update(`${preFile.sha256} ${postFile.sha256}\n`).digest("hex").slice(0, 12);
  const name = `ksplice_${id}`;
  const target = options.target ?? "vmlinux";
  const pair = planPair(diff, 0, objectName(preFile.path, postFile.path), target);

  const functions = planFunctions(pair);
  const data = planData(pair);
  const exports = planExports(pair);
  const hooks = planHooks(pair);
  const needs = [...checkNewCode(pair), ...compareModuleInfo(pair)];
  const live = planLiveUpdate(pair);
  const oddities = reportOddities(pair);
  // From here on all findings are known.
  const findings = [
    ...functions.findings,
    ...data.findings,
    ...exports.findings,
    ...hooks.findings,
    ...needs,
    ...live.findings,
    ...oddities,
  ].sort(byPlace);
  const patches = [...functions.patches, ...data.patches, ...exports.patches];
  const howtos = new Map<string, Howto>();
  const change = planChange(pair, `${name}_${target}`, patches, hooks.hooks, howtos, changeOptions(options));
  const hasFlags = functions.functions.some(({ reasons }) => reasons.some(({ kind }) => kind === "bug-flags"));
  const hasChanges =
    hasFlags ||
    patches.length > 0 ||
    exports.exports.length > 0 ||
    functions.functions.some(({ status }) => status === "new");
  const isSame = !hasChanges && findings.every((finding) => severityOf(finding) !== "error");
  const source = sourceFileOf(preObject) ?? sourceFileOf(postObject);
  const compiler = readCompiler(postObject) ?? readCompiler(preObject);
  const status: ObjectPair["status"] =
    preFile.sha256 === postFile.sha256 ? "identical" : isSame ? "equivalent" : "changed";
  return {
    schemaVersion: SCHEMA_VERSION,
    generator: { name: "elfsplice", version: VERSION },
    id,
    name,
    arch: describeArch(diff.pre.table.arch),
    objects: [
      {
        pre: preFile,
        post: postFile,
        ...(source === undefined ? {} : { source }),
        ...(compiler === undefined ? {} : { compiler }),
        target,
        status,
      },
    ],
    functions: functions.functions.sort((a, b) => byText(a.label, b.label)),
    data: data.data.sort((a, b) => byText(a.label, b.label) || byText(a.status, b.status)),
    exports: exports.exports.sort((a, b) => byText(a.name, b.name)),
    noise: listNoise(pair),
    changes: isEmpty(change) ? [] : [change],
    howtos: describeHowtos(isEmpty(change) ? new Map() : howtos),
    layouts: [],
    switchOver: {},
    liveUpdate: live.liveUpdate,
    findings: findings.map((finding) => ({
      code: finding.code,
      severity: severityOf(finding),
      where: withoutGaps(finding.where),
      message: findingText(finding),
    })),
    verdict: planStrategy({ findings, hasChanges }),
  };
}

function changeOptions(options: UpdateOptions): ChangeOptions {
  return { contents: options.contents ?? false, allOldCode: options.oldCode === "all" };
}

function fileOf(object: ElfObject): NonNullable<ObjectPair["pre"]> {
  const member = object.member === undefined ? {} : { member: object.member };
  const sha256 = createHash("sha256").update(object.bytes).digest("hex");
  return { path: object.file.replaceAll("\\", "/"), ...member, sha256, size: object.bytes.length };
}

function describeArch({ name, machine, class: bits, data }: Arch): UpdateDescription["arch"] {
  return { name, machine, class: bits, data };
}

function describeHowtos(howtos: ReadonlyMap<string, Howto>): Record<string, HowtoDescription> {
  const sorted = [...howtos].sort(([a], [b]) => byText(a, b));
  return Object.fromEntries(
    sorted.map(([name, { pcrel, size, mask, rightshift, signed }]) => [
      name,
      { type: "reloc", pcrel, size, dstMask: hex64(mask), rightshift, signedAddend: signed } satisfies HowtoDescription,
    ]),
  );
}

function isEmpty(change: Change): boolean {
  const { sections } = change.newCode;
  return change.patches.length === 0 && sections.length === 0 && Object.keys(change.hooks).length === 0;
}

/** What the reading of the objects could not place; said once when both sides have it. */
function reportOddities(pair: PlannedPair): Finding[] {
  const said = new Set<string>();
  const findings: Finding[] = [];
  const report = (side: "pre" | "post", oddities: readonly Oddity[]): void => {
    for (const { code, section, offset, detail } of oddities) {
      const key = `${code} ${section} ${offset} ${detail}`;
      if (said.has(key)) continue;
      said.add(key);
      findings.push({ code, where: { object: pair.index, side, section, offset }, detail });
    }
  };
  report("pre", pair.diff.pre.table.oddities);
  report("post", pair.diff.post.table.oddities);
  const { arch } = pair.diff.pre.table;
  if (arch.howtos.size === 0)
    findings.push({ code: "machine-without-table", where: { object: pair.index, name: arch.name }, detail: "" });
  return findings;
}

const WEIGHT = { error: 0, warning: 1, note: 2 } as const;

/** Errors first, then by code and place. */
function byPlace(a: Finding, b: Finding): number {
  const key = ({ where }: Finding): string => `${where.label ?? ""}\0${where.name ?? ""}\0${where.section ?? ""}`;
  return (
    WEIGHT[severityOf(a)] - WEIGHT[severityOf(b)] ||
    byText(a.code, b.code) ||
    byText(key(a), key(b)) ||
    (a.where.offset ?? 0) - (b.where.offset ?? 0)
  );
}

/** A copy without the parts that are undefined. */
function withoutGaps(where: Finding["where"]): UpdateDescription["findings"][number]["where"] {
  return Object.fromEntries(Object.entries(where).filter(([, value]) => value !== undefined));
}
