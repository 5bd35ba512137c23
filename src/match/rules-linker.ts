import type { SpanRelocation } from "../spans/span.ts";
import type { Rule } from "./rules.ts";
import { runAddressOf, type Site, type Step, signedAt } from "./site.ts";

/** The step of a rule that found out what the one relocation of an instruction stands for. */
function direct(site: Site, relocation: SpanRelocation, run: number, meant: bigint): Step {
  const insn = site.insn?.length ?? 0;
  return { pre: insn, run, meant: [[relocation, meant + relocation.targetAddend]] };
}

/** The place that a 32-bit displacement which ends an instruction of `length` bytes leads to. */
function displaced(site: Site, length: number, fieldEnd = length): bigint {
  return runAddressOf(site, site.runAt + length + signedAt(site.run, site.index + fieldEnd - 4, 4));
}

/** References through the GOT that the linker made direct. */
export const gotRelaxation: Rule = {
  name: "got-relaxation",
  why: "a reference through the GOT to what is in the same image needs no GOT: the linker rewrites it",
  source: "System V ABI, AMD64 supplement, B.2 Optimize GOTPCRELX Relocations",
  apply(site) {
    const { pre, at, run, index, insn, relocations } = site;
    const [relocation] = relocations;
    if (insn === undefined || relocation === undefined || relocation.howto.role !== "got") return undefined;
    const rex = (pre[at] as number) >> 4 === 4 && site.mode === 64 ? 1 : 0;
    const opcode = pre[at + rex] as number;
    const modrm = pre[at + rex + 1] as number;
    if (opcode === 0xff) {
      const call = (modrm & 0x38) === 0x10;
      if (call && run[index] === 0x67 && run[index + 1] === 0xe8)
        return direct(site, relocation, 6, displaced(site, 6));
      const plain = run[index] === (call ? 0xe8 : 0xe9) && run[index + 5] === 0x90;
      return plain ? direct(site, relocation, 6, displaced(site, 5)) : undefined;
    }
    if (opcode === 0x8b && run[index + rex] === 0x8d && run[index + rex + 1] === modrm) {
      return direct(site, relocation, insn.length, displaced(site, insn.length));
    }
    const immediate = [0xc7, 0xf7, 0x81].includes(run[index + rex] as number);
    if (!immediate || site.runInsn?.length !== insn.length + 0) return undefined;
    return direct(
      site,
      relocation,
      insn.length,
      BigInt.asUintN(site.mode, BigInt(signedAt(run, index + insn.length - 4, 4))),
    );
  },
};

/** `call` that the linker or the kernel lengthened by a prefix. */
export const plainCall: Rule = {
  name: "addr32-call",
  why: "a call keeps its length when a prefix without meaning stands before it",
  source: "System V ABI, AMD64 supplement, B.2: addr32 call",
  apply(site) {
    const { pre, at, run, index, relocations } = site;
    const [relocation] = relocations;
    if (relocation === undefined || relocation.howto.role !== "branch") return undefined;
    if (pre[at] === 0xe8 && run[index] === 0x67 && run[index + 1] === 0xe8) {
      return { pre: 5, run: 6, meant: [[relocation, displaced(site, 6)]] };
    }
    if (pre[at] === 0x67 && pre[at + 1] === 0xe8 && run[index] === 0xe8) {
      return { pre: 6, run: 5, meant: [[relocation, displaced(site, 5)]] };
    }
    return undefined;
  },
};

/** What the linker makes of each access to a thread-local variable: bytes in hexadecimal, `.` for any digit. System V ABI, AMD64 supplement; Drepper, ELF Handling For Thread-Local Storage, 5. */
const TLS_FORMS: readonly { readonly pre: RegExp; readonly run: RegExp }[] = [
  // General dynamic to initial or local executable.
  { pre: /^66488d3d.{8}66(66)?48(e8|ff15).{8}/, run: /^64488b042500000000(488d80|480305).{8}/ },
  // Local dynamic to local executable.
  { pre: /^488d3d.{8}e8.{8}/, run: /^66666664488b042500000000/ },
  { pre: /^488d3d.{8}ff15.{8}/, run: /^6666666664488b042500000000/ },
  // Initial executable to local executable.
  { pre: /^4[8c]8b[0-3][5d].{8}/, run: /^4[89]c7c..{8}/ },
  { pre: /^4[8c]03[0-3][5d].{8}/, run: /^4[89d](81c.|8d..).{8}/ },
  // Descriptors.
  { pre: /^488d05.{8}/, run: /^(48c7c0|488b05).{8}/ },
  { pre: /^ff10/, run: /^6690/ },
];

/** Accesses to thread-local variables. */
export const tlsRelaxation: Rule = {
  name: "tls-relaxation",
  why: "once the image is linked its own thread-local variables have fixed places: the linker writes a shorter access",
  source: "System V ABI, AMD64 supplement, section 4; ELF Handling For Thread-Local Storage, section 5",
  apply(site) {
    const { relocations, pre, at, run, index } = site;
    if (!site.fields(at, at + 8).some(({ howto }) => howto.role === "tls" || howto.name.endsWith("TLSDESC_CALL"))) {
      return relocations.length === 0 ? undefined : undefined;
    }
    const preText = Buffer.from(pre.subarray(at, at + 24)).toString("hex");
    const runText = Buffer.from(run.subarray(index, index + 24)).toString("hex");
    for (const form of TLS_FORMS) {
      const before = form.pre.exec(preText);
      const after = form.run.exec(runText);
      if (before !== null && after !== null) return { pre: before[0].length / 2, run: after[0].length / 2 };
    }
    return undefined;
  },
};
