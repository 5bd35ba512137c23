import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** What the wasm module of gecko-profiler-demangle (cpp_demangle and rustc-demangle) exports. */
interface Demangler {
  readonly memory: WebAssembly.Memory;
  demangle_any(pointer: number, length: number): [pointer: number, length: number];
  __wbindgen_malloc(size: number, align: number): number;
  __wbindgen_free(pointer: number, size: number, align: number): void;
  __wbindgen_start(): void;
}

/** Itanium C++ ABI (_Z), Rust legacy (_ZN…17h…E) and v0 (_R), with the extra underscores of some systems. */
const MANGLED = /^_{1,3}[ZR][A-Za-z0-9]/;

let demangler: Demangler | null | undefined;

/** The name for a person, or undefined when the name is not mangled or cannot be read. The module is loaded at the first such name. */
export function demangle(name: string): string | undefined {
  if (!MANGLED.test(name)) return undefined;
  if (demangler === undefined) demangler = load();
  if (demangler === null) return undefined;
  try {
    const readable = call(demangler, name);
    return name.endsWith(readable) ? undefined : readable;
  } catch {
    // A hostile name can exhaust the module's stack; a fresh one serves the next name.
    demangler = undefined;
    return undefined;
  }
}

function load(): Demangler | null {
  try {
    const module = new WebAssembly.Module(readFileSync(moduleFile()));
    // The module asks for one import only: to prepare a table for JavaScript values, which it then never uses.
    const imports = { "./index_bg.js": { __wbindgen_init_externref_table: () => {} } };
    const loaded = new WebAssembly.Instance(module, imports).exports as unknown as Demangler;
    loaded.__wbindgen_start();
    return loaded;
  } catch {
    // Readable names are a comfort: without the package the raw ones stand alone.
    return null;
  }
}

/** Beside the bundle, where the build put it; else in the package it comes from. */
function moduleFile(): string | URL {
  const beside = [new URL("./demangle.wasm", import.meta.url), new URL("../../../demangle.wasm", import.meta.url)];
  return (
    beside.find((file) => existsSync(file)) ??
    createRequire(import.meta.url).resolve("gecko-profiler-demangle/index_bg.wasm")
  );
}

function call(module: Demangler, name: string): string {
  const bytes = new TextEncoder().encode(name);
  const pointer = module.__wbindgen_malloc(bytes.length, 1);
  new Uint8Array(module.memory.buffer).set(bytes, pointer);
  const [start, length] = module.demangle_any(pointer, bytes.length);
  try {
    return new TextDecoder().decode(new Uint8Array(module.memory.buffer, start, length));
  } finally {
    module.__wbindgen_free(start, length, 1);
  }
}
