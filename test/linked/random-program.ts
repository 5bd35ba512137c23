export interface SourceFile {
  readonly name: string;
  readonly pre: string;
  readonly post: string;
}

/** A C program of several files and one patch of it: what each file says before and after. */
export interface RandomProgram {
  readonly seed: number;
  /** The patch in words. */
  readonly patch: string;
  readonly files: readonly SourceFile[];
}

/** A generator of numbers that gives the same ones for the same seed (mulberry32). */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 up to, but without, `end`. */
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }
}

interface Fun {
  readonly name: string;
  readonly isStatic: boolean;
  readonly isInline: boolean;
  body: string[];
}

interface File {
  readonly index: number;
  readonly statics: string[];
  readonly arrays: string[];
  readonly constants: string[];
  readonly locals: string[];
  readonly globals: string[];
  readonly tables: { readonly name: string; members: string[] }[];
  readonly functions: Fun[];
  extra: string[];
}

const WORDS = ["red", "green", "blue", "a longer piece of text", "one more\\n", "x", "left", "right", "up", "down"];
/** Calls out of the file; `isalpha` reads a table that ends. */
const IMPORTS = ["abs(a)", "isalpha(a & 127)", "atoi_of(a)", "labs_of(a)"];

/** Statements that only need what every file has; `own` is the file, `all` are all files. */
function statement(random: Random, own: File, all: readonly File[], depth: number): string {
  const other = random.pick(all);
  const number = random.pick([1, 3, 7, 8, 16, 100, 255, 1000, 4096, 70000]);
  const simple: (() => string)[] = [
    () => `a += b * ${number};`,
    () => `b ^= a >> ${1 + random.below(9)};`,
    () => `${random.pick(own.statics)} += a;`,
    () => `a += ${random.pick(own.statics)};`,
    () => `${random.pick(own.arrays)}[a & 7] = b;`,
    () => `b += ${random.pick(own.arrays)}[b & 7];`,
    () => `a += ${random.pick(own.constants)}[b & 15];`,
    () => `${random.pick(own.locals)} += b;`,
    () => `b -= ${random.pick(own.locals)};`,
    () => `a ^= ${random.pick(other.globals)};`,
    () => `${random.pick(other.globals)} = b + ${number};`,
    () => `say("${random.pick(WORDS)} ${random.below(30)}");`,
    () => `a += table_use(&${random.pick(own.tables).name}, b);`,
    () => `current = &${random.pick(own.tables).name};`,
    () => `a = shared_0_0(a, b + ${number});`,
    () => `b += ${random.pick(IMPORTS)};`,
    () => `shared_level += a & 3;`,
    () => `pointer = &${random.pick(own.statics)};`,
    () => `sink(&${random.pick(own.arrays)}[${random.below(8)}]);`,
  ];
  const callee = callable(random, own, other);
  if (callee !== undefined)
    simple.push(
      () => `a += ${callee}(b, ${number});`,
      () => `b = ${callee}(a, b);`,
    );
  if (depth === 0 && random.below(5) === 0) {
    const cases = Array.from({ length: 5 + random.below(4) }, (_, i) => {
      const inner = statement(random, own, all, 1);
      return `case ${i}: ${inner} ${random.below(3) === 0 ? "" : "break;"}`;
    });
    return `switch (a & 15) { ${cases.join("\n    ")} }`;
  }
  if (depth === 0 && random.below(5) === 0) return `if (a > ${number}) { ${statement(random, own, all, 1)} }`;
  if (depth === 0 && random.below(7) === 0)
    return `for (int i = 0; i < (b & 7); i++) { ${statement(random, own, all, 1)} a += i; }`;
  return random.pick(simple)();
}

/** Functions of a lower number may be called, so that no call chain runs in a circle. */
function callable(random: Random, own: File, other: File): string | undefined {
  const names = [...own.functions, ...other.functions.filter(({ isStatic }) => !isStatic)];
  return names.length === 0 ? undefined : random.pick(names).name;
}

function createFile(random: Random, index: number): File {
  const several = (name: string, least: number, most: number): string[] =>
    Array.from({ length: least + random.below(most - least + 1) }, (_, i) => `${name}_${index}_${i}`);
  return {
    index,
    statics: several("count", 2, 4),
    arrays: several("ring", 1, 3),
    constants: several("weights", 1, 3),
    locals: several("depth", 1, 3),
    globals: several("total", 1, 3),
    tables: several("ops", 1, 3).map((name) => ({ name, members: [] })),
    functions: [],
    extra: [],
  };
}

function textOf(file: File, all: readonly File[], seed: number): string {
  const random = new Random(seed * 977 + file.index);
  const lines = [
    "struct ops { int (*get)(int, int); int (*put)(int, int); const char *name; };",
    "extern void say(const char *); extern int table_use(const struct ops *, int); extern void sink(int *);",
    "extern int abs(int), isalpha(int), rand(void); extern int atoi_of(int), labs_of(int); extern __thread int shared_level;",
    "extern const struct ops *volatile current; extern int *volatile pointer; extern int shared_0_0(int, int);",
  ];
  for (const other of all) {
    for (const name of other.globals) lines.push(`extern int ${name};`);
    for (const { name, isStatic } of other.functions) if (!isStatic) lines.push(`extern int ${name}(int, int);`);
  }
  for (const [i, name] of file.statics.entries()) lines.push(`static int ${name}${i % 2 ? ` = ${i + 5}` : ""};`);
  for (const [i, name] of file.arrays.entries()) lines.push(`static int ${name}[${8 + 8 * i}];`);
  for (const name of file.constants) {
    const values = Array.from({ length: 16 }, () => random.below(1000));
    lines.push(`static const int ${name}[16] = { ${values.join(", ")} };`);
  }
  for (const [i, name] of file.locals.entries()) lines.push(`static __thread int ${name}${i % 2 ? " = 4" : ""};`);
  for (const [i, name] of file.globals.entries()) lines.push(`int ${name}${i % 2 ? " = 9" : ""};`);
  lines.push(...file.extra);
  for (const { name, isStatic } of file.functions) if (isStatic) lines.push(`static int ${name}(int, int);`);
  for (const { name, members } of file.tables)
    lines.push(`static const struct ops ${name} = { ${members.join(", ")} };`);
  for (const { name, isStatic, isInline, body } of file.functions) {
    lines.push(
      `${isStatic ? "static " : ""}${isInline ? "" : "__attribute__((noinline)) "}int ${name}(int a, int b) {`,
      ...body.map((line) => `  ${line}`),
      "  return a - b;",
      "}",
    );
  }
  return `${lines.join("\n")}\n`;
}

const MAIN = `#include <stdio.h>
#include <stdlib.h>
struct ops { int (*get)(int, int); int (*put)(int, int); const char *name; };
const struct ops *volatile current;
int *volatile pointer;
__thread int shared_level;
void say(const char *text) { puts(text); }
int table_use(const struct ops *ops, int a) { return ops->get(a, 1) + ops->put(a, 2) + ops->name[0]; }
void sink(int *p) { *p ^= 1; }
int atoi_of(int a) { char text[16]; snprintf(text, sizeof text, "%d", a); return atoi(text); }
int labs_of(int a) { return (int)labs(a); }
extern int start(int, int);
int main(int argc, char **argv) { (void)argv; return argc > 100 ? start(argc, 1) : 0; }
`;

/** What patches are made, and of what programs. */
export interface Mix {
  /** How many of a hundred patches bring a thread-local, which no running program can be given; default: one of eight kinds. */
  readonly newThreadLocals?: number;
  /** How many of a hundred new calls are of a library function that the program does not import; default: all. */
  readonly newImports?: number;
  /** Whether each variable is used before the patch, so that the compiler keeps it. */
  readonly usesAll?: boolean;
}

/** One change of the source somewhere in the program; returns what it is in words. */
function mutate(random: Random, files: File[], { newThreadLocals, newImports }: Mix): string {
  const file = random.pick(files);
  const fun = random.pick(file.functions);
  const at = random.below(fun.body.length);
  const where = `${fun.name}, statement ${at}`;
  const kinds: (() => string)[] = [
    () => {
      fun.body[at] = statement(random, file, files, 0);
      return `${where} is another one`;
    },
    () => {
      fun.body.splice(at, 0, statement(random, file, files, 0), statement(random, file, files, 1));
      return `${where}: two more before it`;
    },
    () => {
      fun.body.splice(at, 1);
      return `${where} is gone`;
    },
    () => {
      const table = random.pick(file.tables);
      table.members[random.below(2)] = random.pick(file.functions).name;
      return `${table.name} has another member`;
    },
    () => {
      file.extra.push(`static int added_${file.index}[${1 + random.below(40)}];`);
      fun.body.splice(at, 0, `added_${file.index}[a & 0] += b;`);
      return `${where}: a new variable is used`;
    },
    () => {
      const isNew = newImports === undefined || random.below(100) < newImports;
      const callee = isNew ? "rand()" : "isalpha(b & 127)";
      fun.body.splice(at, 0, `say("new text ${random.below(100)}"); a += labs_of(b) + ${callee};`);
      return `${where}: new text and calls`;
    },
    () => {
      file.functions.push({
        name: `added_function_${file.index}`,
        isStatic: true,
        isInline: false,
        body: [statement(random, file, files, 0), statement(random, file, files, 0)],
      });
      fun.body.splice(at, 0, `a += added_function_${file.index}(b, a);`);
      return `${where}: a new function is called`;
    },
  ];
  const withThreadLocal = (): string => {
    file.extra.push(`static __thread int added_level_${file.index};`);
    fun.body.splice(at, 0, `added_level_${file.index} += b;`);
    return `${where}: a new thread-local is used`;
  };
  if (newThreadLocals === undefined) return random.pick([...kinds, withThreadLocal])();
  return random.below(100) < newThreadLocals ? withThreadLocal() : random.pick(kinds)();
}

/** A function that reads and writes every variable of a file. */
function useOfAll({ index, statics, arrays, constants, locals, globals, tables }: File): Fun {
  const body = [
    ...[...statics, ...locals, ...globals].map((name) => `${name} += a; b ^= ${name};`),
    ...arrays.map((name) => `${name}[a & 7] ^= b; b += ${name}[b & 7];`),
    ...constants.map((name) => `b += ${name}[a & 15];`),
    ...tables.map(({ name }) => `current = &${name};`),
  ];
  return { name: `use_${index}`, isStatic: false, isInline: false, body };
}

/** The program and patch of a seed. */
export function randomProgram(seed: number, mix: Mix = {}): RandomProgram {
  const random = new Random(seed);
  const files = Array.from({ length: 2 + random.below(2) }, (_, i) => createFile(random, i));
  const shared: Fun = { name: "shared_0_0", isStatic: false, isInline: false, body: ["a ^= b * 3;"] };
  (files[0] as File).functions.push(shared);
  for (const file of files) {
    const count = 3 + random.below(5);
    for (let i = 0; i < count; i++) {
      const isStatic = random.below(3) !== 0;
      const fun: Fun = {
        name: `work_${file.index}_${i}`,
        isStatic,
        isInline: isStatic && random.below(4) === 0,
        body: [],
      };
      for (let left = 2 + random.below(6); left > 0; left--) fun.body.push(statement(random, file, files, 0));
      file.functions.push(fun);
    }
    if (mix.usesAll) file.functions.push(useOfAll(file));
    for (const table of file.tables) {
      const member = (): string => random.pick(file.functions).name;
      table.members = [member(), member(), `"${random.pick(WORDS)}"`];
    }
  }
  const last = files[files.length - 1] as File;
  const calls = files.flatMap((file) =>
    file.functions.filter((fun) => !fun.isStatic || file === last).map(({ name }) => `a += ${name}(a, b);`),
  );
  last.functions.push({ name: "start", isStatic: false, isInline: false, body: calls });
  // Statics of the other files are all kept by their tables and by a function of their own.
  for (const file of files.slice(0, -1)) {
    const body = file.functions.filter(({ isStatic }) => isStatic).map(({ name }) => `a += ${name}(b, a);`);
    file.functions.push({ name: `run_${file.index}`, isStatic: false, isInline: false, body: ["b += 2;", ...body] });
  }
  const texts = (): string[] => files.map((file) => textOf(file, files, seed));
  const pre = texts();
  let patch = "";
  let post = pre;
  for (let tries = 0; tries < 20 && post.every((text, i) => text === pre[i]); tries++) {
    patch = mutate(random, files, mix);
    post = texts();
  }
  const parts = pre.map((text, i) => ({ name: `part${i}`, pre: text, post: post[i] as string }));
  return { seed, patch, files: [...parts, { name: "main", pre: MAIN, post: MAIN }] };
}
