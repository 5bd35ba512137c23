import type { ThreadUse } from "../../arch/link.ts";
import type { Span, SpanRelocation } from "../../spans/span.ts";
import { bindAddress, type Context, referenceOf, wrap } from "../context.ts";
import { bindSlot } from "../slots.ts";
import type { LowBase } from "../tolerances/rules-riscv.ts";
import { bindThread } from "../tolerances/thread-locals.ts";
import type { Trial } from "../values.ts";
import { PLACED_THREADS } from "./halves.ts";

/** Name that linkers give to what the global pointer holds. RISC-V psABI, "Global-pointer Relaxation". */
const GLOBAL_POINTER = "__global_pointer$";

interface High {
  readonly relocation: SpanRelocation;
  readonly value: bigint | "gone";
  readonly register: number;
}

interface Low {
  readonly relocation: SpanRelocation;
  readonly base: LowBase;
  readonly value: bigint;
  readonly register: number;
  readonly runAt: number;
}

/** What does not agree, and where. */
interface Objection {
  readonly at: number;
  readonly runAt: number;
  readonly why: string;
  /** Whether it may be no objection any more once more is known. */
  readonly waits?: true;
}

/** The halves of addresses in one function: every lower one must belong to an upper one, or to a register that always holds the same. */
export class Halves {
  readonly #context: Context;
  readonly #trial: Trial;
  readonly #span: Span;
  readonly #highs: High[] = [];
  readonly #lows: Low[] = [];

  constructor(context: Context, trial: Trial, span: Span) {
    this.#context = context;
    this.#trial = trial;
    this.#span = span;
  }

  addHigh(relocation: SpanRelocation, value: bigint | "gone", register: number): void {
    this.#highs.push({ relocation, value, register });
  }

  addLow(
    relocation: SpanRelocation,
    { base, value }: { readonly base: LowBase; readonly value: bigint },
    register: number,
    runAt: number,
  ): void {
    this.#lows.push({ relocation, base, value, register, runAt });
  }

  /** Implies every whole address; says what is wrong with the first that cannot be. */
  check(): Objection | undefined {
    const byPlace = new Map(this.#highs.map((high) => [high.relocation.offset, high]));
    const waiting: { low: Low; relocation: SpanRelocation }[] = [];
    for (const low of this.#lows) {
      const isPlaced = low.relocation.howto.name.startsWith("R_RISCV_PCREL_");
      const placed = isPlaced ? byPlace.get(low.relocation.targetOffset) : undefined;
      if (isPlaced && (placed === undefined || low.relocation.target !== this.#span)) {
        return objection(low, "its upper half is not in the function");
      }
      const relocation = placed?.relocation ?? low.relocation;
      if (low.base === "gp") {
        waiting.push({ low, relocation });
        continue;
      }
      const why = this.#checkLow(low, relocation, placed);
      if (why !== undefined) return objection(low, why);
    }
    return this.#checkGlobal(waiting);
  }

  #checkLow(low: Low, relocation: SpanRelocation, placed: High | undefined): string | undefined {
    const { arch } = this.#context;
    if (low.base === "zero") return this.#bindAddress(relocation, wrap(arch, low.value));
    if (low.base === "tp") return this.#bindThread(relocation, "tp", low.value);
    const highs = placed === undefined ? this.#highsOf(low) : [placed];
    if (highs.length === 0) return "its upper half is not in the function";
    for (const { value, relocation: high } of highs) {
      if (value === "gone") return "the run code does not load the upper half that is added to";
      const whole = wrap(arch, value + low.value);
      const why = this.#checkWhole(high, relocation, whole);
      if (why !== undefined) return why;
    }
    return undefined;
  }

  #checkWhole(high: SpanRelocation, relocation: SpanRelocation, whole: bigint): string | undefined {
    if (high.howto.name === "R_RISCV_TPREL_HI20") return this.#bindThread(relocation, "tp", whole);
    const thread = PLACED_THREADS.get(high.howto.name);
    if (thread !== undefined) return this.#bindThread(high, thread, whole);
    if (high.howto.role !== "got") return this.#bindAddress(relocation, whole);
    return bindSlot(this.#context, this.#trial, this.#span, high, wrap(this.#context.arch, whole - high.targetAddend));
  }

  /** The upper halves of the same thing; else of the same symbol, in the register that the lower one is added to. */
  #highsOf({ relocation, register }: Low): readonly High[] {
    const isTls = relocation.howto.name.startsWith("R_RISCV_TPREL_");
    const named = this.#highs.filter(
      ({ relocation: high }) =>
        high.howto.name === (isTls ? "R_RISCV_TPREL_HI20" : "R_RISCV_HI20") && high.symbol === relocation.symbol,
    );
    const exact = named.filter(({ relocation: high }) => high.targetAddend === relocation.targetAddend);
    return exact.length > 0 ? exact : named.filter((high) => high.register === register);
  }

  #bindAddress(relocation: SpanRelocation, address: bigint): string | undefined {
    return bindAddress(this.#context, this.#trial, this.#span, relocation, address);
  }

  #bindThread(relocation: SpanRelocation, use: ThreadUse, value: bigint): string | undefined {
    return bindThread(this.#context, this.#trial, this.#span, relocation, { use, value });
  }

  /** Distances from the global pointer: it is a symbol, or follows from the first thing near it whose address is known. */
  #checkGlobal(waiting: readonly { low: Low; relocation: SpanRelocation }[]): Objection | undefined {
    const [first] = waiting;
    if (first === undefined) return undefined;
    const pointer = this.#globalPointer() ?? this.#deduce(waiting);
    if (pointer === undefined) {
      return { ...objection(first.low, "what the global pointer holds is not known"), waits: true };
    }
    for (const { low, relocation } of waiting) {
      const why = this.#bindAddress(relocation, wrap(this.#context.arch, pointer + low.value));
      if (why !== undefined) return objection(low, why);
    }
    this.#trial.addresses.set(GLOBAL_POINTER, pointer);
    return undefined;
  }

  #globalPointer(): bigint | undefined {
    const { image, values } = this.#context;
    const known = this.#trial.addresses.get(GLOBAL_POINTER) ?? values.get(GLOBAL_POINTER);
    return known ?? image.symbols.named(GLOBAL_POINTER)[0]?.address;
  }

  #deduce(waiting: readonly { low: Low; relocation: SpanRelocation }[]): bigint | undefined {
    for (const { low, relocation } of waiting) {
      const reference = referenceOf(this.#context, relocation);
      if (reference === undefined) continue;
      const { key, offset } = reference;
      const known = this.#context.values.get(key) ?? this.#trial.addresses.get(key);
      if (known !== undefined) return wrap(this.#context.arch, known + offset - low.value);
    }
    return undefined;
  }
}

function objection({ relocation, runAt }: Low, why: string): Objection {
  return { at: relocation.offset, runAt, why };
}
