import type { Hooks } from "../contract/code.ts";
import { append } from "../lists.ts";
import type { Alias } from "./links.ts";
import type { Change } from "./pieces.ts";

/** One function to redirect. */
export interface Redirected {
  readonly oldName: string;
  readonly sympos: number;
  readonly alias: string;
}

/** What the C file says of one patched object. */
export interface PatchedObject {
  readonly change: Change;
  readonly functions: readonly Redirected[];
  readonly callbacks: ReadonlyMap<Callback, readonly Alias[]>;
}

export type Callback = "pre_patch" | "post_patch" | "pre_unpatch" | "post_unpatch";

/** The hooks that livepatch has a stage for. Linux: include/linux/livepatch.h, struct klp_callbacks. */
export const CALLBACKS: ReadonlyMap<keyof Hooks, Callback> = new Map([
  ["preApply", "pre_patch"],
  ["postApply", "post_patch"],
  ["preReverse", "pre_unpatch"],
  ["postReverse", "post_unpatch"],
]);

/** The C file of a livepatch module. Names come from objects, so they are written as C strings; aliases are identifiers. */
export function moduleSource(
  name: string,
  update: string,
  objects: readonly PatchedObject[],
  work: readonly string[],
): string {
  const lines = [
    "// SPDX-License-Identifier: GPL-2.0",
    "/*",
    ` * Livepatch module ${name}, made by elfsplice of the update ${comment(update)}.`,
    ...work.map((line) => ` * To do or to know: ${comment(line)}`),
    " */",
    "#include <linux/module.h>",
    "#include <linux/kernel.h>",
    "#include <linux/livepatch.h>",
    "",
  ];
  for (const [i, object] of objects.entries()) append(lines, objectLines(i, object));
  lines.push("static struct klp_object objs[] = {");
  for (const [i, { change, callbacks }] of objects.entries()) {
    lines.push("\t{");
    lines.push(
      change.target === "vmlinux" ? "\t\t/* .name is NULL for vmlinux */" : `\t\t.name = ${cString(change.target)},`,
    );
    lines.push(`\t\t.funcs = funcs_${i},`);
    if (callbacks.size > 0) {
      lines.push("\t\t.callbacks = {");
      for (const callback of callbacks.keys()) lines.push(`\t\t\t.${callback} = ${callback}_${i},`);
      lines.push("\t\t},");
    }
    lines.push("\t},");
  }
  lines.push(
    "\t{ }",
    "};",
    "",
    "static struct klp_patch patch = {",
    "\t.mod = THIS_MODULE,",
    "\t.objs = objs,",
    "};",
    "",
    `static int __init ${name}_init(void)`,
    "{",
    "\treturn klp_enable_patch(&patch);",
    "}",
    "",
    `static void __exit ${name}_exit(void)`,
    "{",
    "}",
    "",
    `module_init(${name}_init);`,
    `module_exit(${name}_exit);`,
    "",
    "/* .modinfo (license, livepatch, import_ns) is in the object. */",
    "",
  );
  return lines.join("\n");
}

function objectLines(index: number, { change, functions, callbacks }: PatchedObject): string[] {
  const lines = [`/* ${comment(change.target)} */`];
  for (const { alias, oldName } of functions) lines.push(`extern char ${alias}[]; /* ${comment(oldName)} */`);
  for (const [callback, aliases] of callbacks) {
    const type = callback === "pre_patch" ? "int" : "void";
    for (const { alias } of aliases) lines.push(`extern ${type} ${alias}(struct klp_object *obj);`);
  }
  lines.push("", `static struct klp_func funcs_${index}[] = {`);
  for (const { alias, oldName, sympos } of functions) {
    lines.push("\t{", `\t\t.old_name = ${cString(oldName)},`, `\t\t.new_func = ${alias},`);
    if (sympos !== 0) lines.push(`\t\t.old_sympos = ${sympos},`);
    lines.push("\t},");
  }
  lines.push("\t{ }", "};", "");
  for (const [callback, aliases] of callbacks) append(lines, callbackLines(callback, index, aliases));
  return lines;
}

/** livepatch calls one function at each stage; an update may have several. */
function callbackLines(callback: Callback, index: number, aliases: readonly Alias[]): string[] {
  if (callback !== "pre_patch")
    return [
      `static void ${callback}_${index}(struct klp_object *obj)`,
      "{",
      ...aliases.map(({ alias }) => `\t${alias}(obj);`),
      "}",
      "",
    ];
  return [
    `static int ${callback}_${index}(struct klp_object *obj)`,
    "{",
    "\tint err = 0;",
    "",
    ...aliases.flatMap(({ alias }) => ["\tif (!err)", `\t\terr = ${alias}(obj);`]),
    "\treturn err;",
    "}",
    "",
  ];
}

/** A text that neither ends a comment nor a line. */
function comment(text: string): string {
  return printable(text).replaceAll("*/", "* /").replaceAll("/*", "/ *");
}

/** A C string of these bytes: what is neither letter, digit nor plain punctuation is written as three octal digits. */
function cString(text: string): string {
  const bytes = [...Buffer.from(text, "utf8")];
  return `"${bytes.map((byte) => (/[\w.$ +:<>@-]/.test(String.fromCharCode(byte)) && byte < 0x7f ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`)).join("")}"`;
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}

/** The Makefile: kbuild's part, and what calls kbuild and finishes the module after it. Linux: Documentation/kbuild/modules.rst. */
export function moduleMakefile(name: string): string {
  return `# Makes ${name}.ko: make KDIR=<kernel build> [ELFSPLICE=<program>]
ELFSPLICE ?= elfsplice
export ELFSPLICE

ifneq ($(KERNELRELEASE),)

obj-m := ${name}.o
${name}-y := ${name}_patch.o ${name}_new.o
targets += ${name}_new.o

# A linker keeps no livepatch relocations, so it gets the object in another form; objtool, where there is one, adds what unwinds it.
quiet_cmd_klp_object = KLP     $@
      cmd_klp_object = $(ELFSPLICE) module --for-linker $< -o $@ $(cmd_objtool)

$(obj)/${name}_new.o: $(src)/${name}_new.o_shipped FORCE
	$(call if_changed,klp_object)

else

KDIR ?= /lib/modules/$(shell uname -r)/build

modules:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules
	$(ELFSPLICE) module --finish ${name}.ko -o ${name}.ko

clean:
	$(MAKE) -C $(KDIR) M=$(CURDIR) clean

.PHONY: modules clean

endif
`;
}
