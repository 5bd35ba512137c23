import { describe, expect, it } from "vitest";
import { differingInstructions } from "../../src/disasm/differing.ts";
import type { Instruction } from "../../src/disasm/instruction.ts";

/** A listing from lines: `jne -> end` refers to the line `end: …`. */
function listing(source: string): Instruction[] {
  const lines = source
    .trim()
    .split("\n")
    .map((line) => /^\s*(?:(\w+):)?\s*(.*?)(?:\s*-> (\w+))?$/.exec(line) ?? []);
  const places = new Map(lines.map(([, label], index) => [label, index]));
  return lines.map(([, , text = "", to], index) => ({
    offset: 4 * index,
    size: 4,
    bytes: new Uint8Array(4),
    text,
    relocations: [],
    normalised: text,
    inner: to === undefined ? undefined : 4 * (places.get(to) as number),
  }));
}

/** `test, je → test, jne` for each edit. */
function edits(pre: string, post: string): string[] {
  const [before, after] = [listing(pre), listing(post)];
  const words = (side: readonly Instruction[], from: number, to: number): string =>
    side
      .slice(from, to)
      .map(({ text }) => text)
      .join(", ");
  return differingInstructions(before, after).map(
    (edit) => `${words(before, edit.pre, edit.preEnd)} → ${words(after, edit.post, edit.postEnd)}`,
  );
}

describe("differing instructions", () => {
  it("are none where everything only moved", () => {
    expect(edits("je -> out\nmov\nout: ret", "je -> out\nmov\nout: ret")).toEqual([]);
  });

  it("are what was inserted, not the branch that jumps over it", () => {
    expect(edits("test\nje -> out\nmov\nout: ret", "test\nje -> out\nmov\nadd\nout: ret")).toEqual([" → add"]);
  });

  it("are branches that lead to another place, though the code is the same", () => {
    expect(edits("je -> a\nmov\na: add\nb: ret", "je -> b\nmov\na: add\nb: ret")).toEqual(["je → je"]);
  });

  it("are not the branches to a place before which code was put", () => {
    expect(edits("je -> out\nmov\nout: ret", "je -> out\nmov\nout: free\nret")).toEqual([" → free"]);
  });

  it("are the branches to code that was put before a place which others still reach", () => {
    const pre = "je -> out\njne -> out\nmov\nout: ret";
    const post = "je -> free\njne -> out\nmov\nfree: call\nout: ret";
    expect(edits(pre, post)).toEqual(["je → je", " → call"]);
  });

  it("tell equal branches apart by where they lead", () => {
    const pre = "a: push\nb: pop\nmov\njmp -> a\nlea\ncall\njmp -> b";
    const post = "a: push\nb: pop\nmov\njmp -> a";
    expect(edits(pre, post)).toEqual(["lea, call, jmp → "]);
  });

  it("are everything where one side is empty", () => {
    const code = listing("mov\nret");
    expect(differingInstructions(code, [])).toEqual([{ pre: 0, preEnd: 2, post: 0, postEnd: 0 }]);
    expect(differingInstructions([], [])).toEqual([]);
  });
});
