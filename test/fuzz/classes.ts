import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { gzipSync } from "node:zlib";
import { compareUpdates } from "../../src/check/compare-updates.ts";
import { integrityProblems } from "../../src/check/integrity.ts";
import { validateDescription } from "../../src/check/validate.ts";
import { requireComparable } from "../../src/cli/comparable.ts";
import type { UpdateDescription } from "../../src/contract/description.ts";
import { type ElfObject, readObject } from "../../src/elf/object.ts";
import { UnsupportedError } from "../../src/errors.ts";
import { openImage } from "../../src/image/image.ts";
import { readArchive } from "../../src/input/formats/archive.ts";
import { compressionOf, decompress } from "../../src/input/formats/compressed.ts";
import { inspectObject } from "../../src/inspect/inspect.ts";
import { matchUpdate } from "../../src/match/match.ts";
import { matchSubject } from "../../src/match/subject.ts";
import { diffObjects } from "../../src/plan/update.ts";
import { renderInspection } from "../../src/report/inspect-text.ts";
import { renderJson } from "../../src/report/json.ts";
import { renderText } from "../../src/report/text.ts";
import { buildSpans } from "../../src/spans/spans.ts";
import { buildAr } from "../support/ar-builder.ts";
import { FIXTURES, join } from "../support/paths.ts";
import { buildKdump } from "../support/vmcore.ts";
import { mutateElf, mutateFile, mutateJson } from "./mutate.ts";
import type { Random } from "./random.ts";

/** What a case gave: bytes that were read, and what is wrong with the answer. Exceptions are for the caller to judge. */
interface Verdict {
  readonly bytes: number;
  readonly unsound: readonly string[];
}

/** One class of inputs: makes a case from random numbers, runs it, and returns the verdict. */
export interface FuzzClass {
  readonly name: string;
  run(random: Random, keep: (name: string, bytes: Uint8Array | string) => void): Promise<Verdict> | Verdict;
  close?(): void;
}

/** Larger seeds make slow cases, and no other ones. */
const LARGEST = 40_000;

interface Pair {
  readonly pre: Uint8Array;
  readonly post: Uint8Array;
}

function seedPairs(): Pair[] {
  const found = readdirSync(FIXTURES, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith("pre.o"))
    .sort();
  return found
    .map((path) => ({
      pre: readFileSync(join(FIXTURES, path)),
      post: readFileSync(join(FIXTURES, path.replace(/pre\.o$/, "post.o"))),
    }))
    .filter(({ pre, post }) => Math.max(pre.length, post.length) <= LARGEST);
}

const object = (bytes: Uint8Array, file: string): ElfObject => requireComparable(readObject(bytes, file), { file });

/** What `check` has against a description that we wrote ourselves. */
function problemsOf(update: UpdateDescription): string[] {
  const value: unknown = JSON.parse(renderJson(update));
  const { problems } = validateDescription(value);
  return [...problems, ...integrityProblems(value as UpdateDescription)].map(
    ({ path, message }) => `${path}: ${message}`,
  );
}

async function diffCase(pre: Uint8Array, post: Uint8Array, random: Random): Promise<Verdict> {
  const bytes = pre.length + post.length;
  const update = await diffObjects(object(pre, "pre/x.o"), object(post, "post/x.o"));
  const unsound = problemsOf(update);
  renderText(update, undefined);
  if (random.once(8)) {
    const again = await diffObjects(object(pre, "pre/x.o"), object(post, "post/x.o"));
    if (renderJson(again) !== renderJson(update)) unsound.push("the same inputs gave other bytes");
  }
  const self = await diffObjects(object(post, "a/x.o"), object(post, "b/x.o"));
  unsound.push(...problemsOf(self).map((words) => `with itself: ${words}`));
  if (self.functions.length + self.data.length + self.exports.length > 0)
    unsound.push(
      `a file differs from itself: ${[...self.functions, ...self.data, ...self.exports].map(({ name }) => name).join(", ")}`,
    );
  return { bytes, unsound };
}

/** Every class; what they share is read once. */
export async function fuzzClasses(): Promise<FuzzClass[]> {
  const pairs = seedPairs();
  const layouts = pairs.filter(({ pre }) => Buffer.from(pre).includes(".debug_info"));
  const updates: UpdateDescription[] = [];
  for (const { pre, post } of pairs.filter((_, index) => index % 16 === 0))
    updates.push(await diffObjects(object(pre, "pre/x.o"), object(post, "post/x.o")).catch(() => undefined as never));
  const sound = updates.filter((update) => update !== undefined);
  const folder = mkdtempSync(join(tmpdir(), "elfsplice-fuzz-"));
  const dump = buildKdump({
    pages: new Map(Array.from({ length: 8 }, (_, i) => [i + 4096, new Uint8Array(4096).fill(0x90 + i)])),
    info: "OSRELEASE=6.1.0\nSYMBOL(_stext)=ffffffff81000000\nNUMBER(phys_base)=0\nKERNELOFFSET=0\n",
  });
  const subject = matchSubject(object((pairs[0] as Pair).pre, "x.o"), "x.o");

  return [
    {
      name: "diff",
      run(random, keep) {
        const { pre, post } = random.pick(pairs);
        const a = random.once(3) ? mutateElf(pre, random) : pre;
        const b = mutateElf(random.once(2) ? post : pre, random);
        keep("pre.o", a);
        keep("post.o", b);
        return diffCase(a, b, random);
      },
    },
    {
      name: "dwarf",
      run(random, keep) {
        const { pre, post } = random.pick(layouts);
        const isDebug = (name: string): boolean => name.startsWith(".debug") || name === ".BTF";
        const b = mutateElf(post, random, isDebug);
        keep("pre.o", pre);
        keep("post.o", b);
        return diffCase(pre, b, random);
      },
    },
    {
      name: "inspect",
      run(random, keep) {
        const bytes = mutateElf(random.pick(pairs).pre, random);
        keep("x.o", bytes);
        const inspection = inspectObject(object(bytes, "x.o"));
        renderInspection(inspection);
        return { bytes: bytes.length + renderJson(inspection).length, unsound: [] };
      },
    },
    {
      name: "archive",
      run(random, keep) {
        const members = [random.pick(pairs), random.pick(pairs)];
        const whole = buildAr([
          { name: "//", contents: "a_long_name_of_a_member.o/\n" },
          { name: "a.o/", contents: members[0]?.pre ?? "" },
          { name: "/0", contents: members[1]?.pre ?? "" },
        ]);
        const bytes = mutateFile(whole, random, 200);
        keep("x.a", bytes);
        const source = {
          file: "x.a",
          size: bytes.length,
          read(offset: number, length: number) {
            if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length)) throw new RangeError("read outside");
            return bytes.subarray(offset, offset + length);
          },
        };
        readArchive(source);
        return { bytes: bytes.length, unsound: [] };
      },
    },
    {
      name: "compressed",
      async run(random, keep) {
        const bytes = mutateFile(gzipSync(random.pick(pairs).pre), random, 32);
        keep("x.gz", bytes);
        const compression = compressionOf(bytes);
        if (compression === undefined) throw new UnsupportedError({ file: "x.gz" }, "not compressed");
        await decompress(bytes, compression, { file: "x.gz" }, 1 << 22);
        return { bytes: bytes.length, unsound: [] };
      },
    },
    {
      name: "kdump",
      run(random, keep) {
        const bytes = mutateFile(dump, random, random.once(2) ? 800 : 8400);
        keep("dump", bytes);
        const run = join(folder, "dump");
        writeFileSync(run, bytes);
        openImage(run).close();
        matchUpdate([subject], { run, search: true });
        return { bytes: bytes.length, unsound: [] };
      },
      close: () => rmSync(folder, { recursive: true, force: true }),
    },
    {
      name: "json",
      run(random, keep) {
        const value = mutateJson(random.pick(sound), random);
        const text = JSON.stringify(value);
        keep("u.json", text);
        const { update } = validateDescription(JSON.parse(text));
        if (update === undefined) return { bytes: text.length, unsound: [] };
        integrityProblems(update);
        compareUpdates(update, random.pick(sound));
        renderText(update, undefined);
        return { bytes: text.length, unsound: [] };
      },
    },
    {
      name: "spans",
      run(random, keep) {
        const bytes = mutateElf(random.pick(pairs).post, random);
        keep("x.o", bytes);
        const { spans } = buildSpans(readObject(bytes, "x.o"));
        const wrong = spans.filter(
          ({ size, offset, section }) => size < 0 || offset < 0 || offset + size > section.size,
        );
        return { bytes: bytes.length, unsound: wrong.map(({ name }) => `${name} lies outside its section`) };
      },
    },
  ];
}
