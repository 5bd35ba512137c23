import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { useProgram } from "../cli/program.ts";
import { blocks, documentText } from "../support/documents.ts";

const { run } = useProgram();
const page = documentText("docs/ci.md");

interface Workflow {
  readonly on?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}
interface Job {
  readonly "runs-on": string;
  readonly container: string;
  readonly needs?: string;
  readonly strategy?: { readonly matrix: { readonly shard: number[] } };
  readonly steps: readonly { readonly uses?: string; readonly run?: string; readonly with?: Record<string, unknown> }[];
}
interface Pipeline {
  readonly stages: readonly string[];
  readonly default: { readonly image: string; readonly before_script: readonly string[] };
  readonly [job: string]: unknown;
}
interface PipelineJob {
  readonly stage: string;
  readonly parallel?: number;
  readonly script: readonly string[];
  readonly artifacts: { readonly paths: readonly string[] };
}

const [github, gitlab] = blocks(page, "yaml") as [string, string];
const workflow = parse(github) as Workflow;
const pipeline = parse(gitlab) as Pipeline;
const jobs = Object.values(workflow.jobs);
const pipelineJobs = ["diff", "gate"].map((name) => pipeline[name] as PipelineJob);
const sh = blocks(page, "sh")
  .filter((block) => block.includes("parallel "))
  .join("\n");

describe("the examples for CI", () => {
  it("are two documents in YAML without a warning", () => {
    expect(blocks(page, "yaml")).toHaveLength(2);
  });

  it("GitHub Actions: a trigger, and jobs with a runner, an image, and steps that either use or run", () => {
    expect(workflow.on).toBeDefined();
    expect(Object.keys(workflow.jobs)).toEqual(["diff", "gate"]);
    for (const { "runs-on": runner, container, steps } of jobs) {
      expect([runner, container]).toEqual([expect.any(String), expect.stringMatching(/^node:\d+$/)]);
      for (const step of steps) expect([step.uses, step.run].filter((one) => typeof one === "string")).toHaveLength(1);
      for (const { uses } of steps) if (uses !== undefined) expect(uses).toMatch(/^[\w-]+\/[\w-]+@v\d+$/);
    }
    expect(Object.keys(workflow.jobs)).toContain(workflow.jobs["gate"]?.needs);
  });

  it("GitLab CI: stages, an image, and jobs with a stage that exists and a script", () => {
    expect(pipeline.default.image).toMatch(/^node:\d+$/);
    const keywords = ["stages", "variables", "default", "diff", "gate"];
    expect(Object.keys(pipeline)).toEqual(keywords);
    for (const { stage, script, artifacts } of pipelineJobs) {
      expect(pipeline.stages).toContain(stage);
      for (const line of [...script, ...artifacts.paths]) expect(line).toEqual(expect.any(String));
    }
  });

  it("install and build in one way, in every job", () => {
    const setup = "cd elfsplice && npm ci && npm run build && npm link";
    for (const { steps } of jobs) expect(steps.map((step) => step.run)).toContain(setup);
    expect(pipeline.default.before_script).toEqual([`(${setup})`]);
  });

  it("cut the work into as many shards as there are machines", () => {
    const matrix = workflow.jobs["diff"]?.strategy?.matrix.shard ?? [];
    const [, count] = /--shard \$\{\{ matrix\.shard \}\}\/(\d+)/.exec(github) ?? [];
    expect(matrix).toEqual(Array.from({ length: Number(count) }, (_, index) => index + 1));
    expect(pipelineJobs[0]?.parallel).toBe(matrix.length);
    expect(gitlab).toContain("--shard $CI_NODE_INDEX/$CI_NODE_TOTAL");
    const [, shards, list] = /--shard \{\}\/(\d+) .* ::: (.*)/.exec(sh) ?? [];
    expect(list?.split(" ").map(Number)).toEqual(Array.from({ length: Number(shards) }, (_, index) => index + 1));
  });

  it("hand on what the next step reads", () => {
    const uploads = jobs
      .flatMap(({ steps }) => steps)
      .filter(({ uses }) => uses?.startsWith("actions/upload-artifact@"));
    expect(uploads.map((step) => step.with?.["path"])).toEqual([
      expect.stringMatching(/^part-.*\.json$/),
      "update.json",
    ]);
    const pattern = jobs[1]?.steps.find((step) => step.with?.["pattern"] !== undefined)?.with?.["pattern"];
    expect(pattern).toBe("part-*");
    expect(pipelineJobs.map(({ artifacts }) => artifacts.paths)).toEqual([["part-*.json"], ["update.json"]]);
  });
});

/** Every call of the program in a text, as the words after its name. */
function callsIn(text: string): string[][] {
  return text
    .split("\n")
    .flatMap((line) => [...line.matchAll(/\belfsplice ((?!&&)[a-z]+ .*?)(?= ::: | && |$)/g)])
    .map((match) => (match[1] as string).replaceAll(/\$\{\{.*?\}\}/g, "1").split(" "));
}

const scripts = [
  ...jobs.flatMap(({ steps }) => steps.flatMap((step) => step.run ?? [])),
  ...pipelineJobs.flatMap(({ script }) => script),
  ...sh.split("\n"),
];
const calls = callsIn(scripts.join("\n"));
const [short] = blocks(documentText("README.md"), "yaml").map((block) => parse(block) as { diff: PipelineJob });
const shortCalls = callsIn(short?.diff.script.join("\n") ?? "");

describe("calls of elfsplice in the examples", () => {
  it("are found: diff, merge and check in each of the three", () => {
    expect(calls.map(([command]) => command)).toEqual(
      Array.from({ length: 3 }, () => ["diff", "merge", "check"]).flat(),
    );
  });

  it("are found: diff and check in the short one, which README has", () => {
    expect(shortCalls.map(([command]) => command)).toEqual(["diff", "check"]);
    expect(short?.diff.artifacts.paths).toEqual(["update.json"]);
  });

  /** Commands of this version, and their options as the help of each prints them. */
  const options = (command: string): string[] =>
    [...run([command, "--help"]).stdout.matchAll(/^ {2}(-\w, )?(--[\w-]+)/gm)].flatMap(([, short, long = ""]) => [
      ...(short === undefined ? [] : [short.slice(0, 2)]),
      long,
    ]);
  const commands = (): string[] => {
    const [, list = ""] = run(["--help"]).stdout.split(/^Commands:$/m);
    return [...list.matchAll(/^ {2}(\w+) /gm)].map((match) => match[1] as string);
  };

  it.each([...calls, ...shortCalls].map((call) => [call.join(" "), call] as const))(
    "%s: command and options exist",
    (_text, call) => {
      const [command = "", ...args] = call;
      expect(commands()).toContain(command);
      const known = options(command);
      const used = args.filter((word) => /^--?\w/.test(word));
      expect(used.length).toBeGreaterThan(0);
      expect(used.filter((option) => !known.includes(option))).toEqual([]);
      // Values that a command does not take are refused before it looks for the file.
      if (command === "check") expect(run(call).stderr).toMatch(/update\.json: cannot be read/);
    },
  );
});
