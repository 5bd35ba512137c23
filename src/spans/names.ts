/** Suffixes that compilers add to function names, and what they mean for pairing. GCC: cgraphclones.cc; LLVM: ThinLTO promotion. */
const COLD = /\.cold(\.\d+)?$/;
const CLONE = /\.(isra|constprop|part|ipa_profile|simdclone)\.\d+/g;
const PROMOTED = /\.(lto_priv|llvm)\.[0-9A-Fa-f]+/g;
const NUMBERED = /^(.*?[^.])((?:\.\d+)+)$/;
const UNIQUE_ID = /^(__UNIQUE_ID_.*?)_?\d+(?:\.\d+)?$/;
const LASAN = /^(\.L(?:ASAN[A-Za-z]*|ubsan_\w+?|_unnamed_|anon\.?|switch\.table\.?))/;

/** The name without the numbers a compiler hands out, but with what tells one clone kind from another: `f.isra.*.cold`. */
export function withoutCloneNumbers(mangled: string): string {
  const name = withoutHashes(mangled);
  if (!name.includes(".")) return name;
  return name
    .replace(PROMOTED, "")
    .replace(/\.cold\.\d+$/, ".cold")
    .replace(CLONE, (_all, kind: string) => `.${kind}.*`);
}

/** Rust: `17h` and 16 hex digits end a legacy name; `Cs…_` in a v0 name tells crates of one name apart. rustc book, "Symbol Mangling". */
const RUST_HASH = /17h[0-9a-f]{16}E/g;
const RUST_CRATE = /Cs[0-9A-Za-z]+_/g;

/** The name without the hashes by which a compiler tells builds apart; the same name on both sides is the same thing. */
export function withoutHashes(name: string): string {
  if (name.startsWith("_ZN") || name.startsWith("__ZN")) return name.replace(RUST_HASH, "E");
  return name.startsWith("_R") ? name.replace(RUST_CRATE, "Cs_") : name;
}

/** A versioned name without what marks the default version: `f@@V` and `f@V` are one symbol. GNU as, ".symver". */
export function withoutDefault(name: string): string {
  return name.includes("@@") ? name.replace(/@@+/, "@") : name;
}

/** The function as written in the source: every compiler suffix removed. */
export function sourceFunction(name: string): string {
  if (!name.includes(".")) return name;
  return name.replace(PROMOTED, "").replace(COLD, "").replace(CLONE, "");
}

/** For `f.cold` and `f.part.0` the function it was cut from, else undefined. */
export function parentFunction(name: string): string | undefined {
  const cold = COLD.exec(name);
  if (cold !== null) return name.slice(0, cold.index);
  const part = /\.part\.\d+$/.exec(name);
  return part === null ? undefined : name.slice(0, part.index);
}

/** Initcalls carry a counter and the line they stand in. Linux: include/linux/init.h. */
const INITCALL = /^(__initcall__kmod_.*?__)\d+_\d+_(.*)$/;

/** The base of a name whose tail is only a number from the compiler (`counter.3`, `__UNIQUE_ID_ddebug12.4`), else undefined. */
export function numberedBase(name: string): string | undefined {
  const unique = UNIQUE_ID.exec(name);
  if (unique !== null) return `${unique[1]}*`;
  const initcall = INITCALL.exec(name);
  if (initcall !== null) return `${initcall[1]}*_${initcall[2]}`;
  const lasan = LASAN.exec(name);
  if (lasan !== null) return `${lasan[1]}*`;
  const numbered = NUMBERED.exec(name);
  return numbered === null ? undefined : (numbered[1] as string);
}

/** A variable's name without what a compiler counts by: `n` of `n.3`, and of a C++ static without its discriminator. Itanium C++ ABI, 5.1.7. */
export function variableBase(name: string): string {
  return name.startsWith("_ZZ") ? name.replace(/_(?:\d|_\d+_)$/, "") : (numberedBase(name) ?? name);
}

/** A function's name with the kind of a clone and without its number; a nested function has a number only. */
export function functionBase(name: string): string {
  const base = withoutCloneNumbers(withoutDefault(name));
  return base.endsWith("*") ? base : (numberedBase(base) ?? base);
}

/** Names the assembler or compiler made up and keeps only by accident. */
export function isAnonymousName(name: string): boolean {
  return name === "" || name.startsWith(".L");
}

/** For `__pfx_f` and `__cfi_f`, the function whose prefix it marks. Linux: tools/objtool, kCFI. */
export function prefixedFunction(name: string): string | undefined {
  const match = /^__(?:pfx|cfi)_(.+)$/.exec(name);
  return match?.[1];
}
