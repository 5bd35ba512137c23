import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, it } from "vitest";
import { SHN } from "../../src/elf/constants.ts";
import { openImage } from "../../src/image/image.ts";
import { matchUpdate } from "../../src/match/match.ts";
import { isText, subjectOf } from "../support/match-objects.ts";
import { FIXTURES, join } from "../support/paths.ts";
import { sampled } from "../support/sample.ts";
import { isInstalled } from "../support/tools.ts";

/** GNU ld for each folder of fixtures, and options for it. */
const LINKERS: Readonly<Record<string, readonly [ld: string, ...options: string[]]>> = {
  aarch64: ["aarch64-linux-gnu-ld"],
  arm: ["arm-linux-gnueabihf-ld"],
  i386: ["i686-linux-gnu-ld"],
  mips: ["mips-linux-gnu-ld"],
  mipsel: ["mipsel-linux-gnu-ld"],
  ppc64le: ["powerpc64le-linux-gnu-ld"],
  riscv64: ["riscv64-linux-gnu-ld"],
  s390x: ["s390x-linux-gnu-ld"],
};

const folder = mkdtempSync(join(tmpdir(), "elfsplice-arches-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function hasLinker(arch: string): boolean {
  return isInstalled((LINKERS[arch] as readonly string[])[0] as string);
}

/** Links one object alone; what it needs from others lies at addresses of their own. */
function link(arch: string, object: string, name: string): string | undefined {
  const [ld, ...options] = LINKERS[arch] as readonly [string, ...string[]];
  const { object: model } = subjectOf(readFileSync(object), name);
  const outer = model.symbols.filter(({ shndx, index, name: text }) => shndx === SHN.UNDEF && index > 0 && text !== "");
  const places = outer.map(({ name: text }, index) => `--defsym=${text}=0x${(0x41_0000 + 16 * index).toString(16)}`);
  const image = join(folder, `${arch}-${name}`);
  const args = [...options, "-o", image, "-e", "0", "-z", "muldefs", "-Ttext=0x400200", ...places, object];
  return spawnSync(ld, args, { stdio: "ignore" }).status === 0 ? image : undefined;
}

describe.each(sampled(Object.keys(LINKERS), 3))("%s, linked alone (skipped where its linker is absent)", (arch) => {
  const cases = readdirSync(join(FIXTURES, arch)).filter(
    (name) =>
      // The addresses that stand for other objects are no Thumb functions: ld would write blx instead of bl.
      existsSync(join(FIXTURES, arch, name, "pre.o")) && !name.startsWith("thumb"),
  );

  it.skipIf(!hasLinker(arch))("matches every function, where the linker's symbols are", () => {
    let linked = 0;
    for (const name of cases) {
      const object = join(FIXTURES, arch, name, "pre.o");
      const image = link(arch, object, name);
      if (image === undefined) continue;
      linked++;
      const result = matchUpdate([subjectOf(readFileSync(object), name)], { run: image });
      const open = result.sections.filter((section) => isText(section) && section.status !== "matched");
      expect(open, name).toEqual([]);
      expect(result.abort, name).toBeNull();
    }
    expect(linked).toBeGreaterThan(cases.length / 2);
  });

  // On x86 filler behind jumps is not looked at.
  it.skipIf(!hasLinker(arch) || arch === "i386")("sees every flipped bit, in relocated fields too", () => {
    const object = join(FIXTURES, arch, "body", "pre.o");
    const image = link(arch, object, "body") as string;
    const subject = subjectOf(readFileSync(object), "body");
    const right = matchUpdate([subject], { run: image });
    const bytes = readFileSync(image);
    const opened = openImage(image);
    const missed: string[] = [];
    // The run code may be shorter than the object's.
    for (const { label, start: address, size } of right.safety) {
      const code = Buffer.from(opened.memory.read(BigInt(address), size) ?? []);
      const start = bytes.indexOf(code);
      for (let at = 0; at < size; at++) {
        const flipped = Uint8Array.from(bytes);
        flipped[start + at] = (flipped[start + at] as number) ^ (1 << (at % 8));
        const path = join(folder, "flipped");
        writeFileSync(path, flipped);
        if (matchUpdate([subject], { run: path }).outcome === "matched") missed.push(`${label}+0x${at.toString(16)}`);
      }
    }
    opened.close();
    expect(missed).toEqual([]);
  });
});
