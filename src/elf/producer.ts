import { SHF } from "./constants.ts";
import { decodeName } from "./names.ts";
import { readCompiler } from "./notes.ts";
import type { ElfObject } from "./object.ts";

/** What made an object: the compilers, and the options that code depends on. Undefined where the object does not say. */
export interface Producer {
  /** Texts of `.comment`, or the names and versions in DW_AT_producer. */
  readonly compiler: string | undefined;
  /** Options in their order, one text for each command line that the object records; sorted. */
  readonly options: readonly string[] | undefined;
}

/** How compilers and linkers sign in `.comment`. */
const COMMENT = /^(GCC: |Linker: |.*\b(clang|LLVM|rustc|icx?|ldc|tcc|zig)\b.*\d)/i;

/** Options that name files, and what is written where, or change messages and debug information only. GCC manual, "Option Summary". */
const WITHOUT_EFFECT =
  /^-(f(debug|file|macro|profile|coverage)-(prefix-map|compilation-dir)\b|fcompilation-dir|fdebug-types|f(no-)?(diagnostics|message|record|var-tracking|working-directory|verbose-asm|dump-|random-seed|preprocessed|canonical-prefixes|color)|g|W(?![alp],)|Wp,-M|w$|pedantic|pipe$|v$|quiet$|I|idirafter|i(macros|prefix|quote|sysroot|system|withprefix|multiarch)|M|o|dump(base|dir)|aux(base|info)|main-file-name|-?-sysroot|B|L|save-temps|record-|c$|S$|E$)/;

/** Those among them whose value is the next word. */
const WITH_VALUE =
  /^-(I|i(macros|prefix|quote|sysroot|system|withprefix|multiarch)|idirafter|M[FTQ]|MD|MMD|o|dump(base|base-ext|dir)|auxbase(-strip)?|main-file-name|fdebug-compilation-dir|-sysroot|B|L|include)$/;

/** Options with an effect whose value is the next word. */
const WITH_MEANT_VALUE = /^(--param|-mllvm|-X\w+|-D|-U|-target|-x)$/;

/**
 * Reads who made an object and how, from `.comment`, `.GCC.command.line`, and what its debug information says (DW_AT_producer): a
 * name and version, behind it the options where the compiler records them.
 */
export function readProducer(object: ElfObject, producers: readonly string[]): Producer {
  const names = producers.map((text) => text.replace(/ -.*$/s, ""));
  const recorded = producers.flatMap((text) => / (-.*)$/s.exec(text)?.[1] ?? []);
  const lines = [...recorded, ...commandLines(object)].map(meaningful).filter((line) => line !== "");
  // Sources may write into `.comment` as well (`#ident`).
  const said = (readCompiler(object) ?? "").split("; ").filter((text) => COMMENT.test(text));
  const compiler =
    said.length > 0 ? unique(said).join("; ") : names.length === 0 ? undefined : unique(names).join("; ");
  return { compiler, options: lines.length === 0 ? undefined : unique(lines) };
}

/** The options of which two command lines differ, in words; empty where they have the same ones, or one side records none. */
export function differingOptions(pre: Producer, post: Producer): string {
  if (pre.options === undefined || post.options === undefined) return "";
  const [a, b] = [pre.options.join("\n"), post.options.join("\n")];
  if (a === b) return "";
  const [before, after] = [words(pre.options), words(post.options)];
  const gone = [...before].filter((word) => !after.has(word));
  const added = [...after].filter((word) => !before.has(word));
  if (gone.length === 0 && added.length === 0) return "the same options in another order";
  return `${gone.join(" ") || "nothing"} becomes ${added.join(" ") || "nothing"}`;
}

function words(lines: readonly string[]): ReadonlySet<string> {
  return new Set(lines.flatMap((line) => line.split(" ")));
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}

/** The options of a command line that code may depend on. */
function meaningful(line: string): string {
  const kept: string[] = [];
  const all = line.split(/\s+/);
  for (let i = 0; i < all.length; i++) {
    const word = all[i] as string;
    if (WITH_VALUE.test(word)) {
      const next = all[i + 1];
      // GCC's driver passes -MD without a value, its compiler proper with one.
      if (next !== undefined && !next.startsWith("-")) i++;
      continue;
    }
    if (!word.startsWith("-") || WITHOUT_EFFECT.test(word)) continue;
    kept.push(WITH_MEANT_VALUE.test(word) ? `${word}=${all[++i] ?? ""}` : word);
  }
  return kept.join(" ");
}

/** What `-frecord-gcc-switches` and `-frecord-command-line` leave: a command line each, or one option each in older versions. */
function commandLines(object: ElfObject): string[] {
  const section = object.sections.find(
    ({ name, flags }) => name === ".GCC.command.line" && (flags & SHF.COMPRESSED) === 0n,
  );
  if (section === undefined) return [];
  const texts = decodeName(section.bytes)
    .split("\0")
    .filter((text) => text !== "");
  return texts.some((text) => text.trim().includes(" -")) ? texts : [texts.join(" ")];
}
