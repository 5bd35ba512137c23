import { appendFileSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../../src/errors.ts";
import { type InputRef, openFile, readInput, sameBytes } from "../../../src/input/listing/file.ts";
import { join } from "../../support/paths.ts";
import { useTrees } from "../../support/trees.ts";

const folder = useTrees()("files", {});
let count = 0;

function inputOf(contents: string): InputRef {
  const file = join(folder, `f${count++}`);
  writeFileSync(file, contents);
  const open = openFile(file);
  open.close();
  return { path: "tree/a.o", file, size: open.size, mtimeMs: open.mtimeMs };
}

describe("an input that changes after it was listed is refused, whether read or compared", () => {
  it.each<[string, (ref: InputRef) => void]>([
    ["grown", ({ file }) => appendFileSync(file, "x")],
    ["cut", ({ file }) => truncateSync(file, 3)],
    ["written anew", ({ file }) => utimesSync(file, 1, 1)],
  ])("%s", (_what, change) => {
    const [ref, other] = [inputOf("contents"), inputOf("contents")];
    change(ref);
    for (const read of [() => readInput(ref), () => sameBytes(ref, other), () => sameBytes(other, ref)]) {
      expect(read).toThrow(FormatError);
      expect(read).toThrow(/^tree\/a\.o: changed while it was read$/);
    }
  });

  it("a member whose archive was cut", () => {
    const { mtimeMs: _, ...ref } = inputOf("0123456789");
    const member = { ...ref, member: "m.o", offset: 4, size: 4 };
    expect(Buffer.from(readInput(member) as Uint8Array).toString()).toBe("4567");
    truncateSync(ref.file, 6);
    expect(() => readInput(member)).toThrow(/^tree\/a\.o\(m\.o\): offset 0x6: the file ends while it is read$/);
  });
});

it("a file that is not there is named as the user gave it", () => {
  const gone = { path: "tree/a.o", file: join(folder, "gone"), size: 1 };
  expect(() => readInput(gone)).toThrow(/^tree\/a\.o: cannot be read: no such file or directory$/);
});
