import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "../support/paths.ts";
import { runInThread } from "../support/program-thread.ts";
import { isInstalled } from "../support/tools.ts";

/** How programs of an architecture are made and run. */
export interface Machine {
  readonly name: string;
  readonly compiler: readonly string[];
  /** Words before the program's name; none where it runs by itself. */
  readonly emulator: readonly string[];
}

const cross = (name: string, triple: string, emulator: string, ...flags: readonly string[]): Machine => ({
  name,
  compiler: [`${triple}-gcc`, ...flags],
  emulator: [emulator, "-L", `/usr/${triple}`],
});

/** Machines whose programs are executed, by name. */
export const MACHINES: Readonly<Record<string, Machine>> = Object.fromEntries(
  [
    { name: "x86-64", compiler: ["gcc"], emulator: [] },
    { name: "x86-64-clang", compiler: ["clang"], emulator: [] },
    { name: "i386", compiler: ["gcc", "-m32"], emulator: [] },
    cross("aarch64", "aarch64-linux-gnu", "qemu-aarch64"),
    cross("arm", "arm-linux-gnueabihf", "qemu-arm"),
    cross("a32", "arm-linux-gnueabihf", "qemu-arm", "-marm"),
    cross("riscv64", "riscv64-linux-gnu", "qemu-riscv64"),
    cross("ppc64le", "powerpc64le-linux-gnu", "qemu-ppc64le"),
    cross("s390x", "s390x-linux-gnu", "qemu-s390x"),
    cross("mips", "mips-linux-gnu", "qemu-mips"),
    cross("mipsel", "mipsel-linux-gnu", "qemu-mipsel"),
  ].map((machine) => [machine.name, machine]),
);

/** Why programs of a machine cannot be executed here; undefined where they can. */
export function lacking({ compiler, emulator }: Machine): string | undefined {
  for (const program of [compiler[0], emulator[0]])
    if (program !== undefined && !isInstalled(program)) return `${program} is not installed`;
  const [tool = "", ...flags] = compiler;
  const tried = spawnSync(tool, [...flags, "-x", "c", "-", "-o", "/dev/null"], { input: "int main(void){return 0;}" });
  return tried.status === 0 ? undefined : `${compiler.join(" ")} links no program`;
}

/** How a program is compiled and linked. */
export interface Form {
  readonly name: string;
  readonly compile: readonly string[];
  readonly link: readonly string[];
}

export const FORMS: readonly Form[] = [
  { name: "exe", compile: ["-fno-pie"], link: ["-no-pie"] },
  { name: "pie", compile: ["-fPIE"], link: ["-pie"] },
  { name: "static", compile: ["-fno-pie"], link: ["-no-pie", "-static"] },
  { name: "pic", compile: ["-fPIC"], link: ["-pie"] },
];

/** A program of several files before and after a patch. */
export interface Sources {
  readonly files: readonly { readonly name: string; readonly pre: string; readonly post: string }[];
}

export interface Outcome {
  /**
   * As the new source says; refused by a finding; not matched; a name that new code needs and the program lacks, which its own tables
   * of symbols confirm; a value that nothing gives; refused for what applying cannot do; different from the new source; not ending
   * well also where it is linked from the new source.
   */
  readonly kind:
    | "as-post"
    | "refused"
    | "aborted"
    | "absent"
    | "value-missing"
    | "not-applied"
    | "wrong"
    | "not-reversed"
    | "not-compiled"
    | "broken";
  readonly why: string;
}

/** What running elfsplice with arguments gave. */
interface Spliced {
  readonly status: number | null;
  readonly text: string;
}

/** Runs elfsplice on the files of a folder. */
export type Splice = (args: readonly string[], folder: string) => Spliced | Promise<Spliced>;

/** The bundled program, called without a process; `program` is the address of its main(). */
export function called(program: string): Splice {
  return (args, folder) => {
    const { status, stderr } = runInThread(program, args, { cwd: folder });
    return { status, text: stderr.trim() };
  };
}

const compiled = new Map<string, Uint8Array>();

/** Builds a program before and after its patch, applies the patch to the one and runs both; then takes the patch back. */
export async function execute(
  splice: Splice,
  machine: Machine,
  form: Form,
  sources: Sources,
  folder: string,
  flags: readonly string[],
): Promise<Outcome> {
  mkdirSync(folder, { recursive: true });
  const [tool = "", ...own] = machine.compiler;
  const compile = (args: readonly string[]): void => {
    execFileSync(tool, [...own, ...args], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  };
  for (const side of ["pre", "post"] as const) {
    mkdirSync(join(folder, side), { recursive: true });
    const objects: string[] = [];
    for (const file of sources.files) {
      const object = `${side}/${file.name}.o`;
      objects.push(object);
      if (side === "post" && file.pre === file.post) {
        copyFileSync(join(folder, `pre/${file.name}.o`), join(folder, object));
        continue;
      }
      const args = [...flags, "-w", ...form.compile, "-c", `${file.name}.c`];
      const recipe = JSON.stringify([machine.compiler, args, file.pre]);
      // What no patch touches is the same in many programs.
      const known = file.pre === file.post ? compiled.get(recipe) : undefined;
      if (known !== undefined) {
        writeFileSync(join(folder, object), known);
        continue;
      }
      writeFileSync(join(folder, `${file.name}.c`), file[side]);
      try {
        compile([...args, "-o", object]);
        if (file.pre === file.post) compiled.set(recipe, readFileSync(join(folder, object)));
      } catch (error) {
        return { kind: "not-compiled", why: String(error) };
      }
    }
    try {
      compile([...objects, ...form.link, "-lm", "-o", `${side}.exe`]);
    } catch (error) {
      return { kind: "not-compiled", why: String(error) };
    }
  }
  const described = await splice(
    ["diff", "pre", "post", "--include", "*.o", "--contents", "-q", "-o", "update.json"],
    folder,
  );
  if (described.status !== 0) return { kind: "not-applied", why: described.text };
  const applied = await splice(["apply", "update.json", "--run", "pre.exe", "-o", "patched.exe", "-q"], folder);
  if (applied.status !== 0) return { kind: reasonKind(applied.text, folder), why: applied.text };
  const run = (name: string): string => {
    const [first = "", ...rest] = [...machine.emulator, `./${name}`];
    const { status, signal, stdout } = spawnSync(first, rest, { cwd: folder, timeout: 20_000, encoding: "latin1" });
    return `${stdout}\nstatus ${status} ${signal ?? ""}`;
  };
  const expected = run("post.exe");
  if (!expected.endsWith("status 0 "))
    return { kind: "broken", why: `what was linked from post does not end well: ${expected.split("\n").at(-1)}` };
  const found = run("patched.exe");
  if (expected !== found) return { kind: "wrong", why: firstDifference(expected, found) };
  const back = await splice(
    ["apply", "update.json", "--run", "patched.exe", "--reverse", "-o", "back.exe", "-q"],
    folder,
  );
  const isBack =
    existsSync(join(folder, "back.exe")) &&
    readFileSync(join(folder, "pre.exe")).equals(readFileSync(join(folder, "back.exe")));
  return isBack ? { kind: "as-post", why: "" } : { kind: "not-reversed", why: back.text };
}

/** What kind of refusal the words tell; what is said to be missing is looked for in the program. */
function reasonKind(text: string, folder: string): Outcome["kind"] {
  const missing = /cannot be applied: (\S+) does not match: no symbol of that name$/.exec(text)?.[1];
  if (missing !== undefined)
    return hasName(readFileSync(join(folder, "pre.exe")), missing) ? "value-missing" : "absent";
  if (/no value is known/.test(text)) return "value-missing";
  if (/ does not match: /.test(text)) return "aborted";
  return /update\.json: cannot be applied: [a-z-]+: /.test(text) ? "refused" : "not-applied";
}

/** Whether any table of symbols of a program has a name. */
function hasName(bytes: Uint8Array, name: string): boolean {
  return Buffer.from(bytes).includes(`\0${name}\0`);
}

function firstDifference(expected: string, found: string): string {
  const [a, b] = [expected.split("\n"), found.split("\n")];
  const at = a.findIndex((line, i) => line !== b[i]);
  return `line ${at + 1}: ${JSON.stringify(a[at])} is expected, ${JSON.stringify(b[at])} found`;
}
