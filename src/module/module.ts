import type { CodeSymbol } from "../contract/code.ts";
import type { UpdateDescription } from "../contract/description.ts";
import { UnsupportedError, UsageError } from "../errors.ts";
import { byText } from "../order.ts";
import { isIdentifier, LONGEST_OBJECT } from "./klp-names.ts";
import type { Alias } from "./links.ts";
import { ModuleObject } from "./object.ts";
import type { Change } from "./pieces.ts";
import { isColdPart, refusals, workItems } from "./refusals.ts";
import { type Defined, Resolver, type RunningSystem } from "./resolve.ts";
import {
  CALLBACKS,
  type Callback,
  moduleMakefile,
  moduleSource,
  type PatchedObject,
  type Redirected,
} from "./source.ts";

/** One file that kbuild needs. */
interface ModuleFile {
  readonly name: string;
  readonly contents: Uint8Array;
}

/** A livepatch module as kbuild needs it, and what is left to a person. */
export interface LivepatchModule {
  readonly name: string;
  readonly files: readonly ModuleFile[];
  readonly work: readonly string[];
}

/**
 * The source of a livepatch module from an update description that has contents. Throws UnsupportedError with the finding where
 * livepatch cannot carry the update, UsageError for a name that is not an identifier. Linux: Documentation/livepatch.
 */
export function livepatchModule(
  update: UpdateDescription,
  options: { readonly file: string; readonly name?: string | undefined; readonly running: RunningSystem },
): LivepatchModule {
  const name = options.name ?? `livepatch_${update.id.replace(/\W/g, "_")}`.slice(0, LONGEST_OBJECT);
  if (!isIdentifier(name) || name.length > LONGEST_OBJECT)
    throw new UsageError(`--name ${name}: a module's name is an identifier of at most ${LONGEST_OBJECT} characters`);
  refuse(update, options.file);
  const object = new ModuleObject(update);
  const resolvers = new Map<Change, Resolver>();
  for (const change of update.changes) {
    object.addChange(change);
    resolvers.set(change, new Resolver(change, options.running, definedElsewhere(update, change)));
  }
  const aliases: Alias[] = [];
  const objects = [...resolvers].map(([change, resolver]) => patchedObject(change, resolver, aliases));
  if (objects.every(({ functions }) => functions.length === 0))
    throw new UnsupportedError(
      { file: options.file },
      "the update replaces no function: there is nothing for livepatch",
    );
  const bytes = object.write(resolvers, aliases, (namespaces) => modinfo(name, namespaces));
  const work = [...workItems(update), ...openQuestions(resolvers, options.running)];
  const source = moduleSource(name, update.id, objects, work);
  return {
    name,
    files: [
      { name: `${name}_new.o_shipped`, contents: bytes },
      { name: `${name}_patch.c`, contents: Buffer.from(source) },
      { name: "Makefile", contents: Buffer.from(moduleMakefile(name)) },
    ],
    work,
  };
}

function refuse(update: UpdateDescription, file: string): void {
  const [first, ...more] = refusals(update);
  if (first === undefined) return;
  const rest = more.length === 0 ? "" : ` (and ${more.length} more)`;
  throw new UnsupportedError({ file }, `livepatch cannot carry this update: ${first}${rest}`);
}

/** What other changes newly define, by global name: all new code is in one module, so no export is needed. */
function definedElsewhere(update: UpdateDescription, change: Change): ReadonlyMap<string, Defined> {
  const defined = new Map<string, Defined>();
  for (const other of update.changes) {
    if (other === change) continue;
    const running = new Set(other.oldCode.symbols.map(({ label }) => label));
    for (const symbol of other.newCode.symbols)
      if (symbol.section !== null && symbol.bind !== "local" && !running.has(symbol.label))
        defined.set(symbol.name, { change: other, section: symbol.section, symbol });
  }
  return defined;
}

/** What is redirected in one object, and the names that the C file knows it by; these are added to `aliases`. */
function patchedObject(change: Change, resolver: Resolver, aliases: Alias[]): PatchedObject {
  const old = new Map<string, CodeSymbol>(change.oldCode.symbols.map((symbol) => [symbol.label, symbol]));
  const functions: Redirected[] = [];
  for (const { type, oldLabel, replacement } of change.patches) {
    const symbol = old.get(oldLabel);
    if (type !== "text" || replacement === null || symbol === undefined || isColdPart(symbol.name)) continue;
    const alias = { change, label: replacement, alias: `elfsplice_new_${aliases.length}` };
    aliases.push(alias);
    const sympos = resolver.symposOf(oldLabel, symbol.bind === "local");
    functions.push({ oldName: symbol.name, sympos, alias: alias.alias });
  }
  const callbacks = new Map<Callback, Alias[]>();
  for (const [stage, callback] of CALLBACKS) {
    const called = (change.hooks[stage] ?? []).map((label) => {
      const alias = { change, label, alias: `elfsplice_hook_${aliases.length}` };
      aliases.push(alias);
      return alias;
    });
    if (called.length > 0) callbacks.set(callback, called);
  }
  return { change, functions, callbacks };
}

/** What only a match or the exports of the built kernel can tell. */
function openQuestions(resolvers: ReadonlyMap<Change, Resolver>, running: RunningSystem): string[] {
  const work: string[] = [];
  for (const [{ target }, { assumed, unknown }] of resolvers) {
    if (assumed.size > 0)
      work.push(
        `${target}: ${list(assumed)}: local names, taken to be the only ones of that name; see match and --match`,
      );
    if (unknown.size > 0 && target !== "vmlinux")
      work.push(
        `${target}: ${list(unknown)}: ${running.exports === undefined ? "without --symvers" : "not exported, so"} looked up in ${target}`,
      );
  }
  return work;
}

function list(names: ReadonlySet<string>): string {
  const sorted = [...names].sort(byText);
  return sorted.length > 5 ? `${sorted.slice(0, 5).join(", ")} and ${sorted.length - 5} more` : sorted.join(", ");
}

/** The strings of `.modinfo`. Linux: include/linux/module.h; the loader tells a livepatch module by `livepatch=Y`. */
function modinfo(name: string, namespaces: readonly string[]): string {
  const strings = ["license=GPL", "livepatch=Y", `name=${name}`, ...namespaces.map((space) => `import_ns=${space}`)];
  return strings.map((text) => `${text}\0`).join("");
}
