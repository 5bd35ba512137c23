import { describe, expect, it } from "vitest";
import { readObject } from "../src/elf/object.ts";
import { describePair } from "../src/index.ts";
import { buildElf } from "./support/elf-builder.ts";

describe.skipIf(process.platform === "win32")("a backslash in the name of a file", () => {
  it("is a character of the name, which a description repeats as it is", async () => {
    const read = () => readObject(buildElf({}), "d/a\\b.o");
    const { fragment } = await describePair(read(), read(), { target: "vmlinux" });
    expect(fragment.object.pre?.path).toBe("d/a\\b.o");
    expect(fragment.name).toBe("d/a\\b.o");
  });
});
