import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readObject } from "../../elf/object.ts";
import { describeSystemError, FormatError, UsageError } from "../../errors.ts";
import { toLinkForm, toLoadForm } from "../../module/forms.ts";
import { livepatchModule } from "../../module/module.ts";
import { readPositions } from "../../module/sympos.ts";
import { readSymvers } from "../../module/symvers.ts";
import { escapeLine } from "../../report/escape.ts";
import { readJson, readWholeUpdate } from "../document.ts";
import { EXIT } from "../exit-status.ts";
import { createObjectReader } from "../object-file.ts";
import { writeOutput } from "../output.ts";

export interface ModuleOptions {
  readonly output: string;
  readonly name?: string;
  readonly match?: string;
  readonly symvers?: string;
  readonly forLinker?: boolean;
  readonly finish?: boolean;
  readonly quiet?: boolean;
}

/** `elfsplice module`: what kbuild needs for a livepatch module; or one of the two steps that its Makefile asks for. */
export async function runModule(input: string, options: ModuleOptions): Promise<number> {
  if (options.forLinker || options.finish) return convert(input, options);
  const update = await readWholeUpdate(input);
  const exports = options.symvers === undefined ? undefined : readSymvers(readText(options.symvers), options.symvers);
  const positions =
    options.match === undefined ? undefined : readPositions(await readJson(options.match), options.match);
  const module = livepatchModule(update, {
    file: input === "-" ? "standard input" : input,
    name: options.name,
    running: { exports, symposOf: (label) => positions?.get(label) },
  });
  makeFolder(options.output);
  for (const { name, contents } of module.files) await writeOutput(contents, join(options.output, name));
  if (!options.quiet) {
    for (const line of module.work) process.stderr.write(`elfsplice: ${escapeLine(line)}\n`);
    process.stderr.write(
      `elfsplice: ${escapeLine(options.output)}: the source of ${module.name}.ko; make KDIR=<kernel build>\n`,
    );
  }
  return EXIT.done;
}

async function convert(input: string, options: ModuleOptions): Promise<number> {
  if (options.forLinker && options.finish)
    throw new UsageError("--for-linker and --finish are two steps: before the linker, and after it");
  for (const name of ["name", "match", "symvers"] as const)
    if (options[name] !== undefined) throw new UsageError(`--${name} means nothing for a module that is there already`);
  const object = readObject(await createObjectReader().bytes(input), input);
  if (options.forLinker) {
    await writeOutput(toLinkForm(object), options.output);
    return EXIT.done;
  }
  const { bytes, relocations } = toLoadForm(object);
  await writeOutput(bytes, options.output);
  if (!options.quiet)
    process.stderr.write(`elfsplice: ${escapeLine(options.output)}: ${relocations} relocations are livepatch's\n`);
  return EXIT.done;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new FormatError({ file }, `cannot be read: ${describeSystemError(error)}`);
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new UsageError(`cannot write ${folder}: ${describeSystemError(error)}`);
  }
}
