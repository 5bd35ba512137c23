import type { ByteOrder } from "../../bytes.ts";
import { type OperandReader, operandRow, wordOperands } from "../operands.ts";

const [RT, RA, RB] = [
  [21, 5],
  [16, 5],
  [11, 5],
] as const;
const D = [[0, 16]] as const;
const opcode = (number: number): number => number << 26;

/** Power ISA, Book I, 1.6: D, DS and X forms. */
export function powerOperands(order: ByteOrder): OperandReader {
  const immediates = [7, 8, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29];
  return wordOperands(
    order,
    [
      ...immediates.map((number) => operandRow(opcode(63), opcode(number), [RT, RA], { immediate: D, base: RA })),
      // lwz to stfdu are 32 to 55; ld and std have two bits of the operation below.
      operandRow(opcode(63), opcode(58), [RT, RA], { displacement: [[2, 14]], scale: () => 4, base: RA }),
      operandRow(opcode(63), opcode(62), [RT, RA], { displacement: [[2, 14]], scale: () => 4, base: RA }),
      operandRow(1 << 31, 1 << 31, [RT, RA], { displacement: D, base: RA }),
      operandRow(opcode(63), opcode(31), [RT, RA, RB]),
      operandRow(opcode(63), opcode(21), [RT, RA]),
      operandRow(opcode(63), opcode(30), [RT, RA]),
    ],
    1,
  );
}
