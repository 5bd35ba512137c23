import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../support/paths.ts";

/* What a hostile file could turn against us, found in the source itself. */

const source = join(ROOT, "src");
const files = readdirSync(source, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))
  .sort();

/** A variable, field or parameter whose type is a plain object that any text may index. */
const TABLE = /\b(\w+)\??:\s*(?:Readonly<\s*)?(?:Partial<\s*)?(?:Record<string,|\{ (?:readonly )?\[\w+: string\])/g;

/** Lines that look a plain object up by a text that is not written there: `toString` and `__proto__` are in every one. */
function unsafeLookUps(text: string): string[] {
  const names = [...text.matchAll(TABLE)].map((match) => match[1] as string);
  return text.split("\n").filter((line) =>
    names.some((name) => {
      const isLookedUp = new RegExp(`\\b${name}(?:\\?\\.)?\\[(?!["'\`\\d\\]])`).test(line);
      return isLookedUp && !line.includes("delete ") && !line.includes(`Object.hasOwn(${name},`);
    }),
  );
}

/** Calls with one argument for each item of a list: more than a hundred thousand overflow the stack. */
function spreadCalls(text: string): string[] {
  return text
    .split("\n")
    .filter(
      (line) =>
        /\.(?:push|unshift|apply|splice)\(\.\.\.|Math\.(?:max|min)\(\.\.\.|\.apply\(/.test(line) &&
        !/\b(?:rule|site)\.apply\(/.test(line),
    );
}

const found = (look: (text: string) => string[]): string[] =>
  files.flatMap((file) => look(readFileSync(join(source, file), "utf8")).map((line) => `${file}: ${line.trim()}`));

describe("the source", () => {
  it("looks names up in maps, or asks first whether the object has them itself", () => {
    expect(found(unsafeLookUps)).toEqual([]);
  });

  it.each([
    ["const T: Record<string, number> = {};\nreturn T[name];", 1],
    ["const T: Readonly<Record<string, number>> = {};\nreturn T[symbol?.name ?? ''];", 1],
    ["readonly fields: { readonly [field: string]: unknown };\nreturn one.fields[name];", 1],
    ["const T: Record<string, number> = {};\nreturn Object.hasOwn(T, name) ? T[name] : 0;", 0],
    ['const T: Record<string, number> = {};\nreturn T["known"];', 0],
    ["const T: ReadonlyMap<string, number> = new Map();\nreturn T.get(name);", 0],
  ])("and this test would see it: %s", (text, count) => {
    expect(unsafeLookUps(text)).toHaveLength(count);
  });

  it("hands no list over as arguments", () => {
    expect(found(spreadCalls)).toEqual([]);
  });
});
