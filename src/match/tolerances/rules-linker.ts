import type { SpanRelocation } from "../../spans/span.ts";
import { gotBase, isBareDisplacement } from "./got.ts";
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
  source: "System V ABI, AMD64 supplement, B.2 Optimize GOTPCRELX Relocations; Intel386 supplement, R_386_GOT32X",
  apply(site) {
    const { pre, at, run, index, insn, relocations } = site;
    const [relocation] = relocations;
    if (insn === undefined || relocation === undefined || relocation.howto.role !== "got") return undefined;
    const rex = (pre[at] as number) >> 4 === 4 && site.mode === 64 ? 1 : 0;
    const opcode = pre[at + rex] as number;
    const modrm = pre[at + rex + 1] as number;
    if (opcode === 0xff) return directJump(site, relocation, modrm);
    const isLea = opcode === 0x8b && run[index + rex] === 0x8d && run[index + rex + 1] === modrm;
    if (isLea && (rex === 0 || run[index] === pre[at])) {
      const meant = site.mode === 64 ? displaced(site, insn.length) : fromGot(site, insn.length);
      return meant === undefined ? undefined : direct(site, relocation, insn.length, meant);
    }
    const immediate = immediateForm(opcode, modrm, rex === 0 ? undefined : (pre[at] as number));
    const length = immediate?.length ?? 0;
    if (immediate?.every((byte, i) => run[index + i] === byte) !== true || length + 4 !== insn.length) return undefined;
    const value = BigInt(signedAt(run, index + length, 4));
    return direct(site, relocation, insn.length, BigInt.asUintN(site.mode, value));
  },
};

/** `call *slot` and `jmp *slot` become a call with a prefix, or one byte of filler behind it, and a jump with one. */
function directJump(site: Site, relocation: SpanRelocation, modrm: number): Step | undefined {
  const { run, index } = site;
  const digit = (modrm >> 3) & 7;
  if (digit !== 2 && digit !== 4) return undefined;
  const call = digit === 2;
  if (call && run[index] === 0x67 && run[index + 1] === 0xe8) return direct(site, relocation, 6, displaced(site, 6));
  const plain = run[index] === (call ? 0xe8 : 0xe9) && run[index + 5] === 0x90;
  return plain ? direct(site, relocation, 6, displaced(site, 5)) : undefined;
}

/** What `lea` adds to a register that holds the address of the GOT. */
function fromGot(site: Site, length: number): bigint | undefined {
  const base = gotBase(site.context, site.trial);
  if (base === undefined || isBareDisplacement(site.pre[site.at + 1])) return undefined;
  return BigInt.asUintN(site.mode, base + BigInt(signedAt(site.run, site.index + length - 4, 4)));
}

/** The bytes in front of the immediate that `mov`, `test` and the arithmetic instructions get instead of the slot. Intel SDM volume 2: REX.R becomes REX.B, as the register moves. */
function immediateForm(opcode: number, modrm: number, rex: number | undefined): readonly number[] | undefined {
  const register = (modrm >> 3) & 7;
  const prefix = rex === undefined ? [] : [(rex & ~5) | ((rex & 4) >> 2)];
  if (opcode === 0x8b) return [...prefix, 0xc7, 0xc0 | register];
  if (opcode === 0x85) return [...prefix, 0xf7, 0xc0 | register];
  return (opcode & 0xc7) === 0x03 ? [...prefix, 0x81, 0xc0 | (opcode & 0x38) | register] : undefined;
}

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

/** What the instruction in the run code says of a thread-local in its last four bytes: nothing, a distance, or where the slot with one is. */
type ThreadTail = "nothing" | "distance" | "slot";

/** What the linker makes of each access to a thread-local variable: bytes in hexadecimal, `.` for any digit. System V ABI, AMD64 supplement; Drepper, ELF Handling For Thread-Local Storage, 5. */
const TLS_FORMS: readonly { readonly pre: RegExp; readonly run: RegExp; readonly tail: ThreadTail }[] = [
  // General dynamic to local and to initial executable.
  { pre: /^66488d3d.{8}66(66)?48(e8|ff15).{8}/, run: /^64488b042500000000488d80.{8}/, tail: "distance" },
  { pre: /^66488d3d.{8}66(66)?48(e8|ff15).{8}/, run: /^64488b042500000000480305.{8}/, tail: "slot" },
  // Local dynamic to local executable: the thread pointer alone.
  { pre: /^488d3d.{8}e8.{8}/, run: /^66666664488b042500000000/, tail: "nothing" },
  { pre: /^488d3d.{8}ff15.{8}/, run: /^6666666664488b042500000000/, tail: "nothing" },
  // Descriptors.
  { pre: /^488d05.{8}/, run: /^48c7c0.{8}/, tail: "distance" },
  { pre: /^488d05.{8}/, run: /^488b05.{8}/, tail: "slot" },
  { pre: /^ff10/, run: /^6690/, tail: "nothing" },
];

/** `mov` and `add` of the slot to a register, and the forms with the distance itself. */
const INITIAL = /^(4[8c])(8b|03)([0-3][5d]).{8}/;
const LOCAL = /^(4[89d])(c7c|81c|8d[89ab])(.).{8}/;

/** Initial executable to local executable: the register must stay the same. */
function initialToLocal(preText: string, runText: string): boolean {
  const before = INITIAL.exec(preText);
  const after = LOCAL.exec(runText);
  if (before === null || after === null) return false;
  const register =
    (((Number.parseInt(before[1] as string, 16) & 4) << 1) | (Number.parseInt(before[3] as string, 16) >> 3)) & 15;
  const rex = Number.parseInt(after[1] as string, 16);
  const isMove = before[2] === "8b";
  const form = after[2] as string;
  const modrm = Number.parseInt(runText.slice(4, 6), 16);
  if (form.startsWith("8d")) {
    const [reg, rm] = [((rex & 4) << 1) | ((modrm >> 3) & 7), ((rex & 1) << 3) | (modrm & 7)];
    return !isMove && reg === register && rm === register;
  }
  return isMove === (form === "c7c") && (modrm & 0xf8) === 0xc0 && (((rex & 1) << 3) | (modrm & 7)) === register;
}

/** What the last four bytes of `length` bytes of run code say, as that of a relocation. */
function tailOf(
  site: Site,
  relocation: SpanRelocation | undefined,
  length: number,
  tail: ThreadTail,
): NonNullable<Step["thread"]> {
  if (tail === "nothing" || relocation === undefined) return [];
  const value = signedAt(site.run, site.index + length - 4, 4);
  if (tail === "distance") return [[relocation, { use: "tp", value: BigInt(value) }]];
  return [[relocation, { use: "slot", value: displaced(site, length) }]];
}

/** Accesses to thread-local variables. */
export const tlsRelaxation: Rule = {
  name: "tls-relaxation",
  why: "once the image is linked its own thread-local variables have fixed places: the linker writes a shorter access",
  source: "System V ABI, AMD64 supplement, section 4; ELF Handling For Thread-Local Storage, section 5",
  apply(site) {
    const { pre, at, run, index } = site;
    const fields = site.fields(at, at + 8);
    const field = fields.find(({ howto }) => howto.role === "tls");
    if (field === undefined && !fields.some(({ howto }) => howto.name.endsWith("TLSDESC_CALL"))) return undefined;
    const preText = Buffer.from(pre.subarray(at, at + 24)).toString("hex");
    const runText = Buffer.from(run.subarray(index, index + 24)).toString("hex");
    if (site.mode === 32) return ia32ThreadLocal(site, field, preText, runText);
    if (initialToLocal(preText, runText)) return { pre: 7, run: 7, thread: tailOf(site, field, 7, "distance") };
    for (const { pre: before, run: after, tail } of TLS_FORMS) {
      const [first, second] = [before.exec(preText)?.[0], after.exec(runText)?.[0]];
      if (first === undefined || second === undefined) continue;
      return { pre: first.length / 2, run: second.length / 2, thread: tailOf(site, field, second.length / 2, tail) };
    }
    return undefined;
  },
};

/** IA-32: `lea` of the descriptor's place, the call of ___tls_get_addr, and a no-op if the `lea` is short of a byte. */
const GENERAL_DYNAMIC = /^(8d041d.{8}e8.{8}|8d8[0-7].{8}(e8.{8}90|67e8.{8}|ff9[0-7].{8}))/;
/** `mov %gs:0,%eax; sub $offset,%eax`; `add` or `sub` of a slot instead of the constant. */
const THREAD_POINTER_LESS = /^65a10000000081e8.{8}/;
const THREAD_POINTER_SLOT = /^65a100000000(03|2b)8[0-7].{8}/;
/** The same for the module, and `mov %gs:0,%eax` with filler. */
const LOCAL_DYNAMIC = /^8d8[0-7].{8}(e8.{8}|67e8.{8}|ff9[0-7].{8})/;
const THREAD_POINTER = /^65a100000000(908d742600|8db600000000|8db42600000000|8d7600)/;

/** What the linker makes of accesses on IA-32. Intel386 supplement, "Thread-Local Storage"; ELF Handling For Thread-Local Storage, 5.2. */
function ia32ThreadLocal(
  site: Site,
  field: SpanRelocation | undefined,
  preText: string,
  runText: string,
): Step | undefined {
  const { pre, at, run, index, insn } = site;
  if (field === undefined) return undefined;
  const type = field.howto.name;
  const last = BigInt(signedAt(run, index + 8, 4));
  if (type === "R_386_TLS_GD" && GENERAL_DYNAMIC.test(preText)) {
    if (THREAD_POINTER_LESS.test(runText)) return { pre: 12, run: 12, thread: [[field, { use: "tp", value: -last }]] };
    const base = gotBase(site.context, site.trial);
    if (!THREAD_POINTER_SLOT.test(runText) || base === undefined) return undefined;
    return { pre: 12, run: 12, thread: [[field, { use: "slot", value: BigInt.asUintN(32, base + last) }]] };
  }
  if (type === "R_386_TLS_LDM") {
    const [before, after] = [LOCAL_DYNAMIC.exec(preText)?.[0], THREAD_POINTER.exec(runText)?.[0]];
    return before !== undefined && after !== undefined && before.length === after.length
      ? { pre: before.length / 2, run: after.length / 2 }
      : undefined;
  }
  if (insn === undefined || !/^R_386_TLS_(GOTIE|IE|IE_32)$/.test(type)) return undefined;
  const opcode = pre[at] as number;
  // mov of the absolute slot to %eax has a form of its own.
  const immediate = opcode === 0xa1 ? [0xb8] : immediateForm(opcode, pre[at + 1] as number, undefined);
  if (immediate?.every((byte, i) => run[index + i] === byte) !== true) return undefined;
  if (immediate.length + 4 !== insn.length) return undefined;
  const value = BigInt(signedAt(run, index + immediate.length, 4));
  const distance = type === "R_386_TLS_IE_32" ? -value : value;
  return { pre: insn.length, run: insn.length, thread: [[field, { use: "tp", value: distance }]] };
}
