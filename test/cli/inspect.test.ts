import { describe, expect, it } from "vitest";
import { linesOf, useProgram } from "./program.ts";

const { run } = useProgram();
const loop = "fixtures/loop-driver/ioctl/pre.o";

interface Named {
  readonly name: string;
}

describe("inspect", () => {
  it("prints for a person what is in an object", () => {
    const { status, stdout, stderr } = run(["inspect", loop]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(linesOf(stdout)[0]).toContain(`${loop}: x86_64`);
    for (const name of ["lo_ioctl", "lo_fops", "loop_init", ".init.text"]) expect(stdout).toContain(name);
  });

  it("prints the same as JSON", () => {
    const { status, stdout } = run(["inspect", loop, "--format", "json"]);
    expect(status).toBe(0);
    const inspection = JSON.parse(stdout) as { functions: Named[]; data: Named[]; arch: Named };
    expect(inspection.arch.name).toBe("x86_64");
    const names = ["lo_ioctl", "lo_open", "lo_release", "loop_init", "loop_limit"];
    expect(inspection.functions.map(({ name }) => name).sort()).toEqual(names);
    expect(inspection.data.map(({ name }) => name)).toContain("lo_fops");
  });

  it("--function shows one function with its bytes and relocations, by name or by label", () => {
    const byName = run(["inspect", loop, "--function", "lo_ioctl"]);
    expect(byName.status).toBe(0);
    expect(byName.stdout).toMatch(/R_X86_64_PLT32\s+mutex_lock/);
    expect(byName.stdout).not.toContain("lo_open<");
    const label = /^lo_ioctl<.*>$/m.exec(byName.stdout)?.[0] as string;
    expect(run(["inspect", loop, "--function", label]).stdout).toBe(byName.stdout);
  });

  it("--function with a name that no function has: one line, status 2", () => {
    const { status, stdout, stderr } = run(["inspect", loop, "--function", "lo_fops"]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    const problem = `elfsplice: ${loop}: no function is called "lo_fops"`;
    expect(linesOf(stderr)).toEqual([expect.stringContaining(problem)]);
  });
});
