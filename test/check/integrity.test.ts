import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { integrityProblems } from "../../src/check/integrity.ts";
import type { UpdateDescription } from "../../src/index.ts";
import { describePair } from "../support/describe-pair.ts";
import { FIXTURES, fixtureCases, join, readText } from "../support/paths.ts";
import { sampled } from "../support/sample.ts";

type Json = Record<string, never>;
/** A description that may be broken: any path is allowed. */
// biome-ignore lint/suspicious/noExplicitAny: the point is to write what the types forbid
type Loose = any;

function golden(name: string): Loose {
  return JSON.parse(readText(join(FIXTURES, name, "expected.json"))) as Json;
}

function problemsOf(update: Loose): string[] {
  return integrityProblems(update as UpdateDescription).map(({ check, path }) => `${check} ${path}`);
}

describe("what diff prints is sound", () => {
  it.each(sampled(fixtureCases(), 3))("%s", async (name) => {
    for (const oldCode of ["needed", "all"] as const) {
      const files = (["pre", "post"] as const).map((side) => join(FIXTURES, name, `${side}.o`));
      const [pre = "", post = ""] = files;
      const problems = integrityProblems(await describePair(pre, post, { contents: true, oldCode }));
      expect(problems).toEqual([]);
    }
  });
});

interface Row {
  readonly teaches: string;
  readonly of: string;
  readonly breaks: (update: Loose) => void;
  readonly problems: readonly unknown[];
}

const code = "$.changes[0].newCode";
const rows: readonly Row[] = [
  {
    teaches: "a relocation in a section that is not there",
    of: "text/body",
    breaks: (u) => {
      u.changes[0].newCode.relocations[0].section = "!";
    },
    problems: [`reference ${code}.relocations[0].section`],
  },
  {
    teaches: "a relocation against a symbol that is not there",
    of: "text/call-target",
    breaks: (u) => {
      u.changes[0].newCode.relocations[0].symbol = "not-there";
    },
    problems: [`reference ${code}.relocations[0].symbol`],
  },
  {
    teaches: "a symbol without a name, which nothing can be found by",
    of: "text/call-target",
    breaks: (u) => {
      const { symbols, relocations } = u.changes[0].newCode;
      symbols.find((one: Loose) => one.label === relocations[0].symbol).name = "";
    },
    problems: [`reference ${code}.relocations[0].symbol`],
  },
  {
    teaches: "a relocation against the empty name",
    of: "text/call-target",
    breaks: (u) => {
      u.changes[0].newCode.relocations[0].symbol = "";
    },
    problems: [`reference ${code}.relocations[0].symbol`],
  },
  {
    teaches: "a reference to bytes before a function that its section does not have",
    of: "text/body",
    breaks: (u) => {
      const { relocations, symbols } = u.changes[0].newCode;
      const one = symbols.find(({ type, section }: Loose) => type === "function" && section !== null);
      u.howtos[relocations[0].howto].pcrel = false;
      Object.assign(relocations[0], { symbol: one.label, targetAddend: "-0x10" });
    },
    problems: [`bounds ${code}.relocations[0].targetAddend`],
  },
  {
    teaches: "a site before the entry that old code does not have",
    of: "text/body",
    breaks: (u) => {
      u.functions[0].entry = { kind: "patchable", offset: -16 };
    },
    problems: ["bounds $.functions[0].entry.offset"],
  },
  {
    teaches: "a howto that is not there, though every object has something of that name",
    of: "text/call-target",
    breaks: (u) => {
      u.changes[0].newCode.relocations[0].howto = "constructor";
    },
    problems: [`reference ${code}.relocations[0].howto`],
  },
  {
    teaches: "a relocated field that reaches past its section by one byte",
    of: "text/call-target",
    breaks: (u) => {
      const { relocations, sections } = u.changes[0].newCode;
      const last = relocations.length - 1;
      const holder = sections.find((one: Loose) => one.label === relocations[last].section);
      relocations[last].offset = holder.size - u.howtos[relocations[last].howto].size + 1;
    },
    problems: [expect.stringMatching(/^bounds \$\.changes\[0\]\.newCode\.relocations\[\d+\]\.offset$/)],
  },
  {
    teaches: "relocations that are not in order",
    of: "text/new-function",
    breaks: (u) => {
      u.changes[0].newCode.relocations.reverse();
    },
    problems: [`order ${code}.relocations[1]`],
  },
  {
    teaches: "a symbol in a section that is not there",
    of: "text/body",
    breaks: (u) => {
      const { symbols } = u.changes[0].newCode;
      symbols.find((one: Loose) => one.section === null).section = "nowhere";
    },
    problems: [expect.stringMatching(/^reference \$\.changes\[0\]\.newCode\.symbols\[\d+\]\.section$/)],
  },
  {
    teaches: "a symbol behind the end of its section",
    of: "text/body",
    breaks: (u) => {
      const { symbols } = u.changes[0].newCode;
      symbols.find((one: Loose) => one.section !== null).offset = 100_000;
    },
    problems: [
      expect.stringMatching(/^bounds \$\.changes\[0\]\.newCode\.symbols\[\d+\]\.offset$/),
      "bounds $.changes[0].patches[0].replacementOffset",
    ],
  },
  {
    teaches: "sections and symbols that are not in order",
    of: "text/new-function",
    breaks: (u) => {
      u.changes[0].newCode.sections.reverse();
      u.changes[0].newCode.symbols.reverse();
    },
    problems: [`order ${code}.sections[1]`, `order ${code}.symbols[1]`],
  },
  {
    teaches: "a label that two sections have",
    of: "text/body",
    breaks: (u) => {
      const { sections } = u.changes[0].newCode;
      sections.push({ ...sections[sections.length - 1] });
    },
    problems: [expect.stringMatching(/^duplicate \$\.changes\[0\]\.newCode\.sections\[\d+\]\.label$/)],
  },
  {
    teaches: "a label that two symbols have",
    of: "text/body",
    breaks: (u) => {
      const { symbols } = u.changes[0].oldCode;
      symbols.push({ ...symbols[symbols.length - 1] });
    },
    problems: [expect.stringMatching(/^duplicate \$\.changes\[0\]\.oldCode\.symbols\[\d+\]\.label$/)],
  },
  {
    teaches: "a section that is there because of one that is not",
    of: "text/body",
    breaks: (u) => {
      u.changes[0].newCode.sections[0].because = "referenced-by not-there";
    },
    problems: [`reference ${code}.sections[0].because`],
  },
  {
    teaches: "contents with one byte altered",
    of: "text/body",
    breaks: (u) => {
      const [section] = u.changes[0].newCode.sections;
      const bytes = Buffer.from(section.contents, "base64");
      bytes[0] = (bytes[0] as number) ^ 1;
      section.contents = bytes.toString("base64");
    },
    problems: [`contents ${code}.sections[0].sha256`],
  },
  {
    teaches: "contents that are too short",
    of: "text/body",
    breaks: (u) => {
      const [section] = u.changes[0].newCode.sections;
      section.contents = Buffer.from(section.contents, "base64").subarray(1).toString("base64");
    },
    problems: [`contents ${code}.sections[0].contents`, `contents ${code}.sections[0].sha256`],
  },
  {
    teaches: "contents that are no base64",
    of: "text/body",
    breaks: (u) => {
      u.changes[0].newCode.sections[0].contents = "***";
    },
    problems: [`contents ${code}.sections[0].contents`],
  },
  {
    teaches: "a patch of old code that is not there",
    of: "text/body",
    breaks: (u) => {
      u.changes[0].patches[0].oldLabel = "not-there";
    },
    problems: ["reference $.changes[0].patches[0].oldLabel"],
  },
  {
    teaches: "a patch with new code that is not there",
    of: "text/body",
    breaks: (u) => {
      u.changes[0].patches[0].replacement = "not-there";
    },
    problems: ["reference $.changes[0].patches[0].replacement"],
  },
  {
    teaches: "a patch that writes past the old function",
    of: "text/body",
    breaks: (u) => {
      u.changes[0].patches[0].oldOffset = 100_000;
    },
    problems: ["bounds $.changes[0].patches[0].size"],
  },
  {
    teaches: "a patch before the old function",
    of: "text/body",
    breaks: (u) => {
      u.changes[0].patches[0].oldOffset = -1;
    },
    problems: ["bounds $.changes[0].patches[0].size"],
  },
  {
    teaches: "data rewritten from beyond the new data",
    of: "rodata/in-place",
    breaks: (u) => {
      u.changes[0].patches.find((one: Loose) => one.type === "data").replacementOffset = 1;
    },
    problems: [expect.stringMatching(/^bounds \$\.changes\[0\]\.patches\[\d+\]\.replacementOffset$/)],
  },
  {
    teaches: "a line number of another size than it says",
    of: "bug-table/line-only",
    breaks: (u) => {
      u.changes[0].patches[0].contents = Buffer.from("much longer").toString("base64");
    },
    problems: ["contents $.changes[0].patches[0].contents"],
  },
  {
    teaches: "patches that are not in order",
    of: "bug-table/line-only",
    breaks: (u) => {
      const [patch] = u.changes[0].patches;
      u.changes[0].patches = [{ ...patch, oldOffset: patch.oldOffset + 1, size: 1, contents: "AA==" }, patch];
    },
    problems: ["order $.changes[0].patches[1]"],
  },
  {
    teaches: "an export's patch without the export",
    of: "exports/added",
    breaks: (u) => {
      u.exports = [];
    },
    problems: [expect.stringMatching(/^reference \$\.changes\[0\]\.patches\[\d+\]\.oldLabel$/)],
  },
  {
    teaches: "a hook that is not a symbol",
    of: "hooks/apply",
    breaks: (u) => {
      u.changes[0].hooks.apply = ["not-there"];
    },
    problems: ["reference $.changes[0].hooks.apply[0]"],
  },
  {
    teaches: "a function whose code is not there",
    of: "text/body",
    breaks: (u) => {
      u.functions[0].label = "not-there";
    },
    problems: ["reference $.functions[0].label", "reference $.functions[0].label"],
  },
  {
    teaches: "a piece of a function that is not there",
    of: "text/body",
    breaks: (u) => {
      u.functions[0].partOf = "not-there";
    },
    problems: ["reference $.functions[0].partOf"],
  },
  {
    teaches: "functions that are not in order",
    of: "text/new-function",
    breaks: (u) => {
      u.functions.reverse();
    },
    problems: ["order $.functions[1]"],
  },
  {
    teaches: "a function that is listed twice",
    of: "text/body",
    breaks: (u) => {
      u.functions.push(u.functions[0]);
    },
    problems: ["duplicate $.functions[1].label"],
  },
  {
    teaches: "data that is not in order",
    of: "strings/changed",
    breaks: (u) => {
      u.data.reverse();
    },
    problems: ["order $.data[1]"],
  },
  {
    teaches: "noise that is not in order",
    of: "text/body",
    breaks: (u) => {
      const row = { class: "line-number", object: 0, pre: "1", post: "2", evidence: "" };
      u.noise = [
        { ...row, label: "g" },
        { ...row, label: "f" },
      ];
    },
    problems: ["order $.noise[1]"],
  },
  {
    teaches: "exports that are not in order",
    of: "exports/added",
    breaks: (u) => {
      u.exports.push({ ...u.exports[0], name: " " });
    },
    problems: ["order $.exports[1]"],
  },
  {
    teaches: "a function of an object that is not there",
    of: "text/body",
    breaks: (u) => {
      u.functions[0].object = 1;
    },
    problems: ["reference $.functions[0].object"],
  },
  {
    teaches: "a finding about an object that is not there",
    of: "init/init-text-refused",
    breaks: (u) => {
      u.findings[0].where.object = 7;
    },
    problems: ["reference $.findings[0].where.object"],
  },
  {
    teaches: "a function of another target than its object",
    of: "text/body",
    breaks: (u) => {
      u.objects[0].target = "loop";
    },
    problems: ["reference $.changes[0].target", "reference $.functions[0].target"],
  },
  {
    teaches: "two changes for one target",
    of: "text/body",
    breaks: (u) => {
      u.changes.push(u.changes[0]);
    },
    problems: ["duplicate $.changes[1].target"],
  },
  {
    teaches: "a change of another update",
    of: "text/body",
    breaks: (u) => {
      u.changes[0].name = "ksplice_other_vmlinux";
      u.changes[0].oldCode.name = "ksplice_other_vmlinux_old";
      u.changes[0].newCode.name = "ksplice_other_vmlinux_new";
    },
    problems: ["naming $.changes[0].name"],
  },
  {
    teaches: "old code that has new code's name",
    of: "text/body",
    breaks: (u) => {
      u.changes[0].oldCode.name = u.changes[0].newCode.name;
    },
    problems: ["naming $.changes[0].oldCode.name"],
  },
  {
    teaches: "an update of another id",
    of: "no-change/identical",
    breaks: (u) => {
      u.id = "other";
    },
    problems: ["naming $.name"],
  },
  {
    teaches: "howtos that are not in order",
    of: "text/body",
    breaks: (u) => {
      const [first] = Object.keys(u.howtos);
      u.howtos = { ZZZ: u.howtos[first as string], ...u.howtos };
    },
    problems: [expect.stringMatching(/^order \$\.howtos\.R_/)],
  },
  {
    teaches: "findings that are not in order",
    of: "loop-driver/switcher-refused",
    breaks: (u) => {
      u.findings.reverse();
    },
    problems: ["order $.findings[1]"],
  },
  {
    teaches: "a verdict for a finding that is not there",
    of: "init/init-text-refused",
    breaks: (u) => {
      u.verdict.rungs[1].because = [u.findings.length];
    },
    problems: ["reference $.verdict.rungs[1].because[0]"],
  },
  {
    teaches: "a recommendation that is not applicable",
    of: "init/init-text-refused",
    breaks: (u) => {
      u.verdict.recommended = "splice";
    },
    problems: ["verdict $.verdict.recommended"],
  },
  {
    teaches: "a recommendation that is withheld",
    of: "text/body",
    breaks: (u) => {
      u.verdict.recommended = null;
    },
    problems: ["verdict $.verdict.recommended"],
  },
  {
    teaches: "a rung that is missing",
    of: "text/body",
    breaks: (u) => {
      u.verdict.rungs.pop();
    },
    problems: ["verdict $.verdict.rungs"],
  },
  {
    teaches: "identical objects that differ",
    of: "no-change/identical",
    breaks: (u) => {
      u.objects[0].post.sha256 = "0".repeat(64);
    },
    problems: ["object $.objects[0]"],
  },
  {
    teaches: "an added object with a pre side",
    of: "no-change/identical",
    breaks: (u) => {
      u.objects[0].status = "added";
    },
    problems: ["reference $.objects[0]"],
  },
  {
    teaches: "a changed object without a post side",
    of: "text/body",
    breaks: (u) => {
      u.objects[0].post = undefined;
    },
    problems: ["accounting $.accounting.objects[0]", "reference $.objects[0]"],
  },
  {
    teaches: "an account whose owners have less than there is",
    of: "text/body",
    breaks: (u) => {
      u.accounting.objects[0].pre.bytes.reported -= 1;
      u.accounting.pre.bytes.reported -= 1;
    },
    problems: ["accounting $.accounting.objects[0].pre.bytes", "accounting $.accounting.pre.bytes"],
  },
  {
    teaches: "a total that is not the sum over objects",
    of: "text/body",
    breaks: (u) => {
      u.accounting.post.bytes.reported += 1;
      u.accounting.post.allocated += 1;
    },
    problems: ["accounting $.accounting.post"],
  },
  {
    teaches: "something unexplained without its finding",
    of: "text/body",
    breaks: (u) => {
      for (const side of [u.accounting.objects[0].pre, u.accounting.pre]) {
        side.bytes.unexplained = side.bytes.reported;
        side.bytes.reported = undefined;
      }
    },
    problems: ["accounting $.accounting.objects[0]"],
  },
];

describe("one thing broken: exactly that is named", () => {
  it.each(rows)("$teaches", ({ of, breaks, problems }) => {
    const update = golden(of);
    expect(problemsOf(update)).toEqual([]);
    breaks(update);
    expect(problemsOf(update).sort()).toEqual(problems);
  });
});

describe("what is allowed", () => {
  it("copies of an inline function in two objects of one target", () => {
    const update = golden("text/body");
    update.objects.push(update.objects[0]);
    update.accounting.unread = 1;
    update.functions.push({ ...update.functions[0], object: 1 });
    expect(problemsOf(update)).toEqual([]);
  });

  it("a trampoline for which there is no room, when a finding says so", () => {
    const update = golden("text/body");
    const [patch] = update.changes[0].patches;
    patch.size = 100_000;
    expect(problemsOf(update)).toEqual(["bounds $.changes[0].patches[0].size"]);
    const where = { object: 0, label: patch.oldLabel };
    update.findings.unshift({ code: "trampoline-no-room", severity: "error", where, message: "" });
    expect(problemsOf(update)).toEqual([]);
  });

  it("contents of nothing, for a variable that takes no place in the file", () => {
    const update = golden("text/body");
    const { sections } = update.changes[0].newCode;
    const sha256 = createHash("sha256").digest("hex");
    const variable = { ...sections[0], label: "~", because: "new", size: 8, contents: "", sha256 };
    sections.push({ ...variable, kind: "bss" });
    expect(problemsOf(update)).toEqual([]);
    sections[sections.length - 1].kind = "data";
    expect(problemsOf(update)).toEqual([`contents ${code}.sections[${sections.length - 1}].contents`]);
  });
});

describe("a large description", () => {
  it("is checked in time that grows with its size", () => {
    const update = golden("text/body");
    const [symbol] = update.changes[0].newCode.symbols;
    const [exported] = golden("exports/added").exports;
    const names = Array.from({ length: 50_000 }, (_, index) => `zz${String(index).padStart(6, "0")}`);
    update.changes[0].newCode.symbols.push(...names.map((label) => ({ ...symbol, label, section: null })));
    update.exports = names.map((name) => ({ ...exported, name, status: "new" }));
    update.changes[0].patches.unshift(
      ...names.map((name) => ({
        type: "export",
        oldLabel: `__ksymtab:${name}`,
        oldOffset: 0,
        replacement: name,
        size: 12,
      })),
    );
    expect(problemsOf(update)).toEqual([]);
  });
});
