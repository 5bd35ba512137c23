import type { BitRun, HowtoRole } from "../arch.ts";
import { absolute, type HowtoRow, hint, howtoTable, none, once, relative, runs } from "../howto.ts";

const tls = { role: "tls" } as const;

/** Immediates by instruction format, lowest bits first. RISC-V ISA manual, "Immediate Encoding Variants" and "RVC". */
const U = runs("31:12");
const I = runs("31:20");
const S = runs("11:7 31:25");
const B = runs("11:8 30:25 7 31");
const J = runs("30:21 20 19:12 31");
const CB = runs("4:3 11:10 2 6:5 12");
const CJ = runs("5:3 11 2 7 6 10:9 8 12");
const CI = runs("6:2 12");
/** jalr's 12 bits in the second word, then auipc's 20 in the first. */
const AUIPC_JALR = runs("63:52 31:12");

const insn = (type: number, bits: readonly BitRun[], role: HowtoRole): HowtoRow => ({
  type,
  size: 4,
  bits,
  signed: true,
  role,
  insn: true,
});
const high = (type: number, role: HowtoRole = "page"): HowtoRow => ({
  ...insn(type, U, role),
  rightshift: 12,
  rounding: 0x800n,
});
const pcHigh = (type: number, role: HowtoRole = "page"): HowtoRow => ({ ...high(type, role), pcrel: true });
const branch = (type: number, size: number, bits: readonly BitRun[]): HowtoRow => ({
  ...insn(type, bits, "branch"),
  size,
  rightshift: 1,
  pcrel: true,
});
const call = (type: number): HowtoRow => ({
  ...insn(type, AUIPC_JALR, "branch"),
  size: 8,
  pcrel: true,
  encoding: "paired",
  family: "R_RISCV_CALL",
});
/** ADD, SUB and SET change the field by a value: two records for one place make a difference of two symbols. */
const difference = (type: number, size: number, mask?: bigint): HowtoRow => ({
  type,
  size,
  role: "difference",
  ...(mask && { mask }),
});

/**
 * RISC-V ELF psABI, "Relocations"; names of types that it no longer lists are binutils'. A ULEB128 field has as many
 * bytes as its own continuation bits say: the row describes the first.
 */
export const riscvHowtos = once(() =>
  howtoTable({
    R_RISCV_NONE: none(0),
    R_RISCV_32: absolute(1, 4),
    R_RISCV_64: absolute(2, 8),
    R_RISCV_RELATIVE: absolute(3, 8),
    R_RISCV_COPY: { type: 4 },
    R_RISCV_JUMP_SLOT: absolute(5, 8, { role: "branch" }),
    R_RISCV_TLS_DTPMOD32: absolute(6, 4, tls),
    R_RISCV_TLS_DTPMOD64: absolute(7, 8, tls),
    R_RISCV_TLS_DTPREL32: absolute(8, 4, tls),
    R_RISCV_TLS_DTPREL64: absolute(9, 8, tls),
    R_RISCV_TLS_TPREL32: absolute(10, 4, tls),
    R_RISCV_TLS_TPREL64: absolute(11, 8, tls),
    R_RISCV_TLSDESC: absolute(12, 16, tls),
    R_RISCV_BRANCH: branch(16, 4, B),
    R_RISCV_JAL: branch(17, 4, J),
    R_RISCV_CALL: call(18),
    R_RISCV_CALL_PLT: call(19),
    R_RISCV_GOT_HI20: pcHigh(20, "got"),
    R_RISCV_TLS_GOT_HI20: pcHigh(21, "tls"),
    R_RISCV_TLS_GD_HI20: pcHigh(22, "tls"),
    R_RISCV_PCREL_HI20: pcHigh(23),
    R_RISCV_PCREL_LO12_I: insn(24, I, "low"),
    R_RISCV_PCREL_LO12_S: insn(25, S, "low"),
    R_RISCV_HI20: high(26),
    R_RISCV_LO12_I: insn(27, I, "low"),
    R_RISCV_LO12_S: insn(28, S, "low"),
    R_RISCV_TPREL_HI20: high(29, "tls"),
    R_RISCV_TPREL_LO12_I: insn(30, I, "tls"),
    R_RISCV_TPREL_LO12_S: insn(31, S, "tls"),
    R_RISCV_TPREL_ADD: hint(32),
    R_RISCV_ADD8: difference(33, 1),
    R_RISCV_ADD16: difference(34, 2),
    R_RISCV_ADD32: difference(35, 4),
    R_RISCV_ADD64: difference(36, 8),
    R_RISCV_SUB8: difference(37, 1),
    R_RISCV_SUB16: difference(38, 2),
    R_RISCV_SUB32: difference(39, 4),
    R_RISCV_SUB64: difference(40, 8),
    R_RISCV_GOT32_PCREL: relative(41, 4, { role: "got" }),
    R_RISCV_ALIGN: hint(43),
    R_RISCV_RVC_BRANCH: branch(44, 2, CB),
    R_RISCV_RVC_JUMP: branch(45, 2, CJ),
    R_RISCV_RVC_LUI: { ...high(46), size: 2, bits: CI },
    R_RISCV_GPREL_I: insn(47, I, "low"),
    R_RISCV_GPREL_S: insn(48, S, "low"),
    R_RISCV_TPREL_I: insn(49, I, "tls"),
    R_RISCV_TPREL_S: insn(50, S, "tls"),
    R_RISCV_RELAX: hint(51),
    R_RISCV_SUB6: difference(52, 1, 0x3fn),
    R_RISCV_SET6: difference(53, 1, 0x3fn),
    R_RISCV_SET8: difference(54, 1),
    R_RISCV_SET16: difference(55, 2),
    R_RISCV_SET32: difference(56, 4),
    R_RISCV_32_PCREL: relative(57, 4),
    R_RISCV_IRELATIVE: absolute(58, 8),
    R_RISCV_PLT32: relative(59, 4, { role: "branch", family: "R_RISCV_32_PCREL" }),
    R_RISCV_SET_ULEB128: difference(60, 1, 0x7fn),
    R_RISCV_SUB_ULEB128: difference(61, 1, 0x7fn),
    R_RISCV_TLSDESC_HI20: pcHigh(62, "tls"),
    R_RISCV_TLSDESC_LOAD_LO12: insn(63, I, "tls"),
    R_RISCV_TLSDESC_ADD_LO12: insn(64, I, "tls"),
    R_RISCV_TLSDESC_CALL: hint(65),
    R_RISCV_VENDOR: hint(191),
  }),
);
