import type { Family } from "../../arch/arch.ts";
import { readAddress, readWord } from "../../bytes.ts";
import type { SpanRelocation } from "../../spans/span.ts";
import type { Context } from "../run-context.ts";

/** Name of the rule for calls that go through a stub of the linker. */
export const PLT_RULE = {
  name: "plt-stub",
  why: "a call out of the image goes through a stub that jumps to the address in the GOT",
  source: "System V ABI, AMD64 supplement, Procedure Linkage Table; 64-bit ELF V2 ABI for Power, 3.6.1",
} as const;

/** `jmp *slot(%rip)` at a place, behind `endbr64` and `bnd` if they are there. */
const STUB = /^(f30f1efa)?(f2)?ff25/;

/** `std r2,24(r1)`: a stub saves the TOC pointer, which the code behind the call loads again. 64-bit ELF V2 ABI for Power, 3.6.1. */
const SAVE_TOC = 0xf8410018;

function isPowerStub({ arch, image }: Context, place: bigint): boolean {
  const bytes = image.memory.read(place, 4);
  if (bytes === undefined || bytes.length < 4) return false;
  return readWord(bytes, 0, arch.instructionData === "lsb") === SAVE_TOC;
}

/** What a stub of the linker leads to: the address in its slot, if it has one yet. */
interface Stub {
  readonly address: bigint | undefined;
}

type ReadStub = (context: Context, relocation: SpanRelocation, place: bigint) => Stub | undefined;

const powerStub: ReadStub = (context, _relocation, place) =>
  isPowerStub(context, place) ? { address: undefined } : undefined;

/** The slot is as wide as a pointer: in x32 four bytes. Position-independent stubs of i386 count from %ebx, and are not read. */
const x86Stub: ReadStub = ({ arch, image }, relocation, place) => {
  if (arch.code.instructions.kind !== "x86" || arch.code.instructions.mode !== 64) return undefined;
  const bytes = image.memory.read(place, 16);
  if (bytes === undefined || bytes.length < 11) return undefined;
  const stub = STUB.exec(Buffer.from(bytes).toString("hex"));
  if (stub === null) return undefined;
  const field = stub[0].length / 2;
  const slot = BigInt.asUintN(arch.class, place + BigInt(field + 4 + (readWord(bytes, field, true) | 0)));
  const word = image.memory.read(slot, arch.class / 8);
  if (word === undefined || word.length < arch.class / 8) return { address: undefined };
  const address = readAddress(word, 0, arch.class / 8, true);
  const isKnown = image.symbols.named(relocation.symbol?.name ?? "").some((symbol) => symbol.address === address);
  return { address: isKnown ? address : undefined };
};

/** Stubs of this architecture are not read. */
const NOT_READ: ReadStub = () => undefined;

/** How the stubs of an instruction set are read. */
const STUBS: Readonly<Record<Family, ReadStub>> = {
  x86: x86Stub,
  power: powerStub,
  aarch64: NOT_READ,
  arm: NOT_READ,
  mips: NOT_READ,
  riscv: NOT_READ,
  loongarch: NOT_READ,
  s390: NOT_READ,
  unknown: NOT_READ,
};

/** What a call of a symbol from elsewhere really leads to, if it goes through a PLT stub: the address in its slot, if it has one yet. */
export function throughPlt(context: Context, relocation: SpanRelocation, meant: bigint): Stub | undefined {
  if (relocation.howto.role !== "branch" || relocation.target !== undefined) return undefined;
  return STUBS[context.arch.family](context, relocation, meant);
}
