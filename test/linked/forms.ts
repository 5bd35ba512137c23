import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { describePair } from "../support/describe-pair.ts";
import { join } from "../support/paths.ts";
import { randomProgram } from "./random-program.ts";

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
  /**
   * Functions that the objects' description names and the form's does not. With section anchors (Arm, RISC-V) an object may say more:
   * the image shows which variable a moved anchor still leads to. Each one wants a look at the disassembly.
   */
  readonly missed: readonly string[];
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

/** Builds one random program before and after its patch, in all forms, and compares what their descriptions name. */
export async function compareForms(
  compiler: readonly string[],
  seed: number,
  folder: string,
  optimize = "-O2",
): Promise<FormOutcome[]> {
  const [tool = "", ...machine] = compiler;
  const program = randomProgram(seed);
  const run = (args: readonly string[]): void => {
    execFileSync(tool, [...machine, ...args], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  };
  mkdirSync(folder, { recursive: true });
  const outcomes: FormOutcome[] = [];
  for (const model of ["-fno-pie", "-fPIE", "-fPIC"] as const) {
    const objects: Record<"pre" | "post", string[]> = { pre: [], post: [] };
    for (const file of program.files) {
      for (const side of ["pre", "post"] as const) {
        writeFileSync(join(folder, `${file.name}.c`), file[side]);
        const object = `${side}${model}-${file.name}.o`;
        run([optimize, "-w", model, "-c", `${file.name}.c`, "-o", object]);
        objects[side].push(object);
      }
    }
    const expected = new Set<string>();
    for (const [i, object] of objects.pre.entries()) {
      const words = await statements(join(folder, object), join(folder, objects.post[i] as string));
      for (const word of words) expected.add(word);
    }
    for (const { form, link } of FORMS.filter((candidate) => candidate.model[0] === model)) {
      const name = form.replace(" ", "");
      for (const side of ["pre", "post"] as const) run([...link, ...objects[side], "-o", `${side}.${name}`]);
      const found = new Set(await statements(join(folder, `pre.${name}`), join(folder, `post.${name}`)));
      outcomes.push({
        form,
        missed: [...expected].filter((words) => !found.has(words)),
        more: [...found].filter((words) => !expected.has(words)),
        folder,
      });
    }
  }
  return outcomes;
}
