import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { describePair } from "../support/describe-pair.ts";
import { join } from "../support/paths.ts";
import { randomProgram, type SourceFile } from "./random-program.ts";

/** Compilers by architecture; the first that is there is used. */
export const COMPILERS: Readonly<Record<string, readonly string[]>> = {
  "x86-64": ["gcc"],
  i686: ["i686-linux-gnu-gcc", "gcc -m32"],
  aarch64: ["aarch64-linux-gnu-gcc"],
  arm: ["arm-linux-gnueabihf-gcc"],
  riscv64: ["riscv64-linux-gnu-gcc"],
  ppc64le: ["powerpc64le-linux-gnu-gcc"],
  s390x: ["s390x-linux-gnu-gcc"],
  mips: ["mips-linux-gnu-gcc"],
  mips64: ["mips64-linux-gnuabi64-gcc"],
  ppc64: ["powerpc64-linux-gnu-gcc"],
};

/** The compiler for an architecture, as words of a command; undefined where none can make a program. */
export function compilerFor(arch: string): readonly string[] | undefined {
  for (const command of COMPILERS[arch] ?? []) {
    const [tool = "", ...flags] = command.split(" ");
    const tried = spawnSync(tool, [...flags, "-x", "c", "-", "-o", "/dev/null"], {
      input: "int main(void){return 0;}",
    });
    if (tried.status === 0) return [tool, ...flags];
  }
  return undefined;
}

/** How the same program reaches the tool: as objects of one model joined or linked. */
const FORMS = [
  { form: "ld -r", model: ["-fno-pie"], link: ["-r", "-nostdlib"] },
  { form: "exe", model: ["-fno-pie"], link: ["-no-pie"] },
  { form: "pie", model: ["-fPIE"], link: ["-pie"] },
  { form: "so", model: ["-fPIC"], link: ["-shared"] },
] as const;

export interface FormOutcome {
  readonly form: string;
  /** Functions that the objects' description names and the form's does not, though a witness says that they changed. */
  readonly missed: readonly string[];
  /** The same, where no witness says so: the objects' description named too much. */
  readonly unwitnessed: readonly string[];
  /** Functions that only the form's description names. */
  readonly more: readonly string[];
  readonly folder: string;
}

/** What a description says of functions: `changed f`, `new f`, `deleted f`. */
async function statements(pre: string, post: string): Promise<string[]> {
  const update = await describePair(pre, post);
  return update.functions
    .filter(({ status }) => status === "changed" || status === "new" || status === "deleted")
    .map(({ status, name }) => `${status} ${name}`);
}

const SIDES = ["pre", "post"] as const;
type Model = (typeof FORMS)[number]["model"][0];
type Objects = Readonly<Record<"pre" | "post", readonly string[]>>;

/** One random program, built where it is asked for. */
class Build {
  readonly #folder: string;
  readonly #tool: string;
  readonly #machine: readonly string[];
  readonly #files: readonly SourceFile[];
  readonly #optimize: string;

  constructor([tool = "", ...machine]: readonly string[], seed: number, folder: string, optimize: string) {
    this.#folder = folder;
    this.#tool = tool;
    this.#machine = machine;
    this.#files = randomProgram(seed).files;
    this.#optimize = optimize;
    mkdirSync(folder, { recursive: true });
  }

  #run(args: readonly string[]): void {
    const stdio = ["ignore", "ignore", "inherit"] as const;
    execFileSync(this.#tool, [...this.#machine, ...args], { cwd: this.#folder, stdio: [...stdio] });
  }

  compile(model: Model, ...flags: string[]): Objects {
    const objects: Record<"pre" | "post", string[]> = { pre: [], post: [] };
    for (const file of this.#files) {
      for (const side of SIDES) {
        const object = `${side}${model}${flags.join("")}-${file.name}.o`;
        if (side === "post" && file.pre === file.post) {
          copyFileSync(join(this.#folder, objects.pre.at(-1) as string), join(this.#folder, object));
          objects.post.push(object);
          continue;
        }
        writeFileSync(join(this.#folder, `${file.name}.c`), file[side]);
        this.#run([this.#optimize, "-w", model, ...flags, "-c", `${file.name}.c`, "-o", object]);
        objects[side].push(object);
      }
    }
    return objects;
  }

  link(form: string, flags: readonly string[], objects: Objects): Record<"pre" | "post", string> {
    const name = form.replace(" ", "");
    for (const side of SIDES) this.#run([...flags, ...objects[side], "-o", `${side}.${name}`]);
    return { pre: join(this.#folder, `pre.${name}`), post: join(this.#folder, `post.${name}`) };
  }

  async objectStatements({ pre, post }: Objects): Promise<Set<string>> {
    const said = new Set<string>();
    for (const [i, object] of pre.entries()) {
      const words = await statements(join(this.#folder, object), join(this.#folder, post[i] as string));
      for (const word of words) said.add(word);
    }
    return said;
  }

  /** Whether what one object gains or loses (a helper that compilers put into each) another one has on both sides. */
  isHeldElsewhere(words: string, pre: string, post: string): boolean {
    const [status, name = ""] = words.split(" ");
    if (status !== "new" && status !== "deleted") return false;
    return this.skeletons(status === "new" ? pre : post)?.has(name) ?? false;
  }

  /** The instructions of each function of a file without their numbers, as the binutils see them; undefined without binutils. */
  skeletons(file: string): Map<string, string> | undefined {
    const objdump = this.#tool.replace(/gcc$/, "objdump");
    const { status, stdout } = spawnSync(objdump, ["-d", "--no-show-raw-insn", file], {
      encoding: "utf8",
      maxBuffer: 2 ** 28,
    });
    if (status !== 0) return undefined;
    const found = new Map<string, string>();
    for (const block of stdout.split(/\n\n/)) {
      const name = /^[0-9a-f]+ <(.*)>:$/m.exec(block)?.[1];
      if (name === undefined) continue;
      const lines = block.split("\n").slice(1);
      const words = lines.map((line) => line.replace(/^[^:]*:\s*|\s*[@#;<(].*$/g, "").replace(NUMBER, "N"));
      found.set(name, (found.get(name) ?? "") + words.join("\n"));
    }
    return found;
  }
}

const NUMBER = /[-+]?(0x[0-9a-f]+|\b[0-9a-f]*[0-9][0-9a-f]*\b)/g;

/** Builds one random program before and after its patch, in all forms, and compares what their descriptions name. */
export async function compareForms(
  compiler: readonly string[],
  seed: number,
  folder: string,
  optimize = "-O2",
): Promise<FormOutcome[]> {
  const build = new Build(compiler, seed, folder, optimize);
  const outcomes: FormOutcome[] = [];
  for (const model of ["-fno-pie", "-fPIE", "-fPIC"] as const) {
    const objects = build.compile(model);
    const expected = await build.objectStatements(objects);
    for (const { form, link } of FORMS.filter((candidate) => candidate.model[0] === model)) {
      const { pre, post } = build.link(form, link, objects);
      const found = new Set(await statements(pre, post));
      const absent = [...expected].filter((words) => !found.has(words) && !build.isHeldElsewhere(words, pre, post));
      const missed = absent.length === 0 ? [] : await witnessed(build, model, pre, post, absent);
      outcomes.push({
        form,
        missed,
        unwitnessed: absent.filter((words) => !missed.includes(words)),
        more: [...found].filter((words) => !expected.has(words)),
        folder,
      });
    }
  }
  return outcomes;
}

/**
 * Statements of the objects' description that another witness confirms: the same sources compiled without section anchors, whose
 * relocations tell every variable by itself; or the instructions of the images themselves. A function is new or deleted only where
 * not both images have it: another object of the program may have the same one.
 */
async function witnessed(
  build: Build,
  model: Model,
  pre: string,
  post: string,
  statements: readonly string[],
): Promise<string[]> {
  const plain = await build.objectStatements(build.compile(model, "-fno-section-anchors"));
  const [before, after] = [build.skeletons(pre), build.skeletons(post)];
  return statements.filter((words) => {
    if (before === undefined || after === undefined) return true;
    const name = words.replace(/^\w+ /, "");
    const [one, other] = [before.get(name), after.get(name)];
    if (one !== other) return true;
    return words.startsWith("changed ") ? plain.has(words) : one === undefined;
  });
}
