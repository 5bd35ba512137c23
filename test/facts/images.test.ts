import { describe, expect, it } from "vitest";
import { sampled } from "../support/sample.ts";
import { isInstalled } from "../support/tools.ts";
import { compareBuilds } from "./build.ts";

/* Nothing in the contents of a linked image tells these: the linker is given other options, or names other versions. */

const SOURCE = "int f(int a) { return a + 1; }\nint g(int a) { return a * 3; }\nint main(void) { return f(g(2)); }\n";
const OTHER_VERSION = `__asm__(".symver f1,f@V1");__asm__(".symver f2,f@@V2");int f1(int a){return a+1;}int f2(int a){return a+2;}\n`;

interface Case {
  readonly teaches: string;
  readonly pre: readonly string[];
  readonly post: readonly string[];
  readonly tells: RegExp;
  /** Default: an error, so that `none` is not applicable. */
  readonly isNote?: true;
  readonly source?: readonly [string, string];
  /** Version scripts. */
  readonly map?: readonly [string, string];
}

const map = ["-Wl,--version-script=v.map"] as const;
const V1 = "V1 { global: f; g; local: *; };";

const SHARED: readonly Case[] = [
  {
    teaches: "the name under which it is found",
    pre: ["-Wl,-soname,a.1"],
    post: ["-Wl,-soname,a.2"],
    tells: /DT_SONAME: a\.1 becomes a\.2/,
  },
  {
    teaches: "where libraries are searched",
    pre: ["-Wl,-rpath,/a"],
    post: ["-Wl,-rpath,/b"],
    tells: /DT_RU?N?PATH: \/a becomes \/b/,
  },
  {
    teaches: "when functions are bound",
    pre: ["-Wl,-z,lazy"],
    post: ["-Wl,-z,now"],
    tells: /DT_FLAGS: nothing becomes 0x8/,
  },
  { teaches: "whether it stays loaded", pre: [], post: ["-Wl,-z,nodelete"], tells: /DT_FLAGS_1/ },
  {
    teaches: "the order in which libraries are searched for names",
    pre: ["-Wl,--no-as-needed", "-lm", "-lresolv"],
    post: ["-Wl,--no-as-needed", "-lresolv", "-lm"],
    tells: /DT_NEEDED: libm\S+, libresolv\S+, libc\S+ becomes libresolv/,
  },
  {
    teaches: "whether the stack may be executed",
    pre: ["-Wl,-z,noexecstack"],
    post: ["-Wl,-z,execstack"],
    tells: /PT_GNU_STACK\): rw- becomes rwx/,
  },
  {
    teaches: "what is sealed once it is relocated",
    pre: ["-Wl,-z,relro"],
    post: ["-Wl,-z,norelro"],
    tells: /PT_GNU_RELRO\) becomes rw-/,
  },
  {
    teaches: "what is called when it is loaded",
    pre: ["-Wl,-init,f"],
    post: ["-Wl,-init,g"],
    tells: /DT_INIT: f becomes g/,
  },
  {
    teaches: "the version of what it exports",
    pre: map,
    post: map,
    map: [V1, V1.replace("V1", "V2")],
    tells: /f@@V1 becomes f@@V2/,
  },
  {
    teaches: "an export that a version script hides",
    pre: map,
    post: map,
    map: [V1, V1.replace("g;", "")],
    tells: /^g: it is not an export any more/,
  },
  {
    teaches: "which version is the default one",
    pre: map,
    post: map,
    map: ["V1 { global: f; local: *; }; V2 { global: f; } V1;", "V1 { global: f; local: *; }; V2 { global: f; } V1;"],
    source: [OTHER_VERSION, OTHER_VERSION.replace("@@", "@").replace("f@V1", "f@@V1")],
    tells: /f@V1, f@@V2 becomes f@@V1, f@V2/,
  },
  {
    teaches: "a version that nothing has",
    pre: map,
    post: map,
    map: [V1, `${V1} V9 { } V1;`],
    tells: /version_d: nothing becomes V9 after V1/,
  },
  {
    teaches: "whether an import may be absent",
    pre: ["-Wl,-z,undefs"],
    post: ["-Wl,-z,undefs"],
    source: [
      "extern int h(int) __attribute__((weak));int f(int a){return h(a);}\n",
      "extern int h(int);int f(int a){return h(a);}\n",
    ],
    tells: /^h: the import becomes strong/,
  },
  {
    teaches: "which dynamic linkers can look its names up",
    pre: ["-Wl,--hash-style=gnu"],
    post: ["-Wl,--hash-style=both"],
    tells: /DT_HASH/,
  },
];

const PROGRAMS: readonly Case[] = [
  { teaches: "where the program begins", pre: ["-Wl,-e,f"], post: ["-Wl,-e,g"], tells: /e_entry\): f becomes g/ },
  {
    teaches: "the dynamic linker",
    pre: ["-Wl,-dynamic-linker,/lib/a"],
    post: ["-Wl,-dynamic-linker,/lib/b"],
    tells: /PT_INTERP\): \/lib\/a becomes \/lib\/b/,
  },
  {
    teaches: "an absolute symbol",
    pre: ["-Wl,--defsym=limit=5"],
    post: ["-Wl,--defsym=limit=6"],
    tells: /limit .*0x5 becomes 0x6/,
  },
  { teaches: "names that plug-ins look up", pre: [], post: ["-rdynamic"], tells: /becomes an export/ },
  {
    teaches: "the size of pages",
    pre: ["-Wl,-z,max-page-size=0x1000"],
    post: ["-Wl,-z,max-page-size=0x10000"],
    tells: /p_align/,
    isNote: true,
  },
];

function side({ source, map: maps }: Case, which: 0 | 1, args: readonly string[], kind: readonly string[]) {
  const files = { "a.c": source?.[which] ?? SOURCE, ...(maps === undefined ? {} : { "v.map": maps[which] }) };
  return { files, program: "gcc", args: ["-O2", ...kind, "a.c", ...args] };
}

async function compare(one: Case, kind: readonly string[]): Promise<void> {
  const { none, codes, messages } = await compareBuilds(side(one, 0, one.pre, kind), side(one, 1, one.post, kind));
  expect(messages.filter((message) => one.tells.test(message))).not.toEqual([]);
  expect(codes).not.toContain("difference-unexplained");
  expect(none).toBe(one.isNote ?? false);
}

describe.skipIf(!isInstalled("gcc"))("what a linked image tells the loader (skipped without gcc)", () => {
  it.each(sampled(SHARED, 3))("a shared object: $teaches", async (one) => {
    await compare(one, ["-fPIC", "-shared"]);
  });

  it.each(sampled(PROGRAMS, 3))("a program: $teaches", async (one) => {
    await compare(one, []);
  });

  it("the same options give no finding", async () => {
    const one: Case = { teaches: "", pre: [], post: [], tells: /^/ };
    const same = await compareBuilds(side(one, 0, [], ["-shared", "-fPIC"]), side(one, 1, [], ["-shared", "-fPIC"]));
    expect(same).toEqual({ none: true, codes: [], messages: [] });
  });
});
