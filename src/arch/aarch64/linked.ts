import {
  Flow,
  type Held,
  type LinkedCode,
  type LinkedReference,
  readFunctions,
  signExtend,
  tellMakers,
  wordAt,
} from "../linked.ts";

/** R_AARCH64_ADR_PREL_PG_HI21 and the LO12 types by access size. ELF for the Arm 64-bit Architecture, 5.7.6. */
const PAGE = 275;
const ADD_LO12 = 277;
const ACCESS_LO12 = [278, 284, 285, 286, 299] as const;
/** R_AARCH64_TLSLE_ADD_TPREL_HI12, _LO12_NC, LDST by size, MOVW_TPREL_G1_NC, G0_NC. */
const THREAD_HIGH = 549;
const THREAD_LOW = 551;
const THREAD_ACCESS = [553, 555, 557, 559, 571] as const;
const THREAD_G1 = 546;
const THREAD_G0 = 548;
const ADR = 274;
const LITERAL = 273;

/** Reads AArch64 code: branches, literals, pages with their low parts, local-exec offsets. Arm ARM, C6.2. */
export function aarch64References(linked: LinkedCode): LinkedReference[] {
  const { code, base } = linked;
  const found: LinkedReference[] = linked.branches(0, code.length).map(({ offset, type, target }) => ({
    offset,
    type,
    value: base + target,
    use: type === ADR ? "address" : type === LITERAL ? "load" : "branch",
  }));
  const held = new Flow<Held>();
  const targets = new Map(
    found.filter(({ use }) => use === "branch").map(({ offset, value }) => [offset, value - base]),
  );
  for (const [from, target] of targets) held.expect(from, target);
  const told = new Set<number>();
  const tell = (register: Held, value: number, offset: number, type: number, use: LinkedReference["use"]): void => {
    tellMakers(register, value, use, told, found);
    found.push({ offset, type, value, use });
  };
  const read = (at: number): void => {
    held.arrive(at);
    const word = wordAt(code, at, true);
    const to = word & 31;
    const from = (word >>> 5) & 31;
    const imm12 = (word >>> 10) & 0xfff;
    if ((word & 0x9f000000) >>> 0 === 0x90000000) {
      const pages = signExtend(((word >>> 29) & 3) | (((word >>> 5) & 0x7ffff) << 2), 21);
      held.set(to, {
        kind: "page",
        value: Math.floor((base + at) / 4096) * 4096 + pages * 4096,
        makers: [{ offset: at, type: PAGE }],
      });
      return;
    }
    // mrs xN, tpidr_el0
    if ((word & 0xffffffe0) >>> 0 === 0xd53bd040) {
      if (linked.threadSize > 0) held.set(to, { kind: "thread", value: 0, makers: [] });
      else held.delete(to);
      return;
    }
    // movz xN, #hi, lsl #16; movk xN, #lo: what a linker makes of a load of a thread-local's offset.
    const next = at + 8 <= code.length ? wordAt(code, at + 4, true) : 0;
    if ((word & 0xffe00000) >>> 0 === 0xd2a00000 && (next & 0xffe0001f) >>> 0 === (0xf2800000 | to) >>> 0) {
      const value = ((word >>> 5) & 0xffff) * 65536 + ((next >>> 5) & 0xffff);
      if (value >= 16 && value <= linked.threadSize + 4096 && linked.threadSize > 0) {
        found.push({ offset: at, type: THREAD_G1, value, use: "thread" });
        found.push({ offset: at + 4, type: THREAD_G0, value, use: "thread" });
      }
      held.delete(to);
      return;
    }
    const register = held.get(from);
    const isAdd = (word & 0xffc00000) >>> 0 === 0x91000000;
    const isHighAdd = (word & 0xffc00000) >>> 0 === 0x91400000;
    const isAccess = (word & 0x3b000000) >>> 0 === 0x39000000;
    if (register?.kind === "thread" && isHighAdd) {
      held.set(to, {
        kind: "thread",
        value: register.value + imm12 * 4096,
        makers: [{ offset: at, type: THREAD_HIGH }],
      });
      return;
    }
    const isLoad = isAccess && (word & 0x00c00000) !== 0;
    // A thread-local's low part is relocated only where the upper part was told.
    if (register !== undefined && (isAdd || isAccess) && (register.kind === "page" || register.makers.length > 0)) {
      const is128 = isAccess && (word & 0x04800000) >>> 0 === 0x04800000;
      const size = is128 ? 4 : word >>> 30;
      const value = register.value + imm12 * (isAdd ? 1 : 2 ** size);
      const isPage = register.kind === "page";
      const low = isPage ? ADD_LO12 : THREAD_LOW;
      const access = isPage ? ACCESS_LO12 : THREAD_ACCESS;
      const use = isPage ? (isLoad && size === 3 ? "load" : "address") : "thread";
      tell(register, value, at, isAdd ? low : (access[size] as number), use);
    }
    if (isDescriptorCall(code, at)) for (const register of [0, 1, 30]) held.delete(register);
    else forget(held, word, isAccess && !isLoad);
    follow(held, word, at, targets.get(at));
  };
  readFunctions(linked, held, found, told, (from, to) => {
    for (let at = from; at + 4 <= to; at += 4) read(at);
  });
  return found;
}

/** `add x0,x0,#low; blr x1`: the call for a thread-local's descriptor changes x0 alone. ELF for the Arm 64-bit Architecture, "TLS descriptors". */
function isDescriptorCall(code: Uint8Array, at: number): boolean {
  return (
    wordAt(code, at, true) === 0xd63f0020 && at >= 4 && (wordAt(code, at - 4, true) & 0xffc003ff) >>> 0 === 0x91000000
  );
}

/** x0 and x1, and the return address. Procedure Call Standard for the Arm 64-bit Architecture, 6.9. */
const CALL_RESULTS = [0, 1, 30];

/** Registers that hold something else after an instruction. */
function forget(held: Flow<Held>, word: number, isStore: boolean): void {
  if (held.isEmpty) return;
  const group = (word >>> 25) & 15;
  if ((word & 0xfc000000) >>> 0 === 0x94000000 || (word & 0xfffffc1f) >>> 0 === 0xd63f0000) {
    held.call(CALL_RESULTS);
    return;
  }
  const isBranch = (group & 0b1110) === 0b1010;
  if (isBranch || isStore) return;
  const isPair = (word & 0x3a000000) >>> 0 === 0x28000000;
  if (isPair) {
    if ((word & 0x00400000) === 0) return;
    held.delete((word >>> 10) & 31);
  }
  held.delete(word & 31);
}

/** Where control goes from an instruction. Arm ARM, C4.1.65. */
function follow(held: Flow<Held>, word: number, at: number, target: number | undefined): void {
  const isCall = (word & 0xfc000000) >>> 0 === 0x94000000;
  if (target !== undefined && !isCall) held.branch(at, target);
  if ((word & 0xfffffc1f) >>> 0 === 0xd61f0000) held.indirect();
  const isIndirect = (word & 0xff9ffc1f) >>> 0 === 0xd61f0000 && (word & 0x00600000) !== 0x00200000;
  if ((word & 0xfc000000) >>> 0 === 0x14000000 || isIndirect) held.end();
}
