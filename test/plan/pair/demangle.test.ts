import { describe, expect, it } from "vitest";
import { demangle } from "../../../src/plan/pair/demangle.ts";

describe("demangle", () => {
  it.each([
    ["_ZN5codec4DiskC1Eib", "codec::Disk::Disk(int, bool)", "Itanium C++: namespace, constructor, arguments"],
    ["_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write", "Rust legacy: the hash is not part of the name"],
    ["_RNvCs1234_7mycrate3foo", "mycrate::foo", "Rust v0: the crate's disambiguator is left out"],
  ])("%s is %s: %s", (mangled, readable) => {
    expect(demangle(mangled)).toBe(readable);
  });

  it.each(["main", "_start", "__pfx_f", "_Z", "", "_ZN"])("leaves %s alone: it is not a mangled name", (name) => {
    expect(demangle(name)).toBeUndefined();
  });

  it("survives a name made to exhaust the stack, and reads the next one", () => {
    demangle(`_Z${"1aI".repeat(100_000)}`);
    expect(demangle("_ZN5codec4DiskC1Eib")).toBe("codec::Disk::Disk(int, bool)");
  });
});
