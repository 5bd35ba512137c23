import { describe, expect, it } from "vitest";
import { summaryOf, updateOf } from "../support/built-pair.ts";
import type { MachineName } from "../support/elf-description.ts";
import { type Part, section } from "../support/elf-parts.ts";

/*
 * __attribute__((section(NAME))) lets a user call a section anything. Flags say what is in it, whatever names of the
 * toolchain's or the kernel's it begins like.
 */

const MACHINES: readonly MachineName[] = ["x86_64", "i386", "aarch64", "arm", "ppc64", "s390x", "mips", "riscv64"];
const NAMES = [
  ...[".hash_seeds", ".dyn_limits", ".debug_hooks", ".got_text", ".got", ".plt_slots", ".plt", ".notes_x"],
  ...[".gnu.linkonce.x.v", ".ARM.__at_0x2000", ".comment", ".stab_x", ".llvm.x", ".gnu.x", ".MIPS.x", ".discarded"],
  ...["__versions_x", "__ksymtab_x", ".init.dataset", ".rodatas", ".data..percpus", ".sframes"],
];
const cases = NAMES.flatMap((name, index) =>
  MACHINES.filter((_, at) => at % 4 === index % 4).map((m) => [name, m] as const),
);

function summary(parts: (asm: string) => Part, machine: MachineName) {
  return summaryOf(updateOf([parts("01020304")], [parts("01020305")], { machine }));
}

describe("a section that a user named", () => {
  it.each(cases)("%s holds code, on %s", (name, machine) => {
    const part = (asm: string) =>
      section(name, asm, { flags: "AX", type: "progbits" }, [{ name: "f", type: "func", size: 4 }]);
    expect(summary(part, machine)).toMatchObject({ changed: ["f"] });
  });

  it.each(cases)("%s holds a variable, on %s", (name, machine) => {
    const part = (asm: string) =>
      section(name, asm, { flags: "WA", type: "progbits" }, [{ name: "v", type: "object", size: 4 }]);
    expect(summary(part, machine)).toMatchObject({ dataChanged: ["v"], findings: ["writable-data-changed"] });
  });

  it.each(cases)("%s holds a constant, on %s", (name, machine) => {
    const part = (asm: string) =>
      section(name, asm, { flags: "A", type: "progbits" }, [{ name: "v", type: "object", size: 4 }]);
    expect(summary(part, machine)).toMatchObject({ inPlace: ["v"] });
  });

  it("a constant in a section that the assembler took for a note is a constant", () => {
    const part = (asm: string) =>
      section(".notes_y", asm, { flags: "A", type: "note" }, [{ name: "v", type: "object", size: 4 }]);
    expect(summary(part, "x86_64")).toMatchObject({ inPlace: ["v"] });
  });
});
