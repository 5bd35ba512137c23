/*
 * Where does the instruction end whose displacement is relocated? An x86-64 displacement counts from there, so `cmpl
 * $5,v(%rip)` has the addend −8 (four bytes of displacement, four of immediate) and `mov v(%rip),%eax` has −4. The
 * bytes before the field decide, but they can be read in more than one way, because nothing marks an instruction's
 * first byte:
 *
 *     83 e0 0f | c1 25 .. .. .. .. 05      and $15,%eax ; shll $5,v(%rip)     one byte of immediate
 *        83 e0 | 0f c1 25 .. .. .. ..      (…)          ; xadd %esp,v(%rip)   none
 *
 * So every start that makes the field a rip-relative displacement is tried. Nearly always all of them give the same
 * number (a REX prefix more or less changes nothing). If not, instructions are decoded from many starts further back.
 * Wrong starts fall into step with the right one after a few instructions, and the reading that most of them arrive at
 * wins. From the first byte of a section only one reading is possible; where that byte is near, it alone decides. A tie
 * goes to the longest reading: a prefix without its instruction is rarer than an instruction that ends in a byte that
 * looks like a prefix.
 */
import { largest } from "../../lists.ts";
import { decodeX86, mayHaveImmediate, type X86Mode } from "./decode.ts";

/** Farthest distance from an instruction's first byte to its displacement: prefixes, opcode, ModRM. */
const FARTHEST_START = 11;
/** How far back the vote looks. Long enough for most starts to fall into step. */
const VOTE_FROM = 96;
const VOTE_TO = 24;

/** Bytes of the instruction that follow a pc-relative field: those of an immediate, else 0. */
export function trailingBytes(code: Uint8Array, field: number, size: number, mode: X86Mode): number {
  if (mode === 32 || size !== 4 || !isRipModrm(code[field - 1])) return 0;
  if (!mayHaveImmediate(code, field - 1)) return 0;
  const readings = new Map<number, number>();
  for (let start = Math.max(0, field - FARTHEST_START); start < field - 1; start++) {
    const insn = decodeX86(code, start, mode);
    if (insn?.ripRelative && start + insn.displacementOffset === field) readings.set(start, insn.immediateSize);
  }
  const sizes = new Set(readings.values());
  if (sizes.size > 1) return mostVotes(code, field, mode, readings);
  return [...sizes][0] ?? 0;
}

/** Whether a byte can be the ModRM of a rip-relative operand: mod 00, r/m 101. */
function isRipModrm(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc7) === 0x05;
}

/** Immediate size of the reading that decoding arrives at from most starts further back. */
function mostVotes(code: Uint8Array, field: number, mode: X86Mode, readings: ReadonlyMap<number, number>): number {
  const first = Math.max(0, field - VOTE_FROM);
  const last = first === 0 ? 0 : field - VOTE_TO;
  // What decoding arrives at from each place; from the nearest to the farthest, so that each is decoded once.
  const arrivals = new Map(readings);
  for (let start = field - 1; start >= first; start--) {
    if (arrivals.has(start)) continue;
    const insn = decodeX86(code, start, mode);
    const size = insn && arrivals.get(start + insn.length);
    if (size !== undefined) arrivals.set(start, size);
  }
  const votes = new Map([...readings.values()].map((size) => [size, 0]));
  for (let start = first; start <= last; start++) {
    const size = arrivals.get(start);
    if (size !== undefined) votes.set(size, (votes.get(size) as number) + 1);
  }
  const most = largest(votes.values());
  for (const [size, count] of votes) if (count === most) return size;
  return 0;
}
