import {
  branchReferences,
  Flow,
  type Held,
  type LinkedCode,
  type LinkedReference,
  readFunctions,
  signExtend,
  tellMakers,
  wordAt,
} from "../linked.ts";

/** 64-bit ELF V2 ABI, 3.5.1: TOC16_LO, TOC16_HA, TOC16_LO_DS, REL16_LO, REL16_HA, TPREL16_LO, _HA, _LO_DS. */
const TYPES = {
  toc: { low: 48, high: 50, ds: 64 },
  pc: { low: 250, high: 252, ds: 250 },
  absolute: { low: 4, high: 6, ds: 57 },
  thread: { low: 70, high: 72, ds: 96 },
  module: { low: 75, high: 77, ds: 92 },
} as const;

/** Linkers let dtv pointers point so far into the thread-locals of a module. */
const MODULE_BIAS = 0x8000;

const R2 = 2;
const R3 = 3;
const R12 = 12;
const R13 = 13;

/** A kind of what registers hold. */
type Kind = keyof typeof TYPES;
/** `argument`: of `__tls_get_addr`, for the module's thread-locals. */
type PowerHeld = Held & { readonly kind: Kind | "argument" };

/** Reads Power code: branches, distances from the TOC pointer and the thread pointer, and the TOC pointer's own making. Power ISA, book I. */
export function powerReferences(linked: LinkedCode): LinkedReference[] {
  const { code, base, little } = linked;
  const found = branchReferences(linked);
  tocOffsets(linked, found);
  const held = new Flow<PowerHeld>();
  const targets = new Map(found.map(({ offset, value }) => [offset, value - base]));
  const told = new Set<number>();
  // Fields of 16 bits lie in the half of the word that holds its low bits.
  const halfOf = (at: number): number => (little ? at : at + 2);
  for (const [from, target] of targets) held.expect(from, target);
  const begin = (at: number): void => {
    if (linked.toc !== undefined) held.keep(R2, { kind: "toc", value: linked.toc, makers: [] });
    if (linked.threadSize > 0) held.keep(R13, { kind: "thread", value: 0, makers: [] });
    held.set(R12, { kind: "pc", value: base + at, makers: [] });
  };
  const read = (at: number): void => {
    held.arrive(at);
    const word = wordAt(code, at, little);
    const opcode = word >>> 26;
    const to = (word >>> 21) & 31;
    const from = (word >>> 16) & 31;
    const pointer = from === 0 ? undefined : held.get(from);
    const register =
      pointer === undefined || pointer.kind === "argument" ? undefined : { ...pointer, kind: pointer.kind };
    const isAddis = opcode === 15;
    if (isAddis && from === 0) {
      held.set(to, {
        kind: "absolute",
        value: signExtend(word & 0xffff, 16) * 65536,
        makers: [{ offset: halfOf(at), type: TYPES.absolute.high }],
      });
      return;
    }
    if (isAddis && register !== undefined && register.makers.length === 0) {
      const makers = [{ offset: halfOf(at), type: TYPES[register.kind].high }];
      held.set(to, { ...register, value: register.value + signExtend(word & 0xffff, 16) * 65536, makers });
      return;
    }
    const isDs = opcode === 58 || opcode === 62;
    const isAccess = (opcode >= 32 && opcode <= 55 && opcode !== 46 && opcode !== 47) || isDs;
    if ((opcode === 14 || isAccess) && register !== undefined && isRelocated(register, from)) {
      const low = isDs ? signExtend(word & 0xfffc, 16) : signExtend(word & 0xffff, 16);
      const value = register.value + low;
      const type = TYPES[register.kind];
      const isMeant = register.kind !== "absolute" || linked.isAddress(value, at) || value === linked.toc;
      const isLoad = opcode === 58;
      const { kind } = register;
      const use = kind === "thread" || kind === "module" ? kind : isLoad ? "load" : "address";
      const meant = register.kind === "module" ? value + MODULE_BIAS : value;
      if (isMeant) tellMakers(register, meant, use, told, found);
      if (isMeant) found.push({ offset: halfOf(at), type: isDs ? type.ds : type.low, value: meant, use });
    }
    const isCallForModule = opcode === 18 && (word & 1) === 1 && held.get(R3)?.kind === "argument";
    const isArgument = register?.kind === "toc" && opcode === 14 && to === R3;
    forget(held, word, opcode, to, from);
    const slot = isArgument ? register.value + signExtend(word & 0xffff, 16) : undefined;
    if (slot !== undefined && linked.isModuleSlot(slot)) held.set(R3, { kind: "argument", value: slot, makers: [] });
    if (isCallForModule) held.set(R3, { kind: "module", value: 0, makers: [] });
    follow(held, word, opcode, at, targets.get(at));
    if (opcode === 14 && to === R2) held.delete(R2);
  };
  readFunctions(linked, held, found, told, (from, to) => {
    begin(from);
    for (let at = from; at + 4 <= to; at += 4) read(at);
  });
  return found;
}

/** From r12 only an upper part counts (the making of the TOC pointer); r2 and r13 count by themselves. */
function isRelocated({ makers, kind }: Pick<PowerHeld, "makers" | "kind">, from: number): boolean {
  return makers.length > 0 || (kind === "toc" && from === R2) || (kind === "thread" && from === R13);
}

/** r3 and r4; r12 holds where the callee is. 64-bit ELF V2 ABI, 2.2.5. */
const CALL_RESULTS = [3, 4, 12];

/** Registers that hold something else after an instruction. Power ISA, book I, appendix "Opcode Maps". */
function forget(held: Flow<PowerHeld>, word: number, opcode: number, to: number, from: number): void {
  const isCall = (opcode === 18 || opcode === 16 || opcode === 19) && (word & 1) === 1;
  if (isCall) {
    held.call(CALL_RESULTS);
    return;
  }
  const drop = (register: number): void => {
    // r2 is restored after calls, r13 never changes.
    if (register !== R2 && register !== R13) held.delete(register);
  };
  if (opcode === 31) {
    drop(to);
    drop(from);
  } else if (opcode >= 20 && opcode <= 30) drop(from);
  else if ([7, 8, 12, 13, 14, 15, 32, 34, 40, 42, 58].includes(opcode)) drop(to);
  else if ([33, 35, 41, 43].includes(opcode)) {
    drop(to);
    drop(from);
  } else if ([37, 39, 45, 49, 51, 53, 55].includes(opcode)) drop(from);
  else if (opcode === 62 && (word & 3) === 1) drop(from);
}

/** Where control goes from an instruction; what always branches has BO 1z1zz. Power ISA, book I, 2.4. */
function follow(held: Flow<PowerHeld>, word: number, opcode: number, at: number, target: number | undefined): void {
  const isCall = (word & 1) === 1;
  const isAlways = opcode === 18 || (((word >>> 21) & 20) === 20 && (opcode === 16 || opcode === 19));
  if ((opcode !== 16 && opcode !== 18 && opcode !== 19) || isCall) return;
  if (target !== undefined && opcode !== 19) held.branch(at, target);
  const extended = (word >>> 1) & 0x3ff;
  if (opcode === 19 && extended !== 16 && extended !== 528) return;
  if (opcode === 19 && extended === 528) held.indirect();
  if (isAlways) held.end();
}

/** R_PPC64_REL64: the eight bytes before a function that say how far its TOC pointer is. 64-bit ELF V2 ABI, 2.3.2.1. */
const REL64 = 44;

function tocOffsets({ code, base, little, toc, starts }: LinkedCode, found: LinkedReference[]): void {
  if (toc === undefined) return;
  for (const start of starts) {
    if (start < 8) continue;
    const [low, high] = little ? [start - 8, start - 4] : [start - 4, start - 8];
    const distance = wordAt(code, low, little) + (wordAt(code, high, little) | 0) * 2 ** 32;
    if (base + start + distance === toc) found.push({ offset: start - 8, type: REL64, value: toc, use: "address" });
  }
}
