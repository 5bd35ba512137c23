import type { FunctionChange, UpdateDescription } from "../contract/description.ts";
import { groupBy } from "../grouping.ts";
import { causeText, headline, placeOf } from "../report/cause-text.ts";
import { escapeLine } from "../report/escape.ts";
import { plural } from "../wording.ts";

/** A comment on GitHub has at most 65,536 characters; the rest is for who puts it together. */
const MOST_CHARACTERS = 60_000;
const MARKERS = { changed: "~", new: "+", deleted: "−", renamed: ">", "line-only": "#" } as const;
const ICONS = { error: "🛑", warning: "⚠️", note: "ℹ️" } as const;

/** The description for a pull request: the verdict, a table of functions, and the rest folded; never more than MOST_CHARACTERS. */
export function renderMarkdown(description: UpdateDescription): string {
  const head = [...verdict(description), ...totals(description)];
  const blocks = [functionsBlock(description), findingsBlock(description), codeBlock(description), ladder(description)];
  const lines: string[] = [];
  let left = MOST_CHARACTERS - head.join("\n").length - 200;
  for (const { before, rows, after } of blocks) {
    if (rows.length === 0) continue;
    left -= [...before, ...after].join("\n").length + 2;
    const kept: string[] = [];
    for (const row of rows) {
      if (left < row.length + 80) break;
      left -= row.length + 1;
      kept.push(row);
    }
    const rest = rows.length - kept.length;
    lines.push("", ...before, ...kept, ...after, ...(rest > 0 ? ["", `… and ${rest} more`] : []));
  }
  return `${[...head, ...lines].join("\n")}\n`;
}

interface Block {
  readonly before: readonly string[];
  readonly rows: readonly string[];
  readonly after: readonly string[];
}

function verdict({ verdict: { recommended, rungs }, name }: UpdateDescription): string[] {
  const icon = recommended === null ? "🛑" : recommended === "none" || recommended === "splice" ? "✅" : "⚠️";
  const words = rungs
    .filter(({ status }) => status !== "not-applicable")
    .map(({ rung, status }) => `${rung} ${status}`);
  return [
    `### ${icon} elfsplice: ${recommended ?? "nothing applicable yet"}`,
    "",
    `${code(name)} · ${words.join(" · ")}`,
  ];
}

function totals({ summary }: UpdateDescription): string[] {
  if (summary === undefined) return [];
  const { functions, newCode, size, inlined } = summary;
  const counted = Object.entries(functions).map(([status, count]) => `${count} ${status}`);
  return [
    "",
    `**Functions:** ${counted.join(", ") || "none"} · ${size.pre} → ${size.post} bytes · new code ${newCode.bytes} bytes, ${plural(newCode.imports, "import")}`,
    ...inlined.map(({ name, functions: count }) => `\n${count} functions changed because ${code(name)} is inlined.`),
  ];
}

function functionsBlock({ functions }: UpdateDescription): Block {
  const told = functions.filter(({ status, suppressed }) => status !== "line-only" && suppressed === undefined);
  const rows = told.map((one) => {
    const name = code(one.demangled ?? one.name);
    return `| ${MARKERS[one.status]} | ${name} | ${sizes(one)} | ${text(placeOf(one))} | ${text(one.causes?.map(causeText).slice(0, 3).join("; ") || headline(one))} |`;
  });
  const lines = functions.filter(({ status }) => status === "line-only").length;
  return {
    before: ["| | function | bytes | source | why |", "|---|---|---|---|---|"],
    rows,
    after: lines > 0 ? ["", `${plural(lines, "function")} with other line numbers only.`] : [],
  };
}

function sizes({ status, pre, post }: FunctionChange): string {
  if (status === "new") return `${post?.size ?? 0}`;
  if (status === "deleted") return `${pre?.size ?? 0} → 0`;
  return pre?.size === post?.size ? `${pre?.size ?? 0}` : `${pre?.size ?? 0} → ${post?.size ?? 0}`;
}

function findingsBlock({ findings }: UpdateDescription): Block {
  const rows = [...groupBy(findings, (finding) => finding.code)].flatMap(([id, list]) => {
    const severity = list[0]?.severity ?? "note";
    return list.slice(0, 5).map(({ message }, i) => {
      const count = i === 0 && list.length > 1 ? ` ×${list.length}` : "";
      return `- ${ICONS[severity]} ${i === 0 ? `**${id}**${count}: ` : ""}${text(message)}`;
    });
  });
  const isLoud = findings.some(({ severity }) => severity !== "note");
  return folded(`${plural(findings.length, "finding")}`, rows, isLoud);
}

function codeBlock({ changes }: UpdateDescription): Block {
  const rows = changes.flatMap(({ target, patches }) =>
    patches.map(
      ({ type, oldLabel, replacement, size }) =>
        `- ${text(target)}: ${type} ${code(oldLabel)}, ${plural(size, "byte")}${replacement === null ? "" : ` → ${code(replacement)}`}`,
    ),
  );
  return folded(plural(rows.length, "patch", "patches"), rows, false);
}

function ladder({ verdict: { rungs } }: UpdateDescription): Block {
  const rows = rungs.map(
    ({ rung, status, why }) => `- **${rung}** ${status}${why === undefined ? "" : `: ${text(why)}`}`,
  );
  return folded("the ways to a running system", rows, false);
}

function folded(title: string, rows: readonly string[], isOpen: boolean): Block {
  return {
    before: [`<details${isOpen ? " open" : ""}><summary>${title}</summary>`, ""],
    rows,
    after: ["", "</details>"],
  };
}

/** Text in which nothing is markup, a mention, a link or the end of a cell. */
function text(raw: string): string {
  return escapeLine(raw)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replace(/[\\`*_{}[\]()#!|~@]/g, (character) => `&#${character.charCodeAt(0)};`)
    .replace(/:\/\//g, "&#58;//");
}

/** A name as code: in a cell of a table, where a bar would end it and a backtick the code. */
function code(raw: string): string {
  return `<code>${text(raw)}</code>`;
}
