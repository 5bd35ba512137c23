import { operandRow, wordOperands } from "../operands.ts";

const [RD, RJ, RK] = [
  [0, 5],
  [5, 5],
  [10, 5],
] as const;

/** LoongArch Reference Manual, volume 1, appendix B. */
export const loongarchOperands = wordOperands(
  "lsb",
  [
    // SLTI to XORI, LD and ST, LDPTR and STPTR, LU12I.W and its like, the forms with three registers.
    operandRow(0xfe000000, 0x02000000, [RD, RJ], { immediate: [[10, 12]], base: RJ }),
    operandRow(0xfc000000, 0x28000000, [RD, RJ], { displacement: [[10, 12]], base: RJ }),
    operandRow(0xfc000000, 0x24000000, [RD, RJ], { displacement: [[10, 14]], scale: () => 4, base: RJ }),
    operandRow(0xfc000000, 0x14000000, [RD], { immediate: [[5, 20]] }),
    operandRow(0xffc00000, 0x00000000, [RD, RJ, RK]),
  ],
  3,
);
