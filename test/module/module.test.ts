import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { UpdateDescription } from "../../src/contract/description.ts";
import { SHF, SHN, SHT } from "../../src/elf/constants.ts";
import { type ElfObject, readObject } from "../../src/elf/object.ts";
import { toLinkForm, toLoadForm } from "../../src/module/forms.ts";
import { type LivepatchModule, livepatchModule } from "../../src/module/module.ts";
import { readSymvers } from "../../src/module/symvers.ts";
import { updateOf } from "../support/built-pair.ts";
import type { SymbolDescription } from "../support/elf-builder.ts";
import { data, type ElfExtra, type Part, section, strings, text } from "../support/elf-parts.ts";
import { needPrograms } from "../support/tools.ts";

const GLOBAL = { bind: "global" } as const;
/** A call of the tracer at entry, which is what livepatch needs. */
const TRACED = "e8 {PLT32 __fentry__-4}";

const PRE: readonly Part[] = [
  text("f", `${TRACED} e8 {PLT32 helper-4} e8 {PLT32 _printk-4} c3`),
  text("helper", `${TRACED} c3`),
  data("state", "01000000", {}),
  strings("before"),
];
const POST: readonly Part[] = [
  text(
    "f",
    `${TRACED} e8 {PLT32 helper-4} e8 {PLT32 _printk-4} 48c7c7 {32S .rodata.str1.1+0} ff05 {PC32 state-4} e8 {PLT32 fresh-4} c3`,
  ),
  text("fresh", `${TRACED} e8 {PLT32 secret-4} c3`),
  text("helper", `${TRACED} c3`),
  data("state", "01000000", {}),
  strings("before"),
];

const SYMVERS = readSymvers(
  "0x00000000\t_printk\tvmlinux\tEXPORT_SYMBOL\t\n0x1234abcd\tsecret\tdrivers/net/my-net\tEXPORT_SYMBOL_GPL\tNET_SECRET\n",
  "Module.symvers",
);

function moduleOf(
  update: UpdateDescription,
  exports?: typeof SYMVERS,
  positions: Record<string, number | null> = {},
): LivepatchModule {
  return livepatchModule(update, {
    file: "update.json",
    name: "lp",
    running: { exports, symposOf: (label) => (Object.hasOwn(positions, label) ? positions[label] : undefined) },
  });
}

function update(target = "vmlinux", post = POST, pre = PRE, extra: ElfExtra = {}): UpdateDescription {
  return updateOf(pre, post, extra, { contents: true, target });
}

function fileOf(module: LivepatchModule, name: string): string {
  return Buffer.from(module.files.find((file) => file.name === name)?.contents ?? []).toString();
}

function objectOf(module: LivepatchModule): ElfObject {
  return readObject(module.files[0]?.contents ?? new Uint8Array(0), "lp_new.o");
}

/** `section+offset → symbol+addend` of each record, by its table. */
function recordsOf(object: ElfObject): string[] {
  return object.sections
    .filter(({ type }) => type === SHT.RELA)
    .flatMap((table) => {
      const view = new DataView(table.bytes.buffer, table.bytes.byteOffset, table.bytes.byteLength);
      return Array.from({ length: table.size / 24 }, (_, i) => {
        const symbol = object.symbols[Number(view.getBigUint64(24 * i + 8, true) >> 32n)];
        const name = symbol?.type === 3 ? object.sections[symbol.section ?? 0]?.name : symbol?.name;
        return `${table.name}+${view.getBigUint64(24 * i, true)} → ${name}+${view.getBigInt64(24 * i + 16, true)}`;
      });
    })
    .sort();
}

describe("the object of a livepatch module", () => {
  it("has livepatch relocations for what is not exported, and ordinary ones for the rest", () => {
    expect(recordsOf(objectOf(moduleOf(update(), SYMVERS)))).toEqual([
      ".klp.rela.vmlinux.text.f+24 → .klp.sym.vmlinux.state,0+-4",
      ".klp.rela.vmlinux.text.f+6 → .klp.sym.vmlinux.helper,0+-4",
      ".rela.text.f+1 → __fentry__+-4",
      ".rela.text.f+11 → _printk+-4",
      ".rela.text.f+18 → .rodata.str1.1+0",
      ".rela.text.f+29 → fresh+-4",
      ".rela.text.fresh+1 → __fentry__+-4",
      ".rela.text.fresh+6 → secret+-4",
    ]);
  });

  it("asks livepatch for everything undefined where no exports are known", () => {
    const records = recordsOf(objectOf(moduleOf(update())));
    expect(records.filter((record) => record.startsWith(".klp"))).toEqual([
      ".klp.rela.vmlinux.text.f+11 → .klp.sym.vmlinux._printk,0+-4",
      ".klp.rela.vmlinux.text.f+24 → .klp.sym.vmlinux.state,0+-4",
      ".klp.rela.vmlinux.text.f+6 → .klp.sym.vmlinux.helper,0+-4",
      ".klp.rela.vmlinux.text.fresh+6 → .klp.sym.vmlinux.secret,0+-4",
    ]);
  });

  it("takes the export of a module from that module, and one of vmlinux as every module does", () => {
    const records = recordsOf(objectOf(moduleOf(update("mod"), SYMVERS)));
    expect(records).toContain(".klp.rela.mod.text.fresh+6 → .klp.sym.my_net.secret,0+-4");
    expect(records).toContain(".klp.rela.mod.text.f+6 → .klp.sym.mod.helper,0+-4");
    expect(records).toContain(".rela.text.f+11 → _printk+-4");
  });

  it("names the position that matching found among equal names", () => {
    const records = recordsOf(objectOf(moduleOf(update(), SYMVERS, { "helper<x.o>": 3 })));
    expect(records).toContain(".klp.rela.vmlinux.text.f+6 → .klp.sym.vmlinux.helper,3+-4");
  });

  it("marks livepatch sections and symbols as the kernel wants them", () => {
    const object = objectOf(moduleOf(update(), SYMVERS));
    const table = object.sections.find(({ name }) => name === ".klp.rela.vmlinux.text.f");
    expect(table).toMatchObject({ type: SHT.RELA, entsize: 24, addralign: 8 });
    expect(table?.flags).toBe(SHF.ALLOC | SHF.INFO_LINK | SHF.RELA_LIVEPATCH);
    expect(object.sections[table?.info ?? 0]?.name).toBe(".text.f");
    expect(object.sections[table?.link ?? 0]?.name).toBe(".symtab");
    const klp = object.symbols.filter(({ name }) => name.startsWith(".klp.sym."));
    expect(klp.map(({ name, shndx, bind }) => [name, shndx, bind])).toEqual([
      [".klp.sym.vmlinux.helper,0", SHN.LIVEPATCH, 1],
      [".klp.sym.vmlinux.state,0", SHN.LIVEPATCH, 1],
    ]);
  });

  it("leaves no bytes of a branch that the assembler had resolved: the loader of x86 wants zeros", () => {
    const names = (size: number): SymbolDescription[] => [
      { name: "stays", type: "func", value: 0, size: 6 },
      { name: "f", type: "func", bind: "global", value: 6, size },
    ];
    const pre = [section(".text", `${TRACED} c3 ${TRACED} e8f0ffffff c3`, {}, names(11))];
    const post = [section(".text", `${TRACED} c3 ${TRACED} 31c0 e8eeffffff 31c0 c3`, {}, names(15))];
    const object = objectOf(moduleOf(update("vmlinux", post, pre)));
    expect(recordsOf(object)).toContain(".klp.rela.vmlinux.text.f+8 → .klp.sym.vmlinux.stays,0+-4");
    const code = object.sections.find(({ name }) => name === ".text.f");
    expect(Buffer.from(code?.bytes ?? []).toString("hex")).toBe("e80000000031c0e80000000031c0c3");
  });

  it("tells the loader that it is a livepatch, and which namespaces it imports", () => {
    const info = objectOf(moduleOf(update(), SYMVERS)).sections.find(({ name }) => name === ".modinfo");
    expect(
      Buffer.from(info?.bytes ?? [])
        .toString()
        .split("\0"),
    ).toEqual(["license=GPL", "livepatch=Y", "name=lp", "import_ns=NET_SECRET", ""]);
  });

  it("is the same for the same update, byte for byte", () => {
    expect(moduleOf(update(), SYMVERS)).toEqual(moduleOf(update(), SYMVERS));
  });

  it("keeps what it says when it has gone through the form for a linker", () => {
    const object = objectOf(moduleOf(update(), SYMVERS));
    const linkForm = readObject(toLinkForm(object), "link.o");
    expect(linkForm.sections.some(({ name }) => name.startsWith(".klp"))).toBe(false);
    expect(linkForm.symbols.filter(({ shndx }) => shndx === SHN.LIVEPATCH)).toEqual([]);
    expect(
      linkForm.symbols.some(({ name, bind }) => name === ".klp.rela.vmlinux.klp.sym.vmlinux.helper,0" && bind === 2),
    ).toBe(true);
    expect(recordsOf(readObject(toLoadForm(linkForm).bytes, "load.o"))).toEqual(recordsOf(object));
  });

  it("survives a linker, which would spoil the form that the kernel loads", ({ skip }) => {
    needPrograms(skip, "ld", "readelf");
    const folder = mkdtempSync(join(tmpdir(), "elfsplice-module-"));
    try {
      const object = objectOf(moduleOf(update(), SYMVERS));
      writeFileSync(join(folder, "new.o"), toLinkForm(object));
      expect(spawnSync("ld", ["-r", "-o", "lp.ko", "new.o"], { cwd: folder, encoding: "utf8" })).toMatchObject({
        status: 0,
        stderr: "",
      });
      const linked = readFileSync(join(folder, "lp.ko"));
      const finished = toLoadForm(readObject(linked, "lp.ko"));
      expect(finished.relocations).toBe(2);
      expect(recordsOf(readObject(finished.bytes, "lp.ko"))).toEqual(recordsOf(object));
      writeFileSync(join(folder, "done.ko"), finished.bytes);
      const listing = spawnSync("readelf", ["-WSs", "done.ko"], { cwd: folder, encoding: "utf8" });
      expect(listing.stderr).toBe("");
      expect(listing.stdout).toMatch(/\.klp\.rela\.vmlinux\.text\.f +RELA .* AIo /);
      expect(listing.stdout).toMatch(/GLOBAL DEFAULT OS \[0xff20\] \.klp\.sym\.vmlinux\.helper,0/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the C file", () => {
  it("lists the functions of each object, and enables the patch", () => {
    expect(
      fileOf(moduleOf(update("mod"), SYMVERS, { "f<x.o>": 2, "helper<x.o>": 0 }), "lp_patch.c"),
    ).toMatchInlineSnapshot(`
      "// SPDX-License-Identifier: GPL-2.0
      /*
       * Livepatch module lp, made by elfsplice of the update c70eaf8d9a59.
       * To do or to know: mod: state<x.o>: local names, taken to be the only ones of that name; see match and --match
       */
      #include <linux/module.h>
      #include <linux/kernel.h>
      #include <linux/livepatch.h>

      /* mod */
      extern char elfsplice_new_0[]; /* f */

      static struct klp_func funcs_0[] = {
      	{
      		.old_name = "f",
      		.new_func = elfsplice_new_0,
      		.old_sympos = 2,
      	},
      	{ }
      };

      static struct klp_object objs[] = {
      	{
      		.name = "mod",
      		.funcs = funcs_0,
      	},
      	{ }
      };

      static struct klp_patch patch = {
      	.mod = THIS_MODULE,
      	.objs = objs,
      };

      static int __init lp_init(void)
      {
      	return klp_enable_patch(&patch);
      }

      static void __exit lp_exit(void)
      {
      }

      module_init(lp_init);
      module_exit(lp_exit);

      /* .modinfo (license, livepatch, import_ns) is in the object. */
      "
    `);
  });

  it("has the hooks of an update as callbacks", () => {
    const hook = section(".ksplice_call_pre_apply", "{64 before_it+0}");
    const post = [...POST, text("before_it", `${TRACED} 31c0 c3`), hook];
    const source = fileOf(moduleOf(update("vmlinux", post), SYMVERS), "lp_patch.c");
    expect(source).toContain("extern int elfsplice_hook_1(struct klp_object *obj);");
    expect(source).toContain(".pre_patch = pre_patch_0,");
    expect(source).toContain("\t\terr = elfsplice_hook_1(obj);");
  });

  it("tells the names that were taken to be the only ones", () => {
    expect(moduleOf(update(), SYMVERS).work).toEqual([
      "vmlinux: f<x.o>, helper<x.o>, state<x.o>: local names, taken to be the only ones of that name; see match and --match",
    ]);
  });
});

describe("what livepatch cannot carry is refused in one line", () => {
  it.each<{ name: string; pre?: readonly Part[]; post: readonly Part[]; target?: string; why: string }>([
    {
      name: "a function without an ftrace site",
      pre: [text("g", "31c0 c3", GLOBAL), ...PRE],
      post: [text("g", "31c0 90 c3", GLOBAL), ...PRE],
      why: "no-entry-hook: g has no ftrace site",
    },
    {
      name: "an error finding: live data with another initialiser",
      pre: PRE,
      post: [...POST.filter((part) => part !== POST[3]), data("state", "02000000")],
      why: "writable-data-changed",
    },
    {
      name: "a hook of a stage that livepatch does not have",
      post: [...POST, text("check", `${TRACED} 31c0 c3`), section(".ksplice_call_check_apply", "{64 check+0}")],
      why: "livepatch has no stage like checkApply",
    },
    {
      name: "a short jump to a function that stays, for which the module loader has no relocation",
      pre: [
        section(".text", `${TRACED} c3 ${TRACED} ebf3`, {}, [
          { name: "stays", type: "func", size: 6 },
          { name: "f", type: "func", bind: "global", value: 6, size: 7 },
        ]),
      ],
      post: [
        section(".text", `${TRACED} c3 ${TRACED} 31c0 ebf1`, {}, [
          { name: "stays", type: "func", size: 6 },
          { name: "f", type: "func", bind: "global", value: 6, size: 9 },
        ]),
      ],
      why: "short-branch",
    },
    {
      name: "a static key of a module, which the kernel reads too early",
      target: "mod",
      pre: [...PRE, section("__jump_table", "{PC32 f}{PC32 f+5}{PC64 key}", { flags: "WA" })],
      post: [...POST, section("__jump_table", "{PC32 f}{PC32 f+5}{PC64 key}", { flags: "WA" })],
      why: "static-key-elsewhere",
    },
  ])("$name", ({ pre = PRE, post, target = "vmlinux", why }) => {
    expect(() => moduleOf(update(target, post, pre), SYMVERS)).toThrow(why);
  });

  it("a description without contents", () => {
    expect(() => moduleOf(updateOf(PRE, POST), SYMVERS)).toThrow(
      "no contents of the code: make it with elfsplice diff --contents",
    );
  });

  it("an architecture whose kernel has no livepatch", () => {
    const arm = { machine: "arm" } as const;
    const made = updateOf([text("f", "00f020e3", GLOBAL)], [text("f", "0000a0e1", GLOBAL)], arm, { contents: true });
    expect(() => moduleOf({ ...made, findings: [], functions: [] })).toThrow(
      "no kernel of this architecture has livepatch",
    );
  });
});

describe("Module.symvers", () => {
  it("names the line that is none", () => {
    expect(() => readSymvers("0x1\tf\tvmlinux\tEXPORT_SYMBOL\nsome text\n", "S")).toThrow(
      /^S: line 2 is not a line of Module\.symvers/,
    );
  });

  it("tells whose export a symbol is, without folder and with the module's own spelling", () => {
    expect(SYMVERS.get("secret")).toEqual({
      name: "secret",
      module: "my_net",
      licence: "gpl",
      namespace: "NET_SECRET",
    });
  });
});
