import type { BitRun, HowtoRole } from "../arch.ts";
import { absolute, type HowtoRow, hint, howtoTable, none, once, relative, runs } from "../howto.ts";

const tls = { role: "tls" } as const;
const got = { role: "got" } as const;
const obsolete = (type: number): HowtoRow => ({ type });

/** Arm encodings (A32), lowest bits of the immediate first. */
const IMM24 = runs("23:0");
const MOVW = runs("11:0 19:16");
/** The last run of these is the U bit: add or subtract. */
const LDR = runs("11:0 23");
const LDRS = runs("3:0 11:8 23");
const LDC = runs("7:0 23");
/** A modified immediate, and what tells ADD from SUB. */
const ALU = runs("11:0 23:22");

/** Thumb encodings (T32): the first halfword is bits 0 to 15, the second bits 16 to 31. */
const BL = runs("26:16 9:0 27 29 10");
const B_COND = runs("26:16 5:0 29 27 10");
const T_MOVW = runs("23:16 30:28 10 3:0");
const T_ADR = runs("23:16 30:28 10");
const T_LDR = runs("27:16 7");
const CBZ = runs("7:3 9");
const branchFuture = (high: number): readonly BitRun[] => runs(`26:17 27 ${high}:0`);

const arm = (type: number, bits: readonly BitRun[], role: HowtoRole): HowtoRow => ({
  type,
  size: 4,
  bits,
  role,
  insn: true,
});
const thumb = (type: number, bits: readonly BitRun[], role: HowtoRole): HowtoRow => ({
  ...arm(type, bits, role),
  unit: 2,
});
const thumb16 = (type: number, bits: readonly BitRun[], rightshift: number, role: HowtoRole): HowtoRow => ({
  type,
  size: 2,
  bits,
  rightshift,
  role,
  insn: true,
});
const pc = (row: HowtoRow): HowtoRow => ({ ...row, pcrel: true });
const jump = (row: HowtoRow): HowtoRow => ({ ...pc(row), signed: true, rightshift: row.rightshift ?? 1 });

const branch24 = (type: number, role: HowtoRole = "branch"): HowtoRow =>
  jump({ ...arm(type, IMM24, role), rightshift: 2 });
const call24 = (type: number): HowtoRow => ({ ...branch24(type), family: "R_ARM_CALL" });
const thumbCall = (type: number, role: HowtoRole = "branch"): HowtoRow => ({
  ...jump(thumb(type, BL, role)),
  encoding: "thumb-branch",
});
const movw = (type: number): HowtoRow => ({ ...arm(type, MOVW, "low"), signed: true });
const movt = (type: number): HowtoRow => ({ ...arm(type, MOVW, "page"), signed: true, rightshift: 16 });
const thumbMovw = (type: number): HowtoRow => ({ ...thumb(type, T_MOVW, "low"), signed: true });
const thumbMovt = (type: number): HowtoRow => ({ ...thumb(type, T_MOVW, "page"), signed: true, rightshift: 16 });
const ldr = (type: number): HowtoRow => ({ ...arm(type, LDR, "address"), encoding: "up-down" });
const ldrs = (type: number): HowtoRow => ({ ...arm(type, LDRS, "address"), encoding: "up-down" });
const ldc = (type: number): HowtoRow => ({ ...arm(type, LDC, "address"), encoding: "up-down", rightshift: 2 });
const alu = (type: number): HowtoRow => ({ ...arm(type, ALU, "address"), encoding: "arm-immediate" });
const imm12 = (type: number, role: HowtoRole): HowtoRow => arm(type, runs("11:0"), role);

/** ELF for the Arm Architecture (AAELF32), "Relocation codes table"; names as binutils prints them. */
export const armHowtos = once(() =>
  howtoTable({
    R_ARM_NONE: none(0),
    R_ARM_PC24: branch24(1),
    R_ARM_ABS32: absolute(2, 4),
    R_ARM_REL32: relative(3, 4),
    R_ARM_LDR_PC_G0: pc(ldr(4)),
    R_ARM_ABS16: absolute(5, 2),
    R_ARM_ABS12: imm12(6, "address"),
    R_ARM_THM_ABS5: thumb16(7, runs("10:6"), 2, "address"),
    R_ARM_ABS8: absolute(8, 1),
    R_ARM_SBREL32: absolute(9, 4),
    R_ARM_THM_CALL: thumbCall(10),
    R_ARM_THM_PC8: pc(thumb16(11, runs("7:0"), 2, "address")),
    R_ARM_BREL_ADJ: absolute(12, 4),
    R_ARM_TLS_DESC: absolute(13, 8, tls),
    R_ARM_THM_SWI8: thumb16(14, runs("7:0"), 0, "other"),
    R_ARM_XPC25: branch24(15),
    R_ARM_THM_XPC22: thumbCall(16),
    R_ARM_TLS_DTPMOD32: absolute(17, 4, tls),
    R_ARM_TLS_DTPOFF32: absolute(18, 4, tls),
    R_ARM_TLS_TPOFF32: absolute(19, 4, tls),
    R_ARM_COPY: { type: 20 },
    R_ARM_GLOB_DAT: absolute(21, 4),
    R_ARM_JUMP_SLOT: absolute(22, 4, { role: "branch" }),
    R_ARM_RELATIVE: absolute(23, 4),
    R_ARM_GOTOFF32: absolute(24, 4),
    R_ARM_BASE_PREL: relative(25, 4),
    R_ARM_GOT_BREL: absolute(26, 4, got),
    R_ARM_PLT32: call24(27),
    R_ARM_CALL: call24(28),
    R_ARM_JUMP24: branch24(29),
    R_ARM_THM_JUMP24: thumbCall(30),
    R_ARM_BASE_ABS: absolute(31, 4),
    R_ARM_ALU_PCREL7_0: pc(imm12(32, "address")),
    R_ARM_ALU_PCREL15_8: pc(imm12(33, "address")),
    R_ARM_ALU_PCREL23_15: pc(imm12(34, "address")),
    R_ARM_LDR_SBREL_11_0: imm12(35, "address"),
    R_ARM_ALU_SBREL_19_12: imm12(36, "address"),
    R_ARM_ALU_SBREL_27_20: imm12(37, "address"),
    R_ARM_TARGET1: absolute(38, 4),
    R_ARM_SBREL31: absolute(39, 4, { mask: 0x7fffffffn }),
    R_ARM_V4BX: hint(40),
    R_ARM_TARGET2: relative(41, 4, got),
    R_ARM_PREL31: relative(42, 4, { mask: 0x7fffffffn }),
    R_ARM_MOVW_ABS_NC: movw(43),
    R_ARM_MOVT_ABS: movt(44),
    R_ARM_MOVW_PREL_NC: pc(movw(45)),
    R_ARM_MOVT_PREL: pc(movt(46)),
    R_ARM_THM_MOVW_ABS_NC: thumbMovw(47),
    R_ARM_THM_MOVT_ABS: thumbMovt(48),
    R_ARM_THM_MOVW_PREL_NC: pc(thumbMovw(49)),
    R_ARM_THM_MOVT_PREL: pc(thumbMovt(50)),
    R_ARM_THM_JUMP19: jump(thumb(51, B_COND, "branch")),
    R_ARM_THM_JUMP6: { ...pc(thumb16(52, CBZ, 1, "branch")) },
    R_ARM_THM_ALU_PREL_11_0: { ...pc(thumb(53, T_ADR, "address")), mask: 0x70ff04a0n },
    R_ARM_THM_PC12: { ...pc(thumb(54, T_LDR, "address")), encoding: "up-down" },
    R_ARM_ABS32_NOI: absolute(55, 4),
    R_ARM_REL32_NOI: relative(56, 4),
    R_ARM_ALU_PC_G0_NC: pc(alu(57)),
    R_ARM_ALU_PC_G0: pc(alu(58)),
    R_ARM_ALU_PC_G1_NC: pc(alu(59)),
    R_ARM_ALU_PC_G1: pc(alu(60)),
    R_ARM_ALU_PC_G2: pc(alu(61)),
    R_ARM_LDR_PC_G1: pc(ldr(62)),
    R_ARM_LDR_PC_G2: pc(ldr(63)),
    R_ARM_LDRS_PC_G0: pc(ldrs(64)),
    R_ARM_LDRS_PC_G1: pc(ldrs(65)),
    R_ARM_LDRS_PC_G2: pc(ldrs(66)),
    R_ARM_LDC_PC_G0: pc(ldc(67)),
    R_ARM_LDC_PC_G1: pc(ldc(68)),
    R_ARM_LDC_PC_G2: pc(ldc(69)),
    R_ARM_ALU_SB_G0_NC: alu(70),
    R_ARM_ALU_SB_G0: alu(71),
    R_ARM_ALU_SB_G1_NC: alu(72),
    R_ARM_ALU_SB_G1: alu(73),
    R_ARM_ALU_SB_G2: alu(74),
    R_ARM_LDR_SB_G0: ldr(75),
    R_ARM_LDR_SB_G1: ldr(76),
    R_ARM_LDR_SB_G2: ldr(77),
    R_ARM_LDRS_SB_G0: ldrs(78),
    R_ARM_LDRS_SB_G1: ldrs(79),
    R_ARM_LDRS_SB_G2: ldrs(80),
    R_ARM_LDC_SB_G0: ldc(81),
    R_ARM_LDC_SB_G1: ldc(82),
    R_ARM_LDC_SB_G2: ldc(83),
    R_ARM_MOVW_BREL_NC: movw(84),
    R_ARM_MOVT_BREL: movt(85),
    R_ARM_MOVW_BREL: movw(86),
    R_ARM_THM_MOVW_BREL_NC: thumbMovw(87),
    R_ARM_THM_MOVT_BREL: thumbMovt(88),
    R_ARM_THM_MOVW_BREL: thumbMovw(89),
    R_ARM_TLS_GOTDESC: absolute(90, 4, tls),
    R_ARM_TLS_CALL: branch24(91, "tls"),
    R_ARM_TLS_DESCSEQ: hint(92),
    R_ARM_THM_TLS_CALL: thumbCall(93, "tls"),
    R_ARM_PLT32_ABS: absolute(94, 4, { role: "branch" }),
    R_ARM_GOT_ABS: absolute(95, 4, got),
    R_ARM_GOT_PREL: relative(96, 4, got),
    R_ARM_GOT_BREL12: imm12(97, "got"),
    R_ARM_GOTOFF12: imm12(98, "address"),
    R_ARM_GOTRELAX: hint(99),
    R_ARM_GNU_VTENTRY: hint(100),
    R_ARM_GNU_VTINHERIT: hint(101),
    R_ARM_THM_JUMP11: jump(thumb16(102, runs("10:0"), 1, "branch")),
    R_ARM_THM_JUMP8: jump(thumb16(103, runs("7:0"), 1, "branch")),
    R_ARM_TLS_GD32: relative(104, 4, tls),
    R_ARM_TLS_LDM32: relative(105, 4, tls),
    R_ARM_TLS_LDO32: absolute(106, 4, tls),
    R_ARM_TLS_IE32: relative(107, 4, tls),
    R_ARM_TLS_LE32: absolute(108, 4, tls),
    R_ARM_TLS_LDO12: imm12(109, "tls"),
    R_ARM_TLS_LE12: imm12(110, "tls"),
    R_ARM_TLS_IE12GP: imm12(111, "tls"),
    R_ARM_ME_TOO: obsolete(128),
    R_ARM_THM_TLS_DESCSEQ: hint(129),
    R_ARM_THM_TLS_DESCSEQ32: hint(130),
    R_ARM_THM_GOT_BREL12: thumb(131, runs("27:16"), "got"),
    R_ARM_THM_ALU_ABS_G0_NC: thumb16(132, runs("7:0"), 0, "low"),
    R_ARM_THM_ALU_ABS_G1_NC: thumb16(133, runs("7:0"), 8, "page"),
    R_ARM_THM_ALU_ABS_G2_NC: thumb16(134, runs("7:0"), 16, "page"),
    R_ARM_THM_ALU_ABS_G3_NC: thumb16(135, runs("7:0"), 24, "page"),
    R_ARM_THM_BF16: jump(thumb(136, branchFuture(4), "branch")),
    R_ARM_THM_BF12: jump(thumb(137, branchFuture(0), "branch")),
    R_ARM_THM_BF18: jump(thumb(138, branchFuture(6), "branch")),
    R_ARM_IRELATIVE: absolute(160, 4),
    R_ARM_GOTFUNCDESC: absolute(161, 4, got),
    R_ARM_GOTOFFFUNCDESC: absolute(162, 4),
    R_ARM_FUNCDESC: absolute(163, 4),
    R_ARM_FUNCDESC_VALUE: absolute(164, 8),
    R_ARM_TLS_GD32_FDPIC: absolute(165, 4, tls),
    R_ARM_TLS_LDM32_FDPIC: absolute(166, 4, tls),
    R_ARM_TLS_IE32_FDPIC: absolute(167, 4, tls),
    R_ARM_RXPC25: obsolete(249),
    R_ARM_RSBREL32: obsolete(250),
    R_ARM_THM_RPC22: obsolete(251),
    R_ARM_RREL32: obsolete(252),
    R_ARM_RABS32: obsolete(253),
    R_ARM_RPC24: obsolete(254),
    R_ARM_RBASE: obsolete(255),
  }),
);
