import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { MatchResult, SectionResult } from "../../src/contract/match.ts";
import { readObject } from "../../src/elf/object.ts";
import { type MatchRequest, matchUpdate } from "../../src/match/match.ts";
import { matchSubject, type Subject } from "../../src/match/subject.ts";

export function subjectOf(bytes: Uint8Array, name: string): Subject {
  return matchSubject(readObject(bytes, name), name);
}

/** Matches object files against a run image. */
export function matchFiles(paths: readonly string[], request: MatchRequest): MatchResult {
  return matchUpdate(
    paths.map((path) => subjectOf(readFileSync(path), basename(path))),
    request,
  );
}

export function isText({ kind }: SectionResult): boolean {
  return kind === "text" || kind === "init-text" || kind === "exit-text";
}

export function sectionOf(result: MatchResult, label: string): SectionResult {
  const found = result.sections.find((section) => section.label === label);
  if (found === undefined) throw new Error(`no section ${label}`);
  return found;
}
