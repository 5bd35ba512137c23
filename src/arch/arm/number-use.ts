/** Instructions behind the one that completes a value, among which its use is looked for. */
const LOOKED_AT = 12;

/** GE, LT, GT, LE: what comparisons with sign decide by. Arm ARM, A8.3. */
const SIGNED_CONDITIONS = [10, 11, 12, 13];

/**
 * Whether what a register holds is used by what no address is, in Thumb code: multiplication, or a comparison whose outcome is read with
 * its sign. It is looked for up to the next call, jump, or change of the register. `half` reads the halfword at an offset. Arm ARM, A6.
 */
export function isUsedAsNumber(half: (at: number) => number, from: number, end: number, register: number): boolean {
  let isCompared = false;
  for (let at = from, count = 0; at + 2 <= end && count < LOOKED_AT; count++) {
    const first = half(at);
    const isWide = first >= 0xe800;
    const second = isWide ? half(at + 2) : 0;
    if (isCompared) {
      const condition = conditionOf(first, second, isWide);
      if (condition !== undefined) return SIGNED_CONDITIONS.includes(condition);
    }
    if (isWide ? isWideProduct(first, second, register) : isNarrowProduct(first, register)) return true;
    if (isComparison(first, second, isWide)) isCompared = isComparedIn(first, second, isWide, register);
    else if (isWide ? leavesWide(first, second, register) : leavesNarrow(first, register)) {
      // The flags outlive the register.
      if (!isCompared) return false;
    }
    at += isWide ? 4 : 2;
  }
  return false;
}

/** What an IT instruction or a conditional branch asks for. */
function conditionOf(first: number, second: number, isWide: boolean): number | undefined {
  if (!isWide && (first & 0xff00) === 0xbf00 && (first & 15) !== 0) return (first >>> 4) & 15;
  if (!isWide && (first & 0xf000) === 0xd000 && (first & 0x0f00) < 0x0e00) return (first >>> 8) & 15;
  const isBranch = isWide && (first & 0xf800) === 0xf000 && (second & 0xd000) === 0x8000;
  return isBranch && ((first >>> 6) & 14) !== 14 ? (first >>> 6) & 15 : undefined;
}

function isNarrowProduct(first: number, register: number): boolean {
  return (first & 0xffc0) === 0x4340 && [first & 7, (first >>> 3) & 7].includes(register);
}

/** MUL, MLA, MLS, and the long ones. */
function isWideProduct(first: number, second: number, register: number): boolean {
  return (first & 0xff00) === 0xfb00 && [first & 15, second & 15].includes(register);
}

/** CMP of two registers. */
function isComparison(first: number, second: number, isWide: boolean): boolean {
  if (isWide) return (first & 0xfff0) === 0xebb0 && (second & 0x0f00) === 0x0f00;
  return (first & 0xffc0) === 0x4280 || (first & 0xff00) === 0x4500;
}

function isComparedIn(first: number, second: number, isWide: boolean, register: number): boolean {
  if (isWide) return [first & 15, second & 15].includes(register);
  const low = (first & 7) | ((first & 0xff00) === 0x4500 ? (first >>> 4) & 8 : 0);
  const other = (first & 0xff00) === 0x4500 ? (first >>> 3) & 15 : (first >>> 3) & 7;
  return [low, other].includes(register);
}

/** A branch or a change of the register, as far as the usual forms tell: others are taken for one as well. */
function leavesNarrow(first: number, register: number): boolean {
  if ((first & 0xf800) === 0xe000 || (first & 0xff00) === 0x4700 || (first & 0xff00) === 0xbd00) return true;
  // Stores, pushes and comparisons change nothing.
  if ((first & 0xf800) === 0x6000 || (first & 0xf800) === 0x9000 || (first & 0xfe00) === 0xb400) return false;
  if ((first & 0xf800) === 0x2800 || (first & 0xffc0) === 0x4200 || (first & 0xff00) === 0xbf00) return false;
  const above = (first >>> 8) & 7;
  const isAbove = (first & 0xe000) === 0x2000 || (first & 0xf000) === 0x9000 || (first & 0xf800) === 0x4800;
  if (isAbove) return above === register;
  if ((first & 0xff00) === 0x4600) return ((first & 7) | ((first >>> 4) & 8)) === register;
  return (first & 7) === register || (first & 0xfe00) === 0xbc00;
}

function leavesWide(first: number, second: number, register: number): boolean {
  if ((first & 0xf800) === 0xf000 && (second & 0x8000) !== 0) return true;
  const isLoad = (first & 0xfe10) === 0xf810 || (first & 0xfe50) === 0xe850;
  return ((isLoad ? second >>> 12 : second >>> 8) & 15) === register;
}
