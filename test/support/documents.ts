import { readdirSync } from "node:fs";
import { join, ROOT, readText } from "./paths.ts";

/** Paths of README and of every page below docs/, from the project's folder. */
export const DOCUMENTS: readonly string[] = [
  "README.md",
  ...readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .sort()
    .map((name) => `docs/${name}`),
];

export function documentText(path: string): string {
  return readText(join(ROOT, path));
}

/** The text under a heading, up to the next one of the same or a higher level. */
export function chapter(path: string, heading: string): string {
  const level = /^#+/.exec(heading)?.[0].length ?? 0;
  const lines = documentText(path).split("\n");
  const start = lines.indexOf(heading);
  if (start < 0) throw new Error(`${path} has no "${heading}"`);
  const end = lines.findIndex((line, at) => at > start && new RegExp(`^#{1,${level}} `).test(line));
  return lines.slice(start + 1, end < 0 ? undefined : end).join("\n");
}

/** Code blocks of one language. */
export function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))].map((match) => match[1] as string);
}

/** The text without its code blocks. */
function prose(text: string): string {
  return text.replaceAll(/^```.*?^```$/gms, "");
}

/** Cells of every table row but the header. */
export function rows(text: string): string[][] {
  const lines = text.split("\n").filter((line) => line.startsWith("| "));
  return lines.slice(1).map((line) =>
    line
      .slice(2, -2)
      .split(" | ")
      .map((cell) => cell.trim()),
  );
}

/** What is in backquotes. */
export function quoted(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string);
}

/** Anchors that the headings of a page make, as forges write them: lower case, without punctuation, hyphens for blanks. */
export function anchors(text: string): string[] {
  return [...prose(text).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
