import { readInteger } from "../../bytes.ts";
import type { OperandReader, Operands } from "../operands.ts";

const R15 = 15;

/** z/Architecture Principles of Operation, chapter 5: RI and RIL, RX and RS, RXY and RSY, SI, RR and RRE formats. */
export const s390Operands: OperandReader = (code, at, size) => {
  if (at + size > code.length) return undefined;
  const byte = (index: number): number => code[at + index] ?? 0;
  const first = byte(0);
  const [high, low] = [byte(1) >> 4, byte(1) & 15];
  const parts = (operation: string, registers: readonly number[], rest: Partial<Operands>): Operands => ({
    operation,
    registers: registers.join(),
    immediate: undefined,
    displacement: undefined,
    onStack: false,
    ...rest,
  });
  if (size === 2) return parts(`rr ${first}`, [high, low], {});
  if (size === 4 && (first === 0xa7 || first === 0xa5)) {
    const immediate = BigInt.asIntN(16, BigInt(readInteger(code, at + 2, 2, "msb")));
    return parts(`ri ${first} ${low}`, [high], { immediate, onStack: high === R15 });
  }
  if (size === 4 && (first === 0xb2 || first === 0xb3 || first === 0xb9))
    return parts(`rre ${first} ${byte(1)} ${byte(2)}`, [byte(3)], {});
  const base = byte(2) >> 4;
  const short = ((byte(2) & 15) << 8) | byte(3);
  if (size === 4 && first >= 0x91 && first <= 0x97)
    return parts(`si ${first}`, [base], {
      immediate: BigInt(byte(1)),
      displacement: short,
      onStack: base === R15,
    });
  if (size === 4) return parts(`rx ${first}`, [high, low, base], { displacement: short, onStack: base === R15 });
  if (size !== 6) return undefined;
  if (first === 0xc0 || first === 0xc2) {
    const immediate = BigInt.asIntN(32, BigInt(readInteger(code, at + 2, 4, "msb")));
    return parts(`ril ${first} ${low}`, [high], { immediate, onStack: high === R15 });
  }
  if (first === 0xe3 || first === 0xeb) {
    const displacement = ((((byte(4) << 24) >> 12) | short) << 0) >> 0;
    return parts(`rxy ${first} ${byte(5)}`, [high, low, base], { displacement, onStack: base === R15 });
  }
  return undefined;
};
