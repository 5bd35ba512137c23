import { existsSync, readFileSync } from "node:fs";
import { FINDINGS } from "./findings.ts";

/** What a code means, for who meets it. */
export interface Explanation {
  readonly title: string;
  readonly severity: string;
  readonly meaning: string;
  readonly todo: string;
  /** The chapter of docs/findings.md that it stands in. */
  readonly chapter: string;
}

/** One entry of docs/findings.md: a heading with the code, severity and meaning, what to do. */
const ENTRY = /^### `([a-z0-9-]+)`\n+\*\*(\w+)\*\*: (.*(?:\n(?!\n).*)*)\n+What to do: ((?:.*\n?)*?)(?=\n*$)/;

/** Every finding by its code, as docs/findings.md explains it: that page is the one table. Empty where the page is not installed. */
export function readExplanations(): ReadonlyMap<string, Explanation> {
  const file = pageFile();
  if (file === undefined) return new Map();
  const found = new Map<string, Explanation>();
  let chapter = "";
  for (const part of readFileSync(file, "utf8").split(/^(?=##)/m)) {
    const heading = /^## (.*)$/m.exec(part);
    if (heading !== null) chapter = heading[1] as string;
    const [, code, severity, meaning, todo] = ENTRY.exec(part) ?? [];
    if (code === undefined || severity === undefined || meaning === undefined || todo === undefined) continue;
    const title = Object.hasOwn(FINDINGS, code) ? FINDINGS[code as keyof typeof FINDINGS].title : code;
    found.set(code, { title, severity, meaning: plainText(meaning), todo: plainText(todo), chapter });
  }
  return found;
}

/** Beside the bundle, where the build put it; else among the documents. */
function pageFile(): URL | undefined {
  const places = ["./findings.md", "../../docs/findings.md", "../../../docs/findings.md"];
  return places.map((place) => new URL(place, import.meta.url)).find((file) => existsSync(file));
}

/** Markdown without links and marks of code. */
function plainText(markdown: string): string {
  return markdown
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll("`", "")
    .replace(/\s+/g, " ")
    .trim();
}
