import { type OperandReader, operandRow, wordOperands } from "../operands.ts";

const [RD, RS1, RS2] = [
  [7, 5],
  [15, 5],
  [20, 5],
] as const;
const IMMEDIATE = [[20, 12]] as const;

/** RISC-V unprivileged ISA, chapter "RV32/64G Instruction Set Listings". */
const whole = wordOperands(
  "lsb",
  [
    operandRow(0x5f, 0x13, [RD, RS1], { immediate: IMMEDIATE, base: RS1 }),
    operandRow(0x7b, 0x03, [RD, RS1], { displacement: IMMEDIATE, base: RS1 }),
    operandRow(0x7b, 0x23, [RS1, RS2], {
      displacement: [
        [7, 5],
        [25, 7],
      ],
      base: RS1,
    }),
    operandRow(0x5f, 0x17, [RD], { immediate: [[12, 20]] }),
    operandRow(0x57, 0x13, [RD, RS1, RS2]),
    operandRow(0x7f, 0x2f, [RD, RS1, RS2]),
    operandRow(0x7f, 0x53, [RD, RS1, RS2]),
  ],
  2,
);

/** The same, chapter "C" Extension: C.ADDI, C.ADDIW and C.LI, C.MV and C.ADD. */
const compressed = wordOperands(
  "lsb",
  [
    operandRow(0xc003, 0x0001, [RD], {
      immediate: [
        [2, 5],
        [12, 1],
      ],
      base: RD,
    }),
    operandRow(0xe003, 0x4001, [RD], {
      immediate: [
        [2, 5],
        [12, 1],
      ],
    }),
    operandRow(0xe003, 0x8002, [RD, [2, 5]]),
  ],
  2,
  2,
);

export const riscvOperands: OperandReader = (code, at, size) => (size === 2 ? compressed : whole)(code, at, size);
