import { describe, expect, it } from "vitest";
import {
  isAnonymousName,
  numberedBase,
  parentFunction,
  prefixedFunction,
  sourceFunction,
  withoutCloneNumbers,
} from "../../src/spans/names.ts";

describe("function names and what compilers append", () => {
  /** Name; without the clone's number; as in the source; the function it was cut from. */
  const cases: [string, string, string, string | undefined][] = [
    ["f", "f", "f", undefined],
    ["f.isra.0", "f.isra.*", "f", undefined],
    ["f.isra.12", "f.isra.*", "f", undefined],
    ["f.constprop.3", "f.constprop.*", "f", undefined],
    ["f.part.1", "f.part.*", "f", "f"],
    ["f.simdclone.2", "f.simdclone.*", "f", undefined],
    ["f.isra.0.constprop.1", "f.isra.*.constprop.*", "f", undefined],
    ["f.isra.0.part.4", "f.isra.*.part.*", "f", "f.isra.0"],
    ["f.part.0.isra.7", "f.part.*.isra.*", "f", undefined],
    ["f.cold", "f.cold", "f", "f"],
    ["f.cold.5", "f.cold", "f", "f"],
    ["f.isra.0.cold", "f.isra.*.cold", "f", "f.isra.0"],
    ["f.isra.0.cold.3", "f.isra.*.cold", "f", "f.isra.0"],
    ["f.part.2.cold", "f.part.*.cold", "f", "f.part.2"],
    ["f.lto_priv.0", "f", "f", undefined],
    ["f.lto_priv.0.isra.1", "f.isra.*", "f", undefined],
    ["f.llvm.1234567890123456789", "f", "f", undefined],
    ["f.llvm.ABCDEF0123456789", "f", "f", undefined],
    ["f.llvm.123.cold", "f.cold", "f", "f.llvm.123"],
    ["f.coldish", "f.coldish", "f.coldish", undefined],
    ["f.partial.1", "f.partial.1", "f.partial.1", undefined],
    ["cold", "cold", "cold", undefined],
  ];
  it.each(cases)("%s", (name, unnumbered, source, parent) =>
    expect([withoutCloneNumbers(name), sourceFunction(name), parentFunction(name)]).toEqual([
      unnumbered,
      source,
      parent,
    ]),
  );
});

describe("numberedBase: names whose tail is only the compiler's count", () => {
  const cases: [string, string | undefined][] = [
    ["counter", undefined],
    ["counter.3", "counter"],
    ["counter.123456", "counter"],
    ["C.1.2", "C"],
    ["counter.3.llvm", undefined],
    ["v1", undefined],
    ["v.1a", undefined],
    ["__func__.0", "__func__"],
    ["__PRETTY_FUNCTION__.5", "__PRETTY_FUNCTION__"],
    ["CSWTCH.14", "CSWTCH"],
    ["__key.17", "__key"],
    ["__already_done.0", "__already_done"],
    ["descriptor.2", "descriptor"],
    ["__UNIQUE_ID_ddebug12", "__UNIQUE_ID_ddebug*"],
    ["__UNIQUE_ID_ddebug12.4", "__UNIQUE_ID_ddebug*"],
    ["__UNIQUE_ID___addressable_init_module123", "__UNIQUE_ID___addressable_init_module*"],
    ["__UNIQUE_ID_license_456", "__UNIQUE_ID_license*"],
    ["__initcall__kmod_loop__215_2345_loop_init6", "__initcall__kmod_loop__*_loop_init6"],
    [".Lubsan_data12", ".Lubsan_*"],
    [".L__unnamed_7", undefined],
    [".LASAN0", ".LASAN*"],
    [".LASANPC123", ".LASANPC*"],
    ["", undefined],
    [".5", undefined],
  ];
  it.each(cases)("%s", (name, base) => {
    // What the assembler numbered is told by the prefix; how it is written does not matter as long as it is one.
    if (name.startsWith(".L")) expect(numberedBase(name)).toBe(numberedBase(name.replace(/\d+/, "99")));
    else expect(numberedBase(name)).toBe(base);
  });

  it("two different things never share a base", () => {
    const names = [
      "__UNIQUE_ID_ddebug1",
      "__UNIQUE_ID_license1",
      "counter.1",
      "total.1",
      "__initcall__kmod_a__1_2_f6",
      "__initcall__kmod_a__1_2_g6",
    ];
    expect(new Set(names.map(numberedBase)).size).toBe(names.length);
  });

  it("two addressables whose own names contain digits are different things", () => {
    expect(numberedBase("__UNIQUE_ID___addressable_crc32_init9")).not.toBe(
      numberedBase("__UNIQUE_ID___addressable_crc64_exit9"),
    );
    expect(numberedBase("__UNIQUE_ID___addressable_md4_init100")).toBe(
      numberedBase("__UNIQUE_ID___addressable_md4_init101"),
    );
  });
});

describe("small questions", () => {
  it.each([
    ["", true],
    [".LC0", true],
    [".L__unnamed_1", true],
    ["L1", false],
    ["f", false],
  ])("isAnonymousName(%j) is %s", (name, is) => expect(isAnonymousName(name)).toBe(is));
  it.each([
    ["__pfx_f", "f"],
    ["__cfi_f", "f"],
    ["__pfx_", undefined],
    ["__pfxf", undefined],
    ["pfx_f", undefined],
  ])("prefixedFunction(%s) is %s", (name, of) => expect(prefixedFunction(name)).toBe(of));
});
