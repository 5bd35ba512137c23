import type { Arch } from "../arch/arch.ts";
import { argumentAt } from "../arch/argument.ts";
import { callArguments } from "../arch/call-arguments.ts";
import type { ArgumentValue, LoadedConstant } from "../arch/code.ts";
import { loadedConstantAt } from "../arch/loaded-constant.ts";
import { isCode } from "../spans/section-kind.ts";
import type { Span, SpanRelocation } from "../spans/span.ts";
import { stringBytes } from "../spans/strings.ts";
import { isThumb } from "../spans/thumb.ts";
import type { Difference, LineEvidence } from "./difference.ts";
import { formatter, linesInFormat, lineTaker } from "./line-callees.ts";
import { dataLines } from "./line-fields.ts";
import { calleeName, isCall, isX86, type LineTest, placeName, storedAt } from "./line-places.ts";
import type { Run } from "./mask.ts";
import type { Sides } from "./pairing.ts";

/** The test for a pair of spans; undefined where nothing can be a line number. */
export function lineTest(pre: Span, post: Span, arch: Arch, sides: Sides): LineTest | undefined {
  if (pre.size !== post.size) return undefined;
  if (isCode(pre.kind)) return isCode(post.kind) ? new CodeLines(pre, post, arch) : undefined;
  return dataLines(pre, post, arch, sides);
}

/** A constant of the code that differs. */
interface Candidate {
  readonly pre: LoadedConstant;
  readonly post: LoadedConstant;
}

/** Where the place of a call stands in its arguments, and which of them is the line. */
interface CallOfLine {
  readonly by: "callee" | "format";
  readonly callee: string;
  readonly line: number;
  readonly place: number;
}

/**
 * A patch that adds a line moves `__LINE__` of everything below it: `mov $0x254,%esi; mov $"kernel/audit.c",%rdi; call
 * __might_sleep` differs in a number and does the same. A constant is a line only if the call that gets it takes a line in
 * that argument and is given the name of the file or the function in another: the same number behind the same name is a
 * timeout for any other callee.
 */
class CodeLines implements LineTest {
  readonly #pre: Span;
  readonly #post: Span;
  readonly #arch: Arch;
  readonly #isThumb: boolean;
  readonly #candidates: Candidate[] = [];
  /** Where an instruction is known to begin, before the next candidate. */
  #from = 0;

  constructor(pre: Span, post: Span, arch: Arch) {
    this.#pre = pre;
    this.#post = post;
    this.#arch = arch;
    this.#isThumb = isThumb(arch, pre);
  }

  accept({ offset, size }: Run): boolean {
    const last = this.#candidates.at(-1)?.pre;
    if (last !== undefined && offset < last.offset + last.size) return offset + size <= last.offset + last.size;
    const pre = this.#constant(this.#pre.bytes, offset);
    const post = pre && this.#constant(this.#post.bytes, offset);
    if (pre === undefined || post === undefined || pre.offset !== post.offset || pre.rest !== post.rest) return false;
    if (pre.size !== post.size || offset + size > pre.offset + pre.size) return false;
    if (pre.value <= 0 || post.value <= 0) return false;
    this.#candidates.push({ pre, post });
    // Only the start of x86 code tells where instructions begin, and a field ends one: no byte is decoded twice.
    if (isX86(this.#arch)) this.#from = pre.offset + pre.size;
    return true;
  }

  #constant(code: Uint8Array, offset: number): LoadedConstant | undefined {
    const from = this.#from;
    const found = loadedConstantAt(this.#arch, from === 0 ? code : code.subarray(from), offset - from, this.#isThumb);
    return found && { ...found, offset: found.offset + from };
  }

  finish(): Difference[] | undefined {
    const { relocations, bytes } = this.#pre;
    const calls = relocations.filter((relocation) => isCall(this.#pre, relocation, this.#arch));
    const relocated = new Set(relocations.map(({ offset }) => offset));
    const fields = calls.map(({ offset }) => offset);
    const before = callArguments(this.#arch, bytes, fields, relocated, this.#isThumb);
    const after = callArguments(this.#arch, this.#post.bytes, fields, relocated, this.#isThumb);
    // The instruction in a delay slot still prepares the call.
    const delay = this.#arch.code.hasDelaySlot ? 4 : 0;
    const lines: Difference[] = [];
    let next = 0;
    let first = 0;
    for (const { pre } of this.#candidates) {
      while (next < calls.length && (calls[next] as SpanRelocation).offset + delay < pre.offset) next++;
      const call = calls[next];
      const argument = argumentAt(this.#arch, bytes, pre.offset, this.#isThumb);
      if (call === undefined || argument === undefined) return undefined;
      const from = before.get(call.offset)?.[argument];
      const to = after.get(call.offset)?.[argument];
      // The number has to reach the call: nothing else writes the register, and no jump lies between.
      if (!isLine(from, pre) || typeof to !== "number" || to <= 0) return undefined;
      const begin = next === 0 ? 0 : (calls[next - 1] as SpanRelocation).offset;
      while (first < relocations.length && (relocations[first] as SpanRelocation).offset <= begin) first++;
      const prepared = new Map<number, SpanRelocation>();
      for (let i = first; i < relocations.length; i++) {
        const relocation = relocations[i] as SpanRelocation;
        if (relocation.offset > call.offset + delay) break;
        const isOther = relocation !== call && !namesOwnPlace(relocation, this.#pre);
        const at = isOther ? argumentAt(this.#arch, bytes, relocation.offset, this.#isThumb) : undefined;
        if (at !== undefined) prepared.set(at, relocation);
      }
      const meant = callOfLine(call, argument, prepared);
      const named = meant && prepared.get(meant.place);
      const place = named && placeName(named);
      if (meant === undefined || place === undefined) return undefined;
      const { by, callee } = meant;
      const field = storedAt(this.#pre, pre.offset, this.#post, pre.offset, pre.size);
      const line: LineEvidence = { by, place, pre: from, post: to, field, callee };
      const shown = { pre: String(from), post: String(to), within: undefined };
      lines.push({ kind: "line-number", offset: pre.offset, ...shown, line });
    }
    return lines;
  }
}

/** Whether a lower half names the instruction with the upper half, which alone names the thing. RISC-V psABI, "PC-Relative Symbol Addresses". */
function namesOwnPlace({ howto, target }: SpanRelocation, span: Span): boolean {
  return howto.role === "low" && target === span;
}

/** Whether what a register holds is the number that an instruction loads, or one whose low part it loads. */
function isLine(value: ArgumentValue, loaded: LoadedConstant): value is number {
  return typeof value === "number" && value > 0 && (value & 0xfff) === (loaded.value & 0xfff);
}

/** How a call takes the line that a candidate may be: by the table of known callees, or by the format it is given. */
function callOfLine(
  call: SpanRelocation,
  argument: number,
  prepared: ReadonlyMap<number, SpanRelocation>,
): CallOfLine | undefined {
  const callee = calleeName(call);
  const taker = lineTaker(callee);
  if (taker !== undefined && taker.line === argument) return { by: "callee", callee, ...taker };
  const format = formatter(callee)?.format;
  const given = format === undefined ? undefined : prepared.get(format);
  const text = given?.target && stringBytes(given.target, given.targetOffset);
  if (format === undefined || text === undefined) return undefined;
  const isLine = linesInFormat(Buffer.from(text).toString("latin1")).includes(argument - format);
  return isLine ? { by: "format", callee, line: argument, place: argument - 1 } : undefined;
}
