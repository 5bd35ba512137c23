import type { ByteOrder } from "../../bytes.ts";
import { type OperandReader, operandRow, wordOperands } from "../operands.ts";

const [RS, RT, RD] = [
  [21, 5],
  [16, 5],
  [11, 5],
] as const;
const LOW = [[0, 16]] as const;

/** MIPS64 Architecture For Programmers, volume II-A, appendix A. */
export function mipsOperands(order: ByteOrder): OperandReader {
  return wordOperands(
    order,
    [
      // ADDI to LUI, DADDI and DADDIU, loads and stores, SPECIAL.
      operandRow(0xe0000000, 0x20000000, [RS, RT], { immediate: LOW, base: RS }),
      operandRow(0xf8000000, 0x60000000, [RS, RT], { immediate: LOW, base: RS }),
      operandRow(0x80000000, 0x80000000, [RS, RT], { displacement: LOW, base: RS }),
      operandRow(0xfc00003c, 0x00000000, [RT, RD], { immediate: [[6, 5]], isUnsigned: true }),
      operandRow(0xfc000000, 0x00000000, [RS, RT, RD]),
    ],
    29,
  );
}
