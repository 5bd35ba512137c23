import { Command, CommanderError } from "commander";
import { FormatError, UnsupportedError, UsageError } from "../errors.ts";
import { escapeLine, joinLines } from "../report/escape.ts";
import { VERSION } from "../version.ts";
import { EXIT } from "./exit-status.ts";
import * as apply from "./register/apply.ts";
import * as check from "./register/check.ts";
import * as compare from "./register/compare.ts";
import * as diff from "./register/diff.ts";
import * as explain from "./register/explain.ts";
import * as gitDriver from "./register/git-driver.ts";
import * as inspect from "./register/inspect.ts";
import * as kexec from "./register/kexec.ts";
import * as match from "./register/match.ts";
import * as merge from "./register/merge.ts";
import * as module from "./register/module.ts";
import * as render from "./register/render.ts";
import * as schema from "./register/schema.ts";

/** In the order of the help. */
const COMMANDS = [
  diff,
  merge,
  render,
  inspect,
  match,
  module,
  apply,
  check,
  compare,
  kexec,
  explain,
  gitDriver,
  schema,
];

function program(done: (status: number) => void): Command {
  const top = new Command("elfsplice")
    .description(
      "Diffs ELF objects compiled before and after a source patch, and describes the update for live patching.",
    )
    .version(VERSION)
    .option("--max-memory <size>", "refuse inputs that would take more, unpacked: 512M, 4G (default: 2G)")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(joinLines(text.split("\n"))) })
    .showHelpAfterError("(try --help)")
    .addHelpText(
      "after",
      "\nExit status: 0 done; 1 a gate that was asked for is not met; 2 wrong usage or unreadable input.",
    );

  top.hook("preAction", async (command) => {
    const size: string | undefined = command.optsWithGlobals()["maxMemory"];
    if (size !== undefined) (await import("../input/limits.ts")).setMaxMemory(size);
  });
  for (const { register } of COMMANDS) register(top, done);
  return top;
}

/** `help nope`: commander would print the help of everything. */
function refuseUnknownTopic([command, topic]: readonly string[]): void {
  if (command !== "help" || topic === undefined || topic.startsWith("-")) return;
  const names = program(() => {}).commands.map((one) => one.name());
  if (!names.includes(topic) && topic !== "help")
    throw new UsageError(`no command is called ${topic}; there are ${names.join(", ")}`);
}

/** The message for a person; anything unforeseen is our fault and says so. */
function messageOf(error: unknown): string {
  if (error instanceof FormatError || error instanceof UnsupportedError || error instanceof UsageError) {
    return escapeLine(error.message);
  }
  const what = error instanceof Error ? (process.env["ELFSPLICE_DEBUG"] ? error.stack : error.message) : String(error);
  return `internal error, please report it: ${what}`;
}

/** Runs the command that the arguments name, without the program's own name, and returns the exit status. Throws nothing. */
export async function main(args: readonly string[]): Promise<number> {
  let status: number = EXIT.done;
  try {
    refuseUnknownTopic(args);
    await program((value) => {
      status = value;
    }).parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.failed;
    process.stderr.write(`elfsplice: ${messageOf(error)}\n`);
    return EXIT.failed;
  }
  return status;
}
