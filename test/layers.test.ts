import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "./support/paths.ts";

/** Folders of src from the ground up; a file may import from its own storey and from those below. Folders in one row do not know each other. */
const STOREYS: readonly (readonly string[])[] = [
  [
    "errors",
    "bytes",
    "evidence",
    "findings",
    "glob",
    "grouping",
    "hex",
    "lists",
    "optional",
    "order",
    "paths",
    "version",
    "wording",
  ],
  ["contract"],
  ["elf"],
  ["arch"],
  ["input", "spans"],
  ["diff"],
  ["image", "types", "disasm", "account", "facts"],
  ["match"],
  ["plan"],
  ["apply", "kexec", "check", "inspect"],
  ["module"],
  ["report"],
  ["render"],
  ["index"],
  ["cli"],
];

const source = join(ROOT, "src");
const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
  (path) => path.endsWith(".ts") && !path.endsWith(".d.ts"),
);

function houseOf(path: string): string {
  const first = relative(source, path).split(/[/\\]/)[0] as string;
  return first.replace(/\.ts$/, "");
}

function storeyOf(path: string): number {
  return STOREYS.findIndex((houses) => houses.includes(houseOf(path)));
}

function importsOf(path: string): string[] {
  const text = readFileSync(path, "utf8");
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map((match) => match[1] as string);
  return specifiers.map((specifier) => resolve(dirname(path), specifier));
}

describe("imports", () => {
  it("point one way only, and never to a neighbour on the same storey", () => {
    const wrong = files.flatMap((file) => {
      const path = join(source, file);
      return importsOf(path)
        .filter(
          (target) =>
            storeyOf(target) > storeyOf(path) ||
            (storeyOf(target) === storeyOf(path) && houseOf(target) !== houseOf(path)),
        )
        .filter((target) => !(storeyOf(path) === 0 && storeyOf(target) === 0))
        .map((target) => `${file} → ${relative(source, target)}`);
    });
    expect(wrong).toEqual([]);
  });

  it("lead to files that exist, and every folder has its storey", () => {
    expect(files.filter((file) => storeyOf(join(source, file)) === -1)).toEqual([]);
    expect(files.flatMap((file) => importsOf(join(source, file)).filter((target) => !existsSync(target)))).toEqual([]);
  });

  it("form no circle between files, those of types included", () => {
    const state = new Map<string, "open" | "done">();
    const circles: string[] = [];
    const visit = (path: string, way: readonly string[]): void => {
      if (state.get(path) === "done" || !path.endsWith(".ts")) return;
      if (state.get(path) === "open") {
        circles.push([...way.slice(way.indexOf(path)), path].map((step) => relative(source, step)).join(" → "));
        return;
      }
      state.set(path, "open");
      for (const target of staticImportsOf(path)) visit(target, [...way, path]);
      state.set(path, "done");
    };
    for (const file of files) visit(join(source, file), []);
    expect(circles).toEqual([]);
  });

  it("use elfy in one file only", () => {
    expect(files.filter((file) => /from "elfy"/.test(readFileSync(join(source, file), "utf8")))).toEqual([
      join("elf", "elfy.ts"),
    ]);
  });
});

/** All that a file names at its top, types too: files that lean on one another's types cannot be read one by one. Not lazy imports. */
function staticImportsOf(path: string): string[] {
  const text = readFileSync(path, "utf8");
  const specifiers = [...text.matchAll(/^(?:import|export)\s[^;]*?from\s+"(\.[^"]+)"/gms)].map(
    (match) => match[1] as string,
  );
  return specifiers.map((specifier) => resolve(dirname(path), specifier));
}

describe("architectures", () => {
  /** Printing a name, comparing those of two documents, and an ABI that reads its machine before there is a record. */
  const ALLOWED = /^(arch|elf)[/\\]|^(cli|report|contract)[/\\]/;

  it("are known by name or number only in src/arch: elsewhere the record is asked", () => {
    const asked =
      /arch\.name\s*(?:===|!==|\.startsWith|\.includes|\.match|\])|\.test\((?:\w+\.)*arch\.name\)|\[(?:\w+\.)*arch\.name\]|\bEM\.[A-Z]|\bEM\["/;
    const wrong = files.flatMap((file) => {
      if (ALLOWED.test(file)) return [];
      const lines = readFileSync(join(source, file), "utf8").split("\n");
      return lines.flatMap((line, i) =>
        asked.test(line) && !line.includes("b.arch.name") ? [`${file}:${i + 1}`] : [],
      );
    });
    expect(wrong).toEqual([]);
  });
});
