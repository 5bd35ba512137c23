import type { BitRun, HowtoRole } from "../arch.ts";
import { absolute, type HowtoRow, hint, howtoTable, none, once, relative, runs } from "../howto.ts";
import { ilp32Rows } from "./howtos-ilp32.ts";

const tls = { role: "tls" } as const;

const IMM12 = runs("21:10");
const IMM14 = runs("18:5");
const IMM16 = runs("20:5");
const IMM19 = runs("23:5");
const IMM26 = runs("25:0");
/** immlo, then immhi. */
const ADR = runs("30:29 23:5");
/** imm16, and the bit that makes MOVZ of MOVN. */
const MOVZN = runs("20:5 30");

const insn = (type: number, bits: readonly BitRun[], rightshift: number, role: HowtoRole): HowtoRow => ({
  type,
  size: 4,
  bits,
  rightshift,
  role,
  insn: true,
});
const pcInsn = (type: number, bits: readonly BitRun[], rightshift: number, role: HowtoRole): HowtoRow => ({
  ...insn(type, bits, rightshift, role),
  pcrel: true,
  signed: true,
});

/** ADRP: the page of the target less the page of the place. */
const page = (type: number, role: HowtoRole = "page") => pcInsn(type, ADR, 12, role);
const adr = (type: number, role: HowtoRole = "address") => pcInsn(type, ADR, 0, role);
/** LDR (literal) and the like: 19 bits, in words. */
const literal = (type: number, role: HowtoRole = "address") => pcInsn(type, IMM19, 2, role);
/** ADD, LDR or STR with the bits of the value below bit 12, in units of the access size. */
const low = (type: number, scale: number, role: HowtoRole = "low") => insn(type, runs(`${21 - scale}:10`), scale, role);
/** The same field with 12 bits from a higher place of the value. */
const imm12 = (type: number, rightshift: number, role: HowtoRole) => insn(type, IMM12, rightshift, role);
/** MOVK or MOVZ of one 16-bit group. */
const movw = (type: number, group: number, role: HowtoRole = group === 0 ? "low" : "page") =>
  insn(type, IMM16, 16 * group, role);
/** MOVZ or MOVN, as the sign demands, of one 16-bit group. */
const movn = (type: number, group: number, role: HowtoRole = group === 0 ? "low" : "page"): HowtoRow => ({
  ...insn(type, MOVZN, 16 * group, role),
  signed: true,
  encoding: "movz-movn",
});
const pc = (row: HowtoRow): HowtoRow => ({ ...row, pcrel: true });

/**
 * ELF for the Arm 64-bit Architecture (AAELF64), "Relocation"; dynamic types under the names that the GNU tools print.
 */
const lp64Rows = (): Readonly<Record<string, HowtoRow>> => ({
  R_AARCH64_NONE: none(0),
  R_AARCH64_NULL: none(256),
  R_AARCH64_ABS64: absolute(257, 8),
  R_AARCH64_ABS32: absolute(258, 4),
  R_AARCH64_ABS16: absolute(259, 2),
  R_AARCH64_PREL64: relative(260, 8),
  R_AARCH64_PREL32: relative(261, 4),
  R_AARCH64_PREL16: relative(262, 2),
  R_AARCH64_MOVW_UABS_G0: movw(263, 0),
  R_AARCH64_MOVW_UABS_G0_NC: movw(264, 0),
  R_AARCH64_MOVW_UABS_G1: movw(265, 1),
  R_AARCH64_MOVW_UABS_G1_NC: movw(266, 1),
  R_AARCH64_MOVW_UABS_G2: movw(267, 2),
  R_AARCH64_MOVW_UABS_G2_NC: movw(268, 2),
  R_AARCH64_MOVW_UABS_G3: movw(269, 3),
  R_AARCH64_MOVW_SABS_G0: movn(270, 0),
  R_AARCH64_MOVW_SABS_G1: movn(271, 1),
  R_AARCH64_MOVW_SABS_G2: movn(272, 2),
  R_AARCH64_LD_PREL_LO19: literal(273),
  R_AARCH64_ADR_PREL_LO21: adr(274),
  R_AARCH64_ADR_PREL_PG_HI21: page(275),
  R_AARCH64_ADR_PREL_PG_HI21_NC: page(276),
  R_AARCH64_ADD_ABS_LO12_NC: low(277, 0),
  R_AARCH64_LDST8_ABS_LO12_NC: low(278, 0),
  R_AARCH64_TSTBR14: pcInsn(279, IMM14, 2, "branch"),
  R_AARCH64_CONDBR19: literal(280, "branch"),
  R_AARCH64_JUMP26: pcInsn(282, IMM26, 2, "branch"),
  R_AARCH64_CALL26: pcInsn(283, IMM26, 2, "branch"),
  R_AARCH64_LDST16_ABS_LO12_NC: low(284, 1),
  R_AARCH64_LDST32_ABS_LO12_NC: low(285, 2),
  R_AARCH64_LDST64_ABS_LO12_NC: low(286, 3),
  R_AARCH64_MOVW_PREL_G0: pc(movn(287, 0)),
  R_AARCH64_MOVW_PREL_G0_NC: pc(movw(288, 0)),
  R_AARCH64_MOVW_PREL_G1: pc(movn(289, 1)),
  R_AARCH64_MOVW_PREL_G1_NC: pc(movw(290, 1)),
  R_AARCH64_MOVW_PREL_G2: pc(movn(291, 2)),
  R_AARCH64_MOVW_PREL_G2_NC: pc(movw(292, 2)),
  R_AARCH64_MOVW_PREL_G3: pc(movw(293, 3)),
  R_AARCH64_LDST128_ABS_LO12_NC: low(299, 4),
  R_AARCH64_MOVW_GOTOFF_G0: movn(300, 0, "got"),
  R_AARCH64_MOVW_GOTOFF_G0_NC: movw(301, 0, "got"),
  R_AARCH64_MOVW_GOTOFF_G1: movn(302, 1, "got"),
  R_AARCH64_MOVW_GOTOFF_G1_NC: movw(303, 1, "got"),
  R_AARCH64_MOVW_GOTOFF_G2: movn(304, 2, "got"),
  R_AARCH64_MOVW_GOTOFF_G2_NC: movw(305, 2, "got"),
  R_AARCH64_MOVW_GOTOFF_G3: movw(306, 3, "got"),
  R_AARCH64_GOTREL64: absolute(307, 8),
  R_AARCH64_GOTREL32: absolute(308, 4, { signed: true }),
  R_AARCH64_GOT_LD_PREL19: literal(309, "got"),
  R_AARCH64_LD64_GOTOFF_LO15: imm12(310, 3, "got"),
  R_AARCH64_ADR_GOT_PAGE: page(311, "got"),
  R_AARCH64_LD64_GOT_LO12_NC: low(312, 3, "got"),
  R_AARCH64_LD64_GOTPAGE_LO15: imm12(313, 3, "got"),
  R_AARCH64_PLT32: relative(314, 4, { role: "branch", family: "R_AARCH64_PREL32" }),
  R_AARCH64_GOTPCREL32: relative(315, 4, { role: "got" }),
  R_AARCH64_PATCHINST: { type: 316, size: 4, role: "other", insn: true },
  R_AARCH64_FUNCINIT64: absolute(317, 8),
  R_AARCH64_TLSGD_ADR_PREL21: adr(512, "tls"),
  R_AARCH64_TLSGD_ADR_PAGE21: page(513, "tls"),
  R_AARCH64_TLSGD_ADD_LO12_NC: low(514, 0, "tls"),
  R_AARCH64_TLSGD_MOVW_G1: movn(515, 1, "tls"),
  R_AARCH64_TLSGD_MOVW_G0_NC: movw(516, 0, "tls"),
  R_AARCH64_TLSLD_ADR_PREL21: adr(517, "tls"),
  R_AARCH64_TLSLD_ADR_PAGE21: page(518, "tls"),
  R_AARCH64_TLSLD_ADD_LO12_NC: low(519, 0, "tls"),
  R_AARCH64_TLSLD_MOVW_G1: movn(520, 1, "tls"),
  R_AARCH64_TLSLD_MOVW_G0_NC: movw(521, 0, "tls"),
  R_AARCH64_TLSLD_LD_PREL19: literal(522, "tls"),
  R_AARCH64_TLSLD_MOVW_DTPREL_G2: movn(523, 2, "tls"),
  R_AARCH64_TLSLD_MOVW_DTPREL_G1: movn(524, 1, "tls"),
  R_AARCH64_TLSLD_MOVW_DTPREL_G1_NC: movw(525, 1, "tls"),
  R_AARCH64_TLSLD_MOVW_DTPREL_G0: movn(526, 0, "tls"),
  R_AARCH64_TLSLD_MOVW_DTPREL_G0_NC: movw(527, 0, "tls"),
  R_AARCH64_TLSLD_ADD_DTPREL_HI12: imm12(528, 12, "tls"),
  R_AARCH64_TLSLD_ADD_DTPREL_LO12: low(529, 0, "tls"),
  R_AARCH64_TLSLD_ADD_DTPREL_LO12_NC: low(530, 0, "tls"),
  R_AARCH64_TLSLD_LDST8_DTPREL_LO12: low(531, 0, "tls"),
  R_AARCH64_TLSLD_LDST8_DTPREL_LO12_NC: low(532, 0, "tls"),
  R_AARCH64_TLSLD_LDST16_DTPREL_LO12: low(533, 1, "tls"),
  R_AARCH64_TLSLD_LDST16_DTPREL_LO12_NC: low(534, 1, "tls"),
  R_AARCH64_TLSLD_LDST32_DTPREL_LO12: low(535, 2, "tls"),
  R_AARCH64_TLSLD_LDST32_DTPREL_LO12_NC: low(536, 2, "tls"),
  R_AARCH64_TLSLD_LDST64_DTPREL_LO12: low(537, 3, "tls"),
  R_AARCH64_TLSLD_LDST64_DTPREL_LO12_NC: low(538, 3, "tls"),
  R_AARCH64_TLSIE_MOVW_GOTTPREL_G1: movn(539, 1, "tls"),
  R_AARCH64_TLSIE_MOVW_GOTTPREL_G0_NC: movw(540, 0, "tls"),
  R_AARCH64_TLSIE_ADR_GOTTPREL_PAGE21: page(541, "tls"),
  R_AARCH64_TLSIE_LD64_GOTTPREL_LO12_NC: low(542, 3, "tls"),
  R_AARCH64_TLSIE_LD_GOTTPREL_PREL19: literal(543, "tls"),
  R_AARCH64_TLSLE_MOVW_TPREL_G2: movn(544, 2, "tls"),
  R_AARCH64_TLSLE_MOVW_TPREL_G1: movn(545, 1, "tls"),
  R_AARCH64_TLSLE_MOVW_TPREL_G1_NC: movw(546, 1, "tls"),
  R_AARCH64_TLSLE_MOVW_TPREL_G0: movn(547, 0, "tls"),
  R_AARCH64_TLSLE_MOVW_TPREL_G0_NC: movw(548, 0, "tls"),
  R_AARCH64_TLSLE_ADD_TPREL_HI12: imm12(549, 12, "tls"),
  R_AARCH64_TLSLE_ADD_TPREL_LO12: low(550, 0, "tls"),
  R_AARCH64_TLSLE_ADD_TPREL_LO12_NC: low(551, 0, "tls"),
  R_AARCH64_TLSLE_LDST8_TPREL_LO12: low(552, 0, "tls"),
  R_AARCH64_TLSLE_LDST8_TPREL_LO12_NC: low(553, 0, "tls"),
  R_AARCH64_TLSLE_LDST16_TPREL_LO12: low(554, 1, "tls"),
  R_AARCH64_TLSLE_LDST16_TPREL_LO12_NC: low(555, 1, "tls"),
  R_AARCH64_TLSLE_LDST32_TPREL_LO12: low(556, 2, "tls"),
  R_AARCH64_TLSLE_LDST32_TPREL_LO12_NC: low(557, 2, "tls"),
  R_AARCH64_TLSLE_LDST64_TPREL_LO12: low(558, 3, "tls"),
  R_AARCH64_TLSLE_LDST64_TPREL_LO12_NC: low(559, 3, "tls"),
  R_AARCH64_TLSDESC_LD_PREL19: literal(560, "tls"),
  R_AARCH64_TLSDESC_ADR_PREL21: adr(561, "tls"),
  R_AARCH64_TLSDESC_ADR_PAGE21: page(562, "tls"),
  R_AARCH64_TLSDESC_LD64_LO12: low(563, 3, "tls"),
  R_AARCH64_TLSDESC_ADD_LO12: low(564, 0, "tls"),
  R_AARCH64_TLSDESC_OFF_G1: movn(565, 1, "tls"),
  R_AARCH64_TLSDESC_OFF_G0_NC: movw(566, 0, "tls"),
  R_AARCH64_TLSDESC_LDR: hint(567),
  R_AARCH64_TLSDESC_ADD: hint(568),
  R_AARCH64_TLSDESC_CALL: hint(569),
  R_AARCH64_TLSLE_LDST128_TPREL_LO12: low(570, 4, "tls"),
  R_AARCH64_TLSLE_LDST128_TPREL_LO12_NC: low(571, 4, "tls"),
  R_AARCH64_TLSLD_LDST128_DTPREL_LO12: low(572, 4, "tls"),
  R_AARCH64_TLSLD_LDST128_DTPREL_LO12_NC: low(573, 4, "tls"),
  R_AARCH64_COPY: { type: 1024 },
  R_AARCH64_GLOB_DAT: absolute(1025, 8),
  R_AARCH64_JUMP_SLOT: absolute(1026, 8, { role: "branch" }),
  R_AARCH64_RELATIVE: absolute(1027, 8),
  R_AARCH64_TLS_DTPMOD64: absolute(1028, 8, tls),
  R_AARCH64_TLS_DTPREL64: absolute(1029, 8, tls),
  R_AARCH64_TLS_TPREL64: absolute(1030, 8, tls),
  R_AARCH64_TLSDESC: absolute(1031, 16, tls),
  R_AARCH64_IRELATIVE: absolute(1032, 8),
});

/** Both data models: their numbers do not meet. */
export const aarch64Howtos = once(() => {
  const rows = lp64Rows();
  return howtoTable({ ...rows, ...ilp32Rows(rows) });
});
