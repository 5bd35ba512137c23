import {
  branchReferences,
  Flow,
  type Held,
  type LinkedCode,
  type LinkedReference,
  readFunctions,
  signExtend,
  signedAt,
  tellMakers,
} from "../linked.ts";

/** RISC-V psABI, "Relocations": PCREL_HI20, PCREL_LO12_I, _S, HI20, LO12_I, _S, TPREL_I, _S, CALL. */
const PCREL_HI = 23;
const HIGH = 26;
const RVC_LUI = 46;
const LOW_I = 27;
const LOW_S = 28;
const PCREL_LOW_I = 24;
const PCREL_LOW_S = 25;
const THREAD_I = 49;
const THREAD_S = 50;
const TPREL_HI = 29;
const TPREL_LOW_I = 30;
const TPREL_LOW_S = 31;

const GP = 3;
const TP = 4;

/** Reads RISC-V code: branches, auipc and lui with their low parts, distances from gp and tp. RISC-V unprivileged ISA, 2.4 to 2.6. */
export function riscvReferences(linked: LinkedCode): LinkedReference[] {
  const { code, base } = linked;
  const found = branchReferences(linked);
  const held = new Flow<Held>();
  const targets = new Map(found.map(({ offset, value }) => [offset, value - base]));
  for (const [from, target] of targets) held.expect(from, target);
  const told = new Set<number>();
  readFunctions(linked, held, found, told, (from, to) => {
    for (let at = from; at + 2 <= to; ) {
      held.arrive(at);
      const isWide = ((code[at] as number) & 3) === 3;
      if (!isWide) {
        const half = (code[at] as number) | ((code[at + 1] as number) << 8);
        compressed(held, half, at);
        followCompressed(held, half, at, targets.get(at));
        at += 2;
        continue;
      }
      if (at + 4 > to) break;
      const word = signedAt(code, at, 4) >>> 0;
      wide(linked, word, at, held, told, found);
      follow(held, word, at, targets.get(at));
      at += 4;
    }
  });
  return found;

  function wide(
    { globalPointer, threadSize }: LinkedCode,
    word: number,
    place: number,
    registers: Flow<Held>,
    done: Set<number>,
    list: LinkedReference[],
  ): void {
    const opcode = word & 0x7f;
    const to = (word >>> 7) & 31;
    const from = (word >>> 15) & 31;
    const upper = word & 0xfffff000;
    if (opcode === 0x17) {
      registers.set(to, {
        kind: "pc",
        value: base + place + upper,
        makers: [{ offset: place, type: PCREL_HI }],
      });
      return;
    }
    if (opcode === 0x37) {
      registers.set(to, { kind: "absolute", value: upper, makers: [{ offset: place, type: HIGH }] });
      return;
    }
    const isStore = opcode === 0x23 || opcode === 0x27;
    const isLoad = opcode === 0x03 || opcode === 0x07;
    const isAdd = (opcode === 0x13 && ((word >>> 12) & 7) === 0) || (opcode === 0x1b && ((word >>> 12) & 7) === 0);
    const isJump = opcode === 0x67;
    // add rd, rs, tp: the upper part of a thread-local's offset.
    if (opcode === 0x33 && word >>> 25 === 0 && ((word >>> 12) & 7) === 0) {
      const other = (word >>> 20) & 31;
      const register = other === TP ? registers.get(from) : from === TP ? registers.get(other) : undefined;
      if (register?.kind === "absolute" && threadSize > 0) {
        const makers = register.makers.map(({ offset }) => ({ offset, type: TPREL_HI }));
        registers.set(to, { ...register, kind: "thread", makers });
      } else registers.delete(to);
      return;
    }
    if (isStore || isLoad || isAdd || isJump) {
      const immediate = isStore
        ? signExtend(((word >>> 25) << 5) | ((word >>> 7) & 31), 12)
        : signExtend(word >>> 20, 12);
      const use = isJump ? "branch" : isLoad ? "load" : "address";
      const register = registers.get(from);
      const lowType = (i: number, s: number): number => (isStore ? s : i);
      if (from === GP && register === undefined && globalPointer !== undefined && !isJump) {
        list.push({ offset: place, type: lowType(LOW_I, LOW_S), value: globalPointer + immediate, use });
      } else if (from === TP && threadSize > 0 && !isJump) {
        list.push({ offset: place, type: lowType(THREAD_I, THREAD_S), value: immediate, use: "thread" });
      } else if (register !== undefined) {
        const value = register.value + immediate;
        // ADDIW makes a number of 32 bits, not an address.
        const isNumber = isAdd && (opcode === 0x1b || isUsedAsNumber(code, place + 4, to));
        const isMeant = register.kind !== "absolute" || (!isNumber && linked.isAddress(value, place));
        if (isMeant) {
          const low =
            register.kind === "pc"
              ? lowType(PCREL_LOW_I, PCREL_LOW_S)
              : register.kind === "thread"
                ? lowType(TPREL_LOW_I, TPREL_LOW_S)
                : lowType(LOW_I, LOW_S);
          const meaning = register.kind === "thread" ? "thread" : use;
          tellMakers(register, value, meaning, done, list);
          list.push({ offset: place, type: low, value, use: meaning });
        }
      }
    }
    if (opcode === 0x6f || isJump) {
      if (to === 1 || to === 5) registers.call(CALL_RESULTS);
      return;
    }
    if (!isStore && opcode !== 0x63) registers.delete(to);
  }
}

/** Instructions behind the one that completes a value, among which its use is looked for. */
const LOOKED_AT = 16;

/**
 * Whether what a register holds is used by what no address is: arithmetic of 32 bits, multiplication and division, a comparison with
 * sign. It is looked for up to the next call, jump, or change of the register. RISC-V unprivileged ISA, chapters 2, 4, 7 and 16.
 */
function isUsedAsNumber(code: Uint8Array, from: number, register: number): boolean {
  for (let at = from, count = 0; at + 4 <= code.length && count < LOOKED_AT; count++) {
    if (((code[at] as number) & 3) !== 3) {
      const half = (code[at] as number) | ((code[at + 1] as number) << 8);
      const short = 8 + ((half >>> 7) & 7);
      // C.SUBW and C.ADDW.
      const isShortSum = (half & 0xfc43) === 0x9c01;
      if (isShortSum && (short === register || 8 + ((half >>> 2) & 7) === register)) return true;
      const full = (half >>> 7) & 31;
      const isChange = (half & 3) === 0 ? 8 + ((half >>> 2) & 7) === register : full === register || short === register;
      const isJump = (half & 0xe003) === 0xa001 || (half & 0xe07f) === 0x8002;
      if (isChange || isJump) return false;
      at += 2;
      continue;
    }
    const word = signedAt(code, at, 4) >>> 0;
    const opcode = word & 0x7f;
    const isRead = ((word >>> 15) & 31) === register || ((word >>> 20) & 31) === register;
    const isProduct = opcode === 0x33 && word >>> 25 === 1;
    const isSigned = opcode === 0x63 && [4, 5].includes((word >>> 12) & 7);
    if (isRead && (opcode === 0x3b || isProduct || isSigned)) return true;
    if (opcode === 0x6f || opcode === 0x67) return false;
    if (opcode !== 0x63 && opcode !== 0x23 && ((word >>> 7) & 31) === register) return false;
    at += 4;
  }
  return false;
}

/** ra, t0 (where it is the link register), a0 and a1. RISC-V psABI, "Integer Calling Convention". */
const CALL_RESULTS = [1, 5, 10, 11];

/** Compressed instructions have no relocated low part; `c.lui` is a short upper one, the others only change registers. RISC-V unprivileged ISA, 16.8. */
function compressed(held: Flow<Held>, half: number, at: number): void {
  const quadrant = half & 3;
  const funct = half >>> 13;
  const full = (half >>> 7) & 31;
  const short = 8 + ((half >>> 2) & 7);
  const shortAbove = 8 + ((half >>> 7) & 7);
  if (quadrant === 0) {
    if (funct < 4) held.delete(short);
  } else if (quadrant === 1) {
    if (funct === 4) held.delete(shortAbove);
    else if (funct === 3 && full !== 2) {
      const upper = signExtend((((half >>> 12) & 1) << 5) | ((half >>> 2) & 31), 6) * 4096;
      held.set(full, { kind: "absolute", value: upper, makers: [{ offset: at, type: RVC_LUI }] });
    } else if (funct < 4) held.delete(full);
  } else if (funct < 4) held.delete(full);
  else if (funct === 4) {
    const other = (half >>> 2) & 31;
    if (other !== 0) held.delete(full);
    else if ((half & 0x1000) !== 0) held.call(CALL_RESULTS);
  }
}

/** Where control goes from an instruction of four bytes: branches, jal and jalr without a return address. */
function follow(held: Flow<Held>, word: number, at: number, target: number | undefined): void {
  const opcode = word & 0x7f;
  const isCall = ((word >>> 7) & 31) !== 0;
  if (opcode === 0x63 && target !== undefined) held.branch(at, target);
  if ((opcode !== 0x6f && opcode !== 0x67) || isCall) return;
  if (target !== undefined) held.branch(at, target);
  if (opcode === 0x67 && ((word >>> 15) & 31) !== 1) held.indirect();
  held.end();
}

/** The same for `c.j`, `c.beqz`, `c.bnez` and `c.jr`. */
function followCompressed(held: Flow<Held>, half: number, at: number, target: number | undefined): void {
  if (target !== undefined) held.branch(at, target);
  const isJump = (half & 0xe003) === 0xa001;
  const isRegister = (half & 0xf07f) === 0x8002 && ((half >>> 7) & 31) !== 0;
  if (isRegister && ((half >>> 7) & 31) !== 1) held.indirect();
  if (isJump || isRegister) held.end();
}
