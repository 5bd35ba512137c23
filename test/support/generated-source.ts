/* A C source with many functions that call and inline one another, the same for one seed everywhere. */

/** Numbers from 0 to below `n`, always the same for one seed. mulberry32. */
function generator(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

const KINDS = [
  "static inline __attribute__((always_inline)) int",
  "static int",
  "int",
  "__attribute__((noinline)) int",
] as const;

/** So many functions, each of up to six statements on lines of their own; every one is used. */
export function generatedSource(seed: number, count: number): string {
  const pick = generator(seed);
  const names: string[] = [];
  const lines = ["extern int other(int);", "struct state { int a, b; long q[4]; };", "static int counter;"];
  const statement = (): string[] => {
    const member = pick(2) === 0 ? "a" : "b";
    switch (pick(6)) {
      case 0:
        return names.length === 0 ? ["  x++;"] : [`  x += ${names[pick(names.length)]}(x, s);`];
      case 1:
        return [`  if (x > ${1 + pick(9999)})`, `    return s->${member} + ${pick(99)};`];
      case 2:
        return ["  for (int i = 0; i < x; i++)", `    s->q[i & 3] ^= x * ${2 + pick(97)};`];
      case 3:
        return [`  x = other(x + s->${member});`];
      case 4:
        return ["", "  counter += x;"];
      default:
        return ["  /* nothing */", `  x ^= ${1 + pick(1 << 20)};`];
    }
  };
  for (let i = 0; i < count; i++) {
    const body = Array.from({ length: 1 + pick(6) }, statement).flat();
    lines.push("", `${KINDS[pick(KINDS.length)]} f${i}(int x, struct state *s)`, "{", ...body, "  return x;", "}");
    names.push(`f${i}`);
  }
  return [...lines, "", `int (*const table[])(int, struct state *) = { ${names.join(", ")} };`, ""].join("\n");
}
