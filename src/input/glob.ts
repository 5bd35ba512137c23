/*
 * Patterns that name files of a tree: `drivers/net/**`, `*.ko`, `{mm,fs}/*.o`. A pattern becomes a regular expression once; a
 * tree has many thousand paths. The star never crosses a folder, so a path of n characters costs no more than n steps per star.
 */
import { UsageError } from "../errors.ts";

/** Whether a path, relative to its tree and with `/`, is meant by any of the patterns. */
export type PathTest = (path: string) => boolean;

const SPECIAL = /[\\^$.*+?()[\]{}|/]/;

/**
 * A test for several patterns: `*` and `?` stay in one folder, `**` crosses folders, `{a,b}` are alternatives, `[a-z]` and `[!a]`
 * sets, a backslash takes away a meaning. A pattern without `/` is held against the file's own name, a trailing `/` means
 * everything below. Throws UsageError for a bracket or brace without its end.
 */
export function matcherOf(patterns: readonly string[]): PathTest {
  const tests = patterns.map((pattern) => {
    const whole = pattern.endsWith("/") ? `${pattern}**` : pattern;
    const expression = new RegExp(`^(?:${expressionOf(whole.replace(/^\.?\/+/, ""), pattern)})$`, "su");
    return { expression, ownName: !whole.includes("/") };
  });
  if (tests.length === 0) return () => false;
  return (path) => {
    const ownName = path.slice(path.lastIndexOf("/") + 1);
    return tests.some((test) => test.expression.test(test.ownName ? ownName : path));
  };
}

function expressionOf(text: string, pattern: string): string {
  const fail = (what: string): never => {
    throw new UsageError(`pattern "${pattern}": ${what}`);
  };
  let made = "";
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string;
    if (char === "\\") {
      at++;
      if (at === text.length) fail("ends with a backslash");
      made += escaped(text[at] as string);
    } else if (char === "*") {
      const start = at;
      while (text[at + 1] === "*") at++;
      const isWholeStep = (start === 0 || "/{,".includes(text[start - 1] as string)) && at > start;
      if (isWholeStep && text[at + 1] === "/") {
        made += "(?:[^/]+/)*";
        at++;
      } else made += isWholeStep ? ".*" : "[^/]*";
    } else if (char === "?") made += "[^/]";
    else if (char === "[") {
      const end = text.indexOf("]", at + (/^\[[!^]?\]/.test(text.slice(at)) ? (text[at + 1] === "]" ? 2 : 3) : 1));
      if (end === -1) fail("[ has no ]");
      made += setOf(text.slice(at + 1, end), fail);
      at = end;
    } else if (char === "{") {
      depth++;
      made += "(?:";
    } else if (char === "}" && depth > 0) {
      depth--;
      made += ")";
    } else if (char === "," && depth > 0) made += "|";
    else made += escaped(char);
  }
  if (depth > 0) fail("{ has no }");
  return made;
}

/** A set of characters, none of which is ever the slash. */
function setOf(text: string, fail: (what: string) => never): string {
  const inverted = /^[!^]/.test(text);
  const members = (inverted ? text.slice(1) : text).replace(/[\\\]^[&~|(){}/]/g, "\\$&");
  const set = `(?!/)[${inverted ? "^" : ""}${members.replace(/^-|-$/g, "\\-")}]`;
  try {
    new RegExp(set, "su");
  } catch {
    fail("[ ] is not a set of characters");
  }
  return set;
}

function escaped(char: string): string {
  return SPECIAL.test(char) ? `\\${char}` : char;
}
