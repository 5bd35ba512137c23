import type { Family } from "../../arch/arch.ts";
import { readAddress, readWord } from "../../bytes.ts";
import type { SpanRelocation } from "../../spans/span.ts";
import type { Context, Reference } from "../run-context.ts";
import type { Trial } from "../values.ts";

/** Name of the rule for branches that reach their target through code of the linker. */
export const VENEER_RULE = {
  name: "branch-veneer",
  why: "a branch that cannot reach its target goes to a veneer, which can",
  source: "AAELF64, Call and jump relocations; GNU ld, bfd/elfnn-aarch64.c: long branch stubs",
} as const;

const PAGE = 0x1000n;
/** `bti c`, which a target of indirect branches may begin with. */
const BTI_C = 0xd503245f;
/** `adrp x16; add x16, x16; br x16`, without the fields. */
const NEAR = { adrp: 0x90000010, add: 0x91000210, br: 0xd61f0200 } as const;
/** `ldr x16, #16; adr x17, #0; add x16, x16, x17; br x16`, then the distance from the second. */
const FAR = [0x58000090, 0x10000011, 0x8b110210, 0xd61f0200];

/** The 21 bits of ADR and ADRP, which are signed: immlo, then immhi. Arm ARM, C6.2.11. */
export function adrImmediate(word: number): bigint {
  return BigInt.asIntN(21, BigInt((((word >>> 5) & 0x7ffff) << 2) | ((word >>> 29) & 3)));
}

/** Where a veneer at an address leads; undefined for anything else. */
function veneerTarget({ image, arch }: Context, address: bigint): bigint | undefined {
  const bytes = image.memory.read(address, 28);
  if (bytes === undefined || bytes.length < 12) return undefined;
  const word = (at: number): number => (at + 4 > bytes.length ? 0 : readWord(bytes, at, true));
  const from = word(0) === BTI_C ? 4 : 0;
  const start = address + BigInt(from);
  const [adrp, add] = [word(from), word(from + 4)];
  const isNear = (adrp & 0x9f00001f) >>> 0 === NEAR.adrp && (add & 0xffc003ff) >>> 0 === NEAR.add;
  if (isNear && word(from + 8) === NEAR.br) {
    return BigInt.asUintN(
      arch.class,
      start - (start % PAGE) + adrImmediate(adrp) * PAGE + BigInt((add >>> 10) & 0xfff),
    );
  }
  if (!FAR.every((expected, index) => word(from + 4 * index) === expected) || from + 24 > bytes.length)
    return undefined;
  return BigInt.asUintN(arch.class, start + 4n + readAddress(bytes, from + 16, 8, arch.data === "lsb"));
}

/** Veneers of this architecture are not followed. */
const NOT_FOLLOWED = undefined;

/** How the veneers of an instruction set are read. */
const VENEERS: Readonly<Record<Family, ((context: Context, address: bigint) => bigint | undefined) | undefined>> = {
  aarch64: veneerTarget,
  x86: NOT_FOLLOWED,
  arm: NOT_FOLLOWED,
  power: NOT_FOLLOWED,
  mips: NOT_FOLLOWED,
  riscv: NOT_FOLLOWED,
  loongarch: NOT_FOLLOWED,
  s390: NOT_FOLLOWED,
  unknown: NOT_FOLLOWED,
};

/** What a branch to an address really leads to, if a veneer stands there; undefined if not. */
export function throughVeneer(
  context: Context,
  trial: Trial,
  { howto }: SpanRelocation,
  { key, offset }: Reference,
  direct: bigint,
): bigint | undefined {
  const read = VENEERS[context.arch.family];
  if (read === undefined || howto.role !== "branch") return undefined;
  const isIt = (address: bigint): boolean => BigInt.asUintN(context.arch.class, address + offset) === direct;
  // A function of the program may look like a veneer.
  const known = context.values.get(key) ?? trial.addresses.get(key);
  if (known !== undefined && isIt(known)) return undefined;
  if (context.image.symbols.named(typeof key === "string" ? key : key.name).some(({ address }) => isIt(address)))
    return undefined;
  return read(context, direct);
}
