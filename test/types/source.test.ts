import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, it } from "vitest";
import { readObject } from "../../src/elf/object.ts";
import { FormatError, UnsupportedError } from "../../src/errors.ts";
import { groupBy } from "../../src/grouping.ts";
import { readSource } from "../../src/types/source.ts";
import { generatedSource } from "../support/generated-source.ts";
import { FIXTURES, join } from "../support/paths.ts";
import { sampled } from "../support/sample.ts";
import { needPrograms } from "../support/tools.ts";

const folder = mkdtempSync(join(tmpdir(), "elfsplice-source-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Functions of each generated source: three architectures together have more than 500. */
const FUNCTIONS = 180;
/** Places in each function that are asked for. */
const PLACES = 5;

const [ONE, MANY] = ["-fno-function-sections", "-ffunction-sections"];
const SETTINGS: readonly (readonly [prefix: string, ...flags: string[]])[] = [
  ["", "-gdwarf-5", ONE],
  ["aarch64-linux-gnu-", "-gdwarf-4", ONE],
  ["s390x-linux-gnu-", "-gdwarf-5", ONE],
  ["", "-gdwarf-2", MANY],
  ["", "-gdwarf-3", ONE],
  ["", "-gdwarf-4", "-gz", MANY],
  ["riscv64-linux-gnu-", "-gdwarf-5", ONE],
  ["powerpc64le-linux-gnu-", "-gdwarf-4", MANY],
  ["mips64el-linux-gnuabi64-", "-gdwarf-5", ONE],
  ["arm-linux-gnueabihf-", "-gdwarf-5", MANY],
];
/** Sections for which addr2line is asked, a process each. */
const MOST_SECTIONS = 12;
/** The first three are those of three architectures. */
const chosen = [...SETTINGS.slice(0, 3), ...sampled(SETTINGS.slice(3), 7)];

interface Place {
  readonly section: number;
  readonly offset: number;
}

/** What addr2line says of places in one section: the line, then the lines of the calls that were inlined around it; and the inlined functions. */
function oracle(tool: string, file: string, section: string, places: readonly Place[]): string[] {
  const input = places.map(({ offset }) => offset.toString(16)).join("\n");
  const text = execFileSync(tool, ["-e", file, "-j", section, "-i", "-f", "-a"], { input, encoding: "utf8" });
  return text
    .split(/^0x/m)
    .slice(1)
    .map((block) => {
      const rows = block
        .split("\n")
        .slice(1)
        .filter((row) => row !== "");
      const lines = rows.filter((_row, i) => i % 2 === 1).map((row) => /:(\d+)( |$)/.exec(row)?.[1] ?? "?");
      const names = rows.filter((_row, i) => i % 2 === 0);
      return [...lines, ...names.slice(0, -1)].join(" ");
    });
}

describe("source lines and inlined functions are those that addr2line tells", () => {
  it.for(chosen)("%sgcc %s %s", async ([prefix, ...flags], { skip }) => {
    const [compiler, tool] = [`${prefix}gcc`, `${prefix}addr2line`];
    needPrograms(skip, compiler, tool);
    const source = join(folder, "many.c");
    const file = join(folder, "many.o");
    writeFileSync(source, generatedSource(16, FUNCTIONS));
    execFileSync(compiler, ["-O2", "-w", ...flags, "-c", "many.c", "-o", "many.o"], { cwd: folder });
    const object = readObject(readFileSync(file), file);
    const functions = object.symbols.flatMap(({ type, section, value, size }) =>
      type === 2 && section !== undefined && size > 0 ? [{ section, from: Number(value) & ~1, size }] : [],
    );
    expect(functions.length).toBeGreaterThanOrEqual(FUNCTIONS);
    const view = await readSource(
      object,
      functions.map(({ section, from, size }) => ({ section, from, to: from + size })),
    );
    const places = functions.flatMap(({ section, from, size }) =>
      Array.from({ length: PLACES }, (_, i) => ({
        section,
        offset: from + 4 * Math.floor((Math.floor((size - 1) / 4) * i) / PLACES),
      })),
    );
    for (const [section, list] of [...groupBy(places, (place) => place.section)].slice(0, MOST_SECTIONS)) {
      const found = list.map(({ offset }) => {
        const line = view.lineAt(section, offset);
        const inlined = view.inlinedAt(section, offset);
        const lines = [line, ...inlined.map(({ call }) => call)].map((one) => String(one?.line || "?"));
        return [...lines, ...inlined.map(({ name }) => name)].join(" ");
      });
      expect(found).toEqual(oracle(tool, file, object.sections[section]?.name ?? "", list));
    }
  });
});

describe("damaged line tables and entries", () => {
  const name = "source/causes";
  const bytes = readFileSync(join(FIXTURES, name, "pre.o"));
  const object = readObject(bytes, "pre.o");
  const functions = object.symbols.flatMap(({ type, section, size }) =>
    type === 2 && section !== undefined ? [{ section, from: 0, to: size }] : [],
  );
  const debug = object.sections.filter((section) => /^\.debug_(line|info|abbrev|rnglists)$/.test(section.name));

  it("are refused in words or read, and never hang", async () => {
    let refused = 0;
    for (const section of debug) {
      for (let at = 0; at < section.size; at += Math.max(1, Math.floor(section.size / 40))) {
        for (const value of [0x00, 0x7f, 0x80, 0xff]) {
          const damaged = Uint8Array.from(bytes);
          damaged[section.offset + at] = value;
          try {
            await readSource(readObject(damaged, "pre.o"), functions);
          } catch (error) {
            expect(error instanceof FormatError || error instanceof UnsupportedError, String(error)).toBe(true);
            refused++;
          }
        }
      }
    }
    expect(refused).toBeGreaterThan(20);
  });
});
