/** Random numbers that a seed decides, the same on every machine: xorshift32. Marsaglia, "Xorshift RNGs", 2003. */
export interface Random {
  /** A whole number from 0 to below the limit. */
  below(limit: number): number;
  /** True once in so many times. */
  once(times: number): boolean;
  pick<T>(items: readonly T[]): T;
}

/** Numbers for one case: those of its neighbours have nothing to do with them. */
export function randomOf(seed: number, name: string, index: number): Random {
  let state = 0x811c_9dc5;
  for (const char of `${seed}/${name}/${index}`) state = Math.imul(state ^ char.charCodeAt(0), 0x0100_0193) >>> 0;
  state ||= 1;
  const word = (): number => {
    state = (state ^ (state << 13)) >>> 0;
    state = (state ^ (state >>> 17)) >>> 0;
    state = (state ^ (state << 5)) >>> 0;
    return state;
  };
  for (let i = 0; i < 8; i++) word();
  const below = (limit: number): number => (limit <= 0 ? 0 : word() % limit);
  return {
    below,
    once: (times) => below(times) === 0,
    pick: (items) => items[below(items.length)] as (typeof items)[number],
  };
}
