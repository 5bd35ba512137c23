/*
 * One page without network: the data as JSON, and a script that shows it. Names and texts from files reach the page only as
 * text nodes; nothing of them is ever markup.
 */

import type { FunctionChange, UpdateDescription } from "../contract/description.ts";
import { readExplanations } from "../findings/explanations.ts";
import { groupBy } from "../grouping.ts";
import { causeText, fileOf, headline, placeOf } from "../report/cause-text.ts";
import { escapeLine } from "../report/escape.ts";
import { layoutLines } from "../report/layout-text.ts";
import { SCRIPT, STYLE } from "./html-page.ts";

/** Files with the most changed bytes that get a bar. */
const MOST_BARS = 24;
/** Sections of new code that are shown; the JSON has all. */
const MOST_SECTIONS = 2000;

/** The description as one self-contained page. */
export function renderHtml(description: UpdateDescription): string {
  const { name, verdict } = description;
  const title = markup(`elfsplice: ${name}: ${verdict.recommended ?? "nothing applicable yet"}`);
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">`,
    '<meta name="color-scheme" content="light dark">',
    `<title>${title}</title>`,
    `<style>${STYLE}</style>`,
    "</head>",
    "<body>",
    '<a class="skip" href="#functions">To the functions</a>',
    `<header><h1>${title}</h1></header>`,
    '<main id="main"><noscript><p>This page shows its data by a script.</p></noscript></main>',
    `<script type="application/json" id="data">${jsonText(pageData(description))}</script>`,
    `<script>${SCRIPT}</script>`,
    "</body>",
    "</html>",
    "",
  ].join("\n");
}

/** What the script shows, in words where it has words. */
function pageData(description: UpdateDescription): object {
  const { arch, objects, functions, findings, changes, layouts, verdict, summary, generator } = description;
  const explanations = readExplanations();
  const codes = [...new Set(findings.map(({ code }) => code))];
  return {
    generator: `${generator.name} ${generator.version}`,
    arch: arch.name,
    recommended: verdict.recommended,
    rungs: verdict.rungs.map(({ rung, status, why = "", work = [] }) => ({ rung, status, why, work })),
    summary,
    bars: barsOf(functions),
    functions: functions.map((change) => functionData(change, objects)),
    findings: findings.map(({ code, severity, message, where }) => ({ code, severity, message, label: where.label })),
    help: Object.fromEntries(
      codes.flatMap((code) => {
        const text = explanations.get(code);
        return text === undefined ? [] : [[code, `${text.meaning} What to do: ${text.todo}`]];
      }),
    ),
    code: changes.map(({ target, newCode, patches, imports = [] }) => ({
      target,
      sections: newCode.sections
        .slice(0, MOST_SECTIONS)
        .map(({ label, kind, size, because }) => ({ label, kind, size, because })),
      more: Math.max(0, newCode.sections.length - MOST_SECTIONS),
      patches: patches.length,
      imports,
    })),
    layouts: layoutLines(layouts).map(escapeLine),
  };
}

function functionData(change: FunctionChange, objects: UpdateDescription["objects"]): object {
  const { name, demangled, label, status, pre, post, causes = [], reasons, instructions, object, suppressed } = change;
  const { aliases = [], partOf } = change;
  return {
    name: demangled ?? name,
    label,
    status,
    pre: status === "new" ? 0 : (pre?.size ?? 0),
    post: status === "deleted" ? 0 : (post?.size ?? 0),
    place: placeOf(change),
    object: objects[object]?.name ?? objects[object]?.post?.path ?? objects[object]?.pre?.path ?? "",
    why: headline(change),
    causes: causes.map((cause) => ({ text: causeText(cause), first: cause.first ?? [] })),
    reasons: reasons.map(({ kind, offset, within, pre: was, post: is }) => ({ kind, offset, within, was, is })),
    ...(instructions === undefined ? {} : { instructions }),
    ...(aliases.length === 0 ? {} : { aliases }),
    ...(partOf === undefined ? {} : { partOf }),
    ...(suppressed === undefined ? {} : { suppressed }),
  };
}

/** Bytes of changed functions by source file, the most first. */
function barsOf(functions: readonly FunctionChange[]): object[] {
  const replaced = functions.filter(({ status }) => status === "changed" || status === "new" || status === "deleted");
  const groups = [...groupBy(replaced, (one) => fileOf(one) ?? "(no source file)")].map(([file, list]) => ({
    file,
    functions: list.length,
    bytes: list.reduce((sum, { post, pre }) => sum + (post?.size ?? pre?.size ?? 0), 0),
  }));
  return groups.sort((a, b) => b.bytes - a.bytes).slice(0, MOST_BARS);
}

function markup(text: string): string {
  return escapeLine(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** JSON in which nothing ends the element that holds it. */
function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
