import type { Arch } from "./arch.ts";
import { type ArgumentValue, codeFor, type GetRegister } from "./code.ts";

/**
 * Constants in the argument registers of the calls of one function, by the place of each call's field. One pass over the code:
 * a value holds until something may write the register, code goes on elsewhere, or a call is made. `fields` and `relocated`
 * are offsets in the code: of the calls, and of all relocated fields. Empty where the architecture passes no argument in registers.
 */
export function callArguments(
  arch: Arch,
  code: Uint8Array,
  fields: readonly number[],
  relocated: ReadonlySet<number>,
  isThumb: boolean,
): ReadonlyMap<number, readonly ArgumentValue[]> {
  const { step, argumentRegisters, hasDelaySlot } = codeFor(arch, isThumb);
  const found = new Map<number, readonly ArgumentValue[]>();
  if (argumentRegisters.length === 0 || fields.length === 0) return found;
  const registers = new Map<number, ArgumentValue>();
  const get: GetRegister = (register) => registers.get(register);
  const calls = [...fields].sort((a, b) => a - b);
  let next = 0;
  for (let at = 0; at < code.length && next < calls.length; ) {
    const effect = step(code, at, get, relocated);
    const end = at + effect.length;
    const isCall = (calls[next] as number) < end;
    if (!isCall) for (const [register, value] of effect.writes) registers.set(register, value);
    if (effect.isEnd === true && !isCall) registers.clear();
    at = end;
    if (!isCall) continue;
    if (hasDelaySlot && at < code.length) {
      for (const [register, value] of step(code, at, get, relocated).writes) registers.set(register, value);
    }
    while (next < calls.length && (calls[next] as number) < end)
      found.set(calls[next++] as number, argumentRegisters.map(get));
    registers.clear();
  }
  return found;
}
