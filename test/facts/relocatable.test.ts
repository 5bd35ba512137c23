import { describe, expect, it } from "vitest";
import { needPrograms } from "../support/tools.ts";
import { compareBuilds } from "./build.ts";

/* What a linker reads of an object beside the contents of its sections: flags, alignment, groups, order, names, attributes. */

const CODE = ".text\n.globl f\n.type f,@function\nf: movl $1,%eax\nret\n.size f,.-f\n";
const ARM = ".text\n.globl f\n.type f,%function\nf: bx lr\n.size f,.-f\n";
const RISCV = ".text\n.globl f\n.type f,@function\nf: ret\n.size f,.-f\n";

function data(section: string, more = ""): string {
  return `.section ${section}\n${more}\n.globl v\n.type v,@object\n.size v,8\nv: .quad 7\n`;
}

function grouped(signature: string, comdat = ",comdat"): string {
  return `.section .text.f,"axG",@progbits,${signature}${comdat}\n.weak f\n.type f,@function\nf: ret\n.size f,.-f\n`;
}

function array(section: string, first: string, second: string): string {
  const element = (name: string): string =>
    `.type ${name},@object\n.size ${name},8\n${name}: .quad ${name === "a" ? 1 : 2}\n`;
  return `.section ${section}\n${element(first)}${element(second)}`;
}

type Row = readonly [teaches: string, pre: string, post: string, tells: RegExp, assembler?: string];

/** A linker or what runs acts on them: errors. */
const CHANGED: readonly Row[] = [
  [
    "a stack that may be executed",
    `${CODE}.section .note.GNU-stack,""`,
    `${CODE}.section .note.GNU-stack,"x"`,
    /not executable becomes executable/,
  ],
  ["a stack of which nothing is said", `${CODE}.section .note.GNU-stack,""`, CODE, /becomes not asked for/],
  ["alignment of a variable", data(".data", ".balign 8"), data(".data", ".balign 64"), /alignment 8 becomes 64/],
  ["alignment of a constant", data(".rodata", ".balign 8"), data(".rodata", ".balign 64"), /alignment 8 becomes 64/],
  [
    "code that may be written",
    CODE.replace(".text", '.section .text.f,"ax"'),
    CODE.replace(".text", '.section .text.f,"awx"'),
    /sh_flags 0x6 becomes 0x7/,
  ],
  ["a section that a linker leaves out", data('.rodata.v,"a"'), data('.rodata.v,"ae"'), /sh_flags/],
  ["the signature of a group", grouped("one"), grouped("two"), /one \(COMDAT\) becomes two \(COMDAT\)/],
  [
    "a group that is not COMDAT any more",
    grouped("one"),
    grouped("one", ""),
    /one \(COMDAT\) becomes one \(not COMDAT\)/,
  ],
  ["the order of an array", array('probes,"aw"', "a", "b"), array('probes,"aw"', "b", "a"), /stand in another order/],
  [
    "a reference that may be absent",
    CODE.replace("ret", "call z\nret"),
    `.weak z\n${CODE.replace("ret", "call z\nret")}`,
    /becomes weak/,
  ],
  ["a name that others cannot link to", CODE, CODE.replace(".globl f\n", ""), /global becomes local/],
  ["the version of a name", `${CODE}.symver f,foo@V1\n`, `${CODE}.symver f,foo@V2\n`, /foo@V1 becomes foo@V2/],
  ["the size of a function", CODE, CODE.replace(".-f", "2"), /st_size of f 6 becomes 2/],
  [
    "an attribute of GNU's",
    `${CODE}.gnu_attribute 4,1\n`,
    `${CODE}.gnu_attribute 4,2\n`,
    /attribute gnu 4: 1 becomes 2/,
  ],
  [
    "the size of enumerations on Arm",
    `${ARM}.eabi_attribute 26,1\n`,
    `${ARM}.eabi_attribute 26,2\n`,
    /attribute aeabi 26: 1 becomes 2/,
    "arm-linux-gnueabihf-as",
  ],
  [
    "the alignment of the stack on RISC-V",
    `.attribute stack_align,16\n${RISCV}`,
    `.attribute stack_align,8\n${RISCV}`,
    /attribute riscv 4: 16 becomes 8/,
    "riscv64-linux-gnu-as",
  ],
  [
    "the order of functions that run at start",
    `${CODE}.section .init_array,"aw"\n.quad f\n.quad h\n`,
    `${CODE}.section .init_array,"aw"\n.quad h\n.quad f\n`,
    /^\.init_array lists functions/,
  ],
  [
    "an array with an element more",
    array('probes,"aw"', "a", "b"),
    `${array('probes,"aw"', "a", "b")}.quad 0\n`,
    /^probes: the array of this name has 24 bytes here, and had 16/,
  ],
  [
    "a weak name that calls go by",
    ".text\n.globl f\nf: call a@PLT\nret\n.weak a\n.globl b\na:\nb: ret\n",
    ".text\n.globl f\nf: call b@PLT\nret\n.weak a\n.globl b\na:\nb: ret\n",
    /it refers to b instead of a/,
  ],
];

/** Notes: nothing that runs depends on them. */
const NOTED: readonly Row[] = [
  ["alignment of code", `.text\n.balign 4\n${CODE}`, `.text\n.balign 64\n${CODE}`, /alignment 4 becomes 64/],
  [
    "a section that is not loaded",
    `${CODE}.section .own,""\n.long 1`,
    `${CODE}.section .own,""\n.long 2`,
    /^\.own: it is not loaded/,
  ],
  [
    "a section that is not loaded, and new",
    CODE,
    `${CODE}.section .own,""\n.long 2`,
    /^\.own: .*nothing becomes 4 bytes/,
  ],
  [
    "a warning for the linker to print",
    `${CODE}.section .gnu.warning.f,""\n.asciz "a"`,
    `${CODE}.section .gnu.warning.f,""\n.asciz "b"`,
    /gnu\.warning/,
  ],
  ["another name", CODE, `${CODE}.globl h\n.set h,f\n`, /^h: it is another name of f now/],
  ["a new number", CODE, `${CODE}.globl K\nK=5\n`, /^K: it is a new absolute symbol/],
  [
    "what the compiler was to aim at",
    `${ARM}.eabi_attribute 30,1\n`,
    `${ARM}.eabi_attribute 30,2\n`,
    /attribute aeabi 30/,
    "arm-linux-gnueabihf-as",
  ],
];

it("names of exports in another order are no fact: their table refers to each (skipped without an assembler)", async ({
  skip,
}) => {
  const program = "x86_64-linux-gnu-as";
  needPrograms(skip, program);
  const names = (...order: string[]): string =>
    `${CODE}.section __ksymtab_strings,"aMS",@progbits,1\n${order.map((name) => `n_${name}: .asciz "${name}"\n`).join("")}`;
  const build = (text: string) => ({ files: { "a.s": `${text}\n` }, program, args: ["a.s"] });
  const told = await compareBuilds(build(names("one", "two")), build(names("two", "one")));
  expect([told.codes, told.none]).toEqual([[], true]);
});

describe.each([
  { kind: "changed", rows: CHANGED },
  { kind: "noted", rows: NOTED },
])("$kind beside contents (skipped without an assembler)", ({ kind, rows }) => {
  it.for(rows)("%s", async ([_teaches, pre, post, tells, program = "x86_64-linux-gnu-as"], { skip }) => {
    needPrograms(skip, program);
    const build = (text: string) => ({ files: { "a.s": `${text}\n` }, program, args: ["a.s"] });
    const told = await compareBuilds(build(pre), build(post));
    expect(told.messages.filter((message) => tells.test(message))).not.toEqual([]);
    expect(told.codes).not.toContain("difference-unexplained");
    expect(told.none).toBe(kind === "noted");
  });
});
