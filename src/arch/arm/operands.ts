import type { ByteOrder } from "../../bytes.ts";
import { type OperandReader, operandRow, wordOperands } from "../operands.ts";

const [RN, RD, RM] = [
  [16, 4],
  [12, 4],
  [0, 4],
] as const;

/** Eight bits, rotated right by twice the upper four. Arm ARM for ARMv7-A, A5.2.4. */
function rotated(word: number): bigint {
  const [value, by] = [word & 0xff, 2 * ((word >>> 8) & 15)];
  return BigInt(((value >>> by) | (value << (32 - by))) >>> 0);
}

/** Arm ARM for ARMv7-A, A5: A32. Thumb is not told apart. */
export function armOperands(order: ByteOrder): OperandReader {
  return wordOperands(
    order,
    [
      // MOVW and MOVT, data processing (immediate), LDR and STR (immediate), data processing (register).
      operandRow(0x0fb00000, 0x03000000, [RD], {
        immediate: [
          [0, 12],
          [16, 4],
        ],
        isUnsigned: true,
      }),
      operandRow(0x0e000000, 0x02000000, [RN, RD], { immediate: [[0, 12]], decode: rotated, base: RN }),
      operandRow(0x0e000000, 0x04000000, [RN, RD], { displacement: [[0, 12]], isUnsigned: true, base: RN }),
      operandRow(0x0e000010, 0x00000000, [RN, RD, RM]),
    ],
    13,
  );
}
