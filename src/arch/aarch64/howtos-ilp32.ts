import { absolute, type HowtoRow, hint, runs } from "../howto.ts";

const tls = { role: "tls" } as const;

/** LDR of a 32-bit register. */
const ldr32 = (type: number, role: "got" | "tls", bits = "19:10"): HowtoRow => ({
  type,
  size: 4,
  bits: runs(bits),
  rightshift: 2,
  role,
  insn: true,
});

/** Types that do in ILP32 what their namesakes do in LP64, by their other number. */
const NAMESAKES = {
  ABS32: 1,
  ABS16: 2,
  PREL32: 3,
  PREL16: 4,
  MOVW_UABS_G0: 5,
  MOVW_UABS_G0_NC: 6,
  MOVW_UABS_G1: 7,
  MOVW_SABS_G0: 8,
  LD_PREL_LO19: 9,
  ADR_PREL_LO21: 10,
  ADR_PREL_PG_HI21: 11,
  ADD_ABS_LO12_NC: 12,
  LDST8_ABS_LO12_NC: 13,
  LDST16_ABS_LO12_NC: 14,
  LDST32_ABS_LO12_NC: 15,
  LDST64_ABS_LO12_NC: 16,
  LDST128_ABS_LO12_NC: 17,
  TSTBR14: 18,
  CONDBR19: 19,
  JUMP26: 20,
  CALL26: 21,
  MOVW_PREL_G0: 22,
  MOVW_PREL_G0_NC: 23,
  MOVW_PREL_G1: 24,
  GOT_LD_PREL19: 25,
  ADR_GOT_PAGE: 26,
  TLSGD_ADR_PREL21: 80,
  TLSGD_ADR_PAGE21: 81,
  TLSGD_ADD_LO12_NC: 82,
  TLSLD_ADR_PREL21: 83,
  TLSLD_ADR_PAGE21: 84,
  TLSLD_ADD_LO12_NC: 85,
  TLSLD_MOVW_DTPREL_G1: 87,
  TLSLD_MOVW_DTPREL_G0: 88,
  TLSLD_MOVW_DTPREL_G0_NC: 89,
  TLSLD_ADD_DTPREL_HI12: 90,
  TLSLD_ADD_DTPREL_LO12: 91,
  TLSLD_ADD_DTPREL_LO12_NC: 92,
  TLSIE_ADR_GOTTPREL_PAGE21: 103,
  TLSIE_LD_GOTTPREL_PREL19: 105,
  TLSLE_MOVW_TPREL_G1: 106,
  TLSLE_MOVW_TPREL_G0: 107,
  TLSLE_MOVW_TPREL_G0_NC: 108,
  TLSLE_ADD_TPREL_HI12: 109,
  TLSLE_ADD_TPREL_LO12: 110,
  TLSLE_ADD_TPREL_LO12_NC: 111,
  TLSLE_LDST8_TPREL_LO12: 112,
  TLSLE_LDST8_TPREL_LO12_NC: 113,
  TLSLE_LDST16_TPREL_LO12: 114,
  TLSLE_LDST16_TPREL_LO12_NC: 115,
  TLSLE_LDST32_TPREL_LO12: 116,
  TLSLE_LDST32_TPREL_LO12_NC: 117,
  TLSLE_LDST64_TPREL_LO12: 118,
  TLSLE_LDST64_TPREL_LO12_NC: 119,
  TLSDESC_LD_PREL19: 122,
  TLSDESC_ADR_PREL21: 123,
  TLSDESC_ADR_PAGE21: 124,
} as const;

/**
 * AAELF64, "Relocation", the ILP32 column: LP64's rows under other numbers, and those that pointers of 4 bytes make
 * different.
 */
export function ilp32Rows(lp64: Readonly<Record<string, HowtoRow>>): Record<string, HowtoRow> {
  const rows: Record<string, HowtoRow> = {
    R_AARCH64_P32_LD32_GOT_LO12_NC: ldr32(27, "got"),
    R_AARCH64_P32_LD32_GOTPAGE_LO14: ldr32(28, "got", "21:10"),
    R_AARCH64_P32_TLSIE_LD32_GOTTPREL_LO12_NC: ldr32(104, "tls"),
    R_AARCH64_P32_TLSDESC_LD32_LO12_NC: ldr32(125, "tls"),
    R_AARCH64_P32_TLSDESC_ADD_LO12_NC: { ...(lp64.R_AARCH64_TLSDESC_ADD_LO12 as HowtoRow), type: 126 },
    R_AARCH64_P32_TLSDESC_CALL: hint(127),
    R_AARCH64_P32_COPY: { type: 180 },
    R_AARCH64_P32_GLOB_DAT: absolute(181, 4),
    R_AARCH64_P32_JUMP_SLOT: absolute(182, 4, { role: "branch" }),
    R_AARCH64_P32_RELATIVE: absolute(183, 4),
    R_AARCH64_P32_TLS_DTPMOD: absolute(184, 4, tls),
    R_AARCH64_P32_TLS_DTPREL: absolute(185, 4, tls),
    R_AARCH64_P32_TLS_TPREL: absolute(186, 4, tls),
    R_AARCH64_P32_TLSDESC: absolute(187, 8, tls),
    R_AARCH64_P32_IRELATIVE: absolute(188, 4),
  };
  for (const [name, type] of Object.entries(NAMESAKES)) {
    rows[`R_AARCH64_P32_${name}`] = { ...(lp64[`R_AARCH64_${name}`] as HowtoRow), type };
  }
  return rows;
}
