import { describe, expect, it } from "vitest";
import { looksUpName } from "../../src/apply/lookups.ts";
import { readProgram } from "../../src/apply/program.ts";
import { buildElf, type MachineName } from "../support/elf-builder.ts";

/** A program whose dynamic section, of 64-bit entries, has one tag. */
function program(machine: MachineName, tag: number): ReturnType<typeof readProgram> {
  const content = new Uint8Array(32);
  const isLittle = machine !== "s390x" && machine !== "mips64";
  new DataView(content.buffer).setBigUint64(0, BigInt(tag), isLittle);
  const bytes = buildElf({
    machine,
    type: "dyn",
    sections: [
      { name: ".text", code: new Uint8Array(16), addr: 0x1000 },
      { name: ".dynamic", type: "dynamic", flags: "WA", content, addr: 0x2000 },
    ],
    segments: [{ section: ".text", vaddr: 0x1000, flags: 5 }],
  });
  return readProgram(bytes, "program");
}

const NEEDED = 1;
const DEBUG = 21;

describe("a name that a program did not need before", () => {
  it.each<[what: string, machine: MachineName, tag: number, name: string, isLookedUp: boolean]>([
    ["a function of a library", "x86_64", NEEDED, "rand", true],
    ["the same with the other byte order", "s390x", NEEDED, "rand", true],
    ["a function that asks for thread-locals", "ppc64le", NEEDED, "__tls_get_addr", true],
    ["what a fortified call becomes", "x86_64", NEEDED, "__printf_chk", true],
    ["where no library is needed, as in a static program that moves", "x86_64", DEBUG, "rand", false],
    ["where symbols belong to slots", "mips64", NEEDED, "rand", false],
    ["a division that the compiler calls", "x86_64", NEEDED, "__udivti3", false],
    ["an atomic operation", "x86_64", NEEDED, "__atomic_load_16", false],
    ["the GOT", "x86_64", NEEDED, "_GLOBAL_OFFSET_TABLE_", false],
    ["what saves registers, which the linker makes", "ppc64le", NEEDED, "_savegpr0_26", false],
  ])("%s: %s", (_what, machine, tag, name, isLookedUp) => {
    expect(looksUpName(program(machine, tag), name)).toBe(isLookedUp);
  });
});
