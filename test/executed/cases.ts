/** One patch of one small program: `run` is called with the numbers from -2 to 9, and what it returns and prints is compared. */
export interface Case {
  /** What the patch is and why, as its commit message would say it. */
  readonly title: string;
  readonly source: string;
  /** What is replaced by what. */
  readonly edits: readonly (readonly [before: string, after: string])[];
  /** The finding that refuses it, where it must be refused. */
  readonly refused?: RegExp;
  /** Whether new code needs what only a dynamic linker can look up. */
  readonly needsLookup?: true;
}

const patch = (title: string, source: string, ...edits: Case["edits"][number][]): Case => ({ title, source, edits });
const looked = (...args: Parameters<typeof patch>): Case => ({ ...patch(...args), needsLookup: true });
const refused = (title: string, reason: RegExp, source: string, ...edits: Case["edits"][number][]): Case => ({
  title,
  source,
  edits,
  refused: reason,
});

/** Never inlined: so that there is a function to patch. */
const F = "__attribute__((noinline))";

export const CASES: readonly Case[] = [
  patch(
    "a bound is checked before a table is read",
    `static const int t[4] = {1,2,3,4}; int run(int n) { return t[n & 7 & (n < 0 ? 0 : 3)]; } int other(int n) { return t[n & 3]; }`,
    ["t[n & 7 & (n < 0 ? 0 : 3)]", "n < 0 || n > 3 ? -22 : t[n]"],
  ),
  patch("an off-by-one in a loop", `int run(int n) { int s = 0; for (int i = 0; i <= n; i++) s += i * i; return s; }`, [
    "i <= n",
    "i < n",
  ]),
  patch(
    "a null pointer is checked",
    `struct box { int v; }; static struct box b = {7}; ${F} static struct box *find(int n) { return n > 3 ? 0 : &b; } int run(int n) { struct box *p = find(n & 3); return p->v; }`,
    ["return p->v", "return p ? p->v : -1"],
    ["find(n & 3)", "find(n)"],
  ),
  patch(
    "a reference count is put back on the error path",
    `static int refs; int count(void) { return refs; } int run(int n) { refs++; if (n < 2) return -1; refs--; return refs; }`,
    ["if (n < 2) return -1", "if (n < 2) { refs--; return -1; }"],
  ),
  patch("a wrong operator", `int run(int n) { return n & 5; }`, ["n & 5", "n | 5"]),
  patch("a constant that was too small", `int run(int n) { return n * 100; }`, ["100", "100000"]),
  patch("a new message is printed on the way", `int run(int n) { printf("run %d\\n", n); return n; }`, [
    "return n;",
    'if (n > 5) printf("large: %d\\n", n); return n;',
  ]),
  patch("a text with a typo", `int run(int n) { puts(n > 3 ? "larg" : "small"); return 0; }`, ["larg", "large"]),
  patch(
    "a new helper does what was copied",
    `int run(int n) { return n * 3 + 1; }`,
    ["int run", `${F} static int step(int n) { return n % 2 ? 3 * n + 1 : n / 2; } int run`],
    ["n * 3 + 1", "step(step(n)) + 1"],
  ),
  looked("a library function is called that the program did not need before", `int run(int n) { return n * 2; }`, [
    "return n * 2",
    'srand(n + 3); int r = rand(); return r % 100 + (int)strtol("12", 0, 10)',
  ]),
  looked(
    "the address of a library function that the program did not need before",
    `static int (*volatile chosen)(int); int run(int n) { return n * 2 + (chosen != 0); }`,
    ["return n * 2", "chosen = rand() % 2 == 5 ? 0 : abs; return chosen(-n)"],
  ),
  patch(
    "a helper is gone",
    `${F} static int twice(int n) { return 2 * n; } int run(int n) { return twice(n) + 1; }`,
    [`${F} static int twice(int n) { return 2 * n; }`, ""],
    ["twice(n)", "(n + n)"],
  ),
  patch(
    "a new counter counts from zero",
    `int run(int n) { n = n * n + 3; return n; }`,
    ["int run", "static int calls; int run"],
    ["return n;", "calls += 2; return n + calls;"],
  ),
  patch(
    "a new table with its own numbers",
    `int run(int n) { n = n * n + 3; return n; }`,
    ["int run", "static const short w[5] = {5, -4, 3, -2, 1}; int run"],
    ["return n;", "return n < 0 ? n : w[n % 5];"],
  ),
  patch(
    "one number of a table is wrong",
    `static const int w[6] = {1, 2, 4, 8, 15, 32}; int run(int n) { return w[(unsigned)n % 6]; }`,
    ["15", "16"],
  ),
  patch(
    "a table gets another row",
    `static const int w[3] = {1, 2, 4}; ${F} static int at(int n) { return w[(unsigned)n % (sizeof w / sizeof *w)]; } int run(int n) { return at(n); }`,
    ["w[3] = {1, 2, 4}", "w[4] = {1, 2, 4, 8}"],
  ),
  patch(
    "a case of a switch is added",
    `int run(int n) { switch (n) { case 0: return 5; case 1: return 9; case 2: puts("two"); return 1; case 3: return 44; case 4: return n * 7; case 5: puts("five"); return 2; case 6: return 66; } return -25; }`,
    ["case 6: return 66;", 'case 6: return 66; case 7: puts("seven"); return 77; case 8: return 8;'],
  ),
  patch(
    "a switch sets states",
    `static int state; int run(int n) { switch (n) { case 0: state = n; return 0; case 1: state ^= 3; return state; case 2: puts("two"); return state * 5; case 3: state -= 7; return 1; case 4: puts("four"); return 44; case 5: state <<= 1; return state & 255; default: return -25; } }`,
    ["state ^= 3", "state ^= 6"],
    ["return 44", "state++; return 45"],
  ),
  patch(
    "state in static variables is kept and used",
    `static int total = 5; static int last; int run(int n) { total += n; last = n; return total; }`,
    ["return total", "return total * 2 + last"],
  ),
  patch("a static local is kept", `int run(int n) { static int seen = 3; seen += n; return seen; }`, [
    "return seen",
    "return seen ^ 1",
  ]),
  patch(
    "statics of one name in two functions",
    `int other(int n) { static int seen = 1; return seen += n; } int run(int n) { static int seen = 2; seen += n; return seen + other(1); }`,
    ["return seen + other(1)", "return seen - other(2)"],
  ),
  patch(
    "a buffer on the heap is freed",
    `int run(int n) { char *p = malloc(16); if (n < 0) return -1; p[0] = (char)n; int r = p[0]; free(p); return r; }`,
    ["if (n < 0) return -1", "if (n < 0) { free(p); return -2; }"],
  ),
  patch(
    "a string is copied with its end",
    `int run(int n) { char b[8]; memset(b, 'x', 8); memcpy(b, "abc", 3); b[7] = 0; return (int)strlen(b) + n; }`,
    ['memcpy(b, "abc", 3)', 'memcpy(b, "abc", 4)'],
  ),
  patch(
    "a call through a table of functions",
    `${F} static int a(int n) { return n + 1; } ${F} static int b(int n) { return n * 2; } static int (*const ops[2])(int) = {a, b}; int run(int n) { return ops[n & 1](n); }`,
    ["return n * 2", "return n * 2 + 10"],
  ),
  patch(
    "a call through a pointer that live data holds",
    `${F} static int a(int n) { n *= n; return n + 1; } static int (*volatile op)(int) = a; int run(int n) { return op(n); }`,
    ["return n + 1", "return n + 100"],
  ),
  patch(
    "a structure of methods is passed on",
    `struct ops { int (*get)(int); const char *name; }; ${F} static int get(int n) { return n ^ 2; } static const struct ops ops = {get, "plain"}; ${F} int use(const struct ops *o, int n) { puts(o->name); return o->get(n); } int run(int n) { return use(&ops, n); }`,
    ["return use(&ops, n)", "return use(&ops, n + 1) - 1"],
  ),
  patch("floating point constants", `int run(int n) { double d = n * 1.5; return (int)(d * 10.0); }`, ["1.5", "1.25"]),
  patch(
    "more floating point",
    `static double scale = 2.5; double norm(double x) { return x * 0.125 + scale; } int run(int n) { return (int)(norm(n) * 1000.0); }`,
    ["x * 0.125 + scale", "x * 0.625 - scale * 3.75"],
  ),
  patch(
    "single precision",
    `float mix(float a, float b) { return a * 0.3f + b * 0.7f; } int run(int n) { return (int)(mix((float)n, 9.0f) * 100.0f); }`,
    ["0.7f", "0.6f"],
    ["return a", "return 1.5f + a"],
  ),
  patch("64-bit numbers", `int run(int n) { long long v = n; v = v * 1000000007LL + 12345; return (int)(v >> 7); }`, [
    "1000000007LL",
    "6364136223846793005LL",
  ]),
  patch("division is guarded", `int run(int n) { int d = n == 3 ? 1 : n - 3; return 1000 / d; }`, [
    "int d = n == 3 ? 1 : n - 3; return 1000 / d;",
    "int d = n - 3; return d == 0 ? -33 : 1000 / d;",
  ]),
  patch(
    "recursion",
    `${F} int fact(int n) { return n < 2 ? 1 : n * fact(n - 1); } int run(int n) { return fact(n); }`,
    ["n < 2 ? 1", "n < 3 ? 2"],
  ),
  patch(
    "two functions that call each other",
    `int even(int n); ${F} int odd(int n) { return n <= 0 ? 0 : even(n - 1) + 1; } ${F} int even(int n) { return n <= 0 ? 1 : odd(n - 1) - 1; } int run(int n) { return even(n); }`,
    ["return n <= 0 ? 0 : even(n - 1)", "return n < 0 ? -1 : n == 0 ? 0 : even(n - 1)"],
  ),
  patch(
    "both of two functions",
    `${F} static int a(int n) { return n + 1; } ${F} static int b(int n) { return a(n) * 2; } int run(int n) { return b(n) - a(n); }`,
    ["return n + 1", "return n + 5"],
    ["a(n) * 2", "a(n) * 3"],
  ),
  patch(
    "varargs",
    `int sum(int n, ...) { va_list l; va_start(l, n); int s = 0; while (n-- > 0) s += va_arg(l, int); va_end(l); return s; } int run(int n) { return sum(3, n, 2, 3); }`,
    ["s += va_arg(l, int)", "s = 2 * s + va_arg(l, int)"],
  ),
  patch(
    "a structure by value",
    `struct p { int x, y, z; }; ${F} struct p add(struct p a, int n) { a.x += n; a.y -= n; a.z = a.x * a.y; return a; } int run(int n) { struct p p = {1, 2, 3}; p = add(p, n); return p.z; }`,
    ["a.x * a.y", "a.x * a.y + a.z"],
  ),
  patch(
    "a loop over a string",
    `int run(int n) { const char *s = "hello, world"; int h = n; for (; *s; s++) h = h * 31 + *s; return h; }`,
    ["h * 31", "h * 33"],
  ),
  patch(
    "sorting with a callback",
    `static int by(const void *a, const void *b) { return *(const int *)a - *(const int *)b; } int run(int n) { int v[4] = {3, n, -1, 7}; qsort(v, 4, sizeof *v, by); return v[0] * 1000 + v[3]; }`,
    ["*(const int *)a - *(const int *)b", "*(const int *)b - *(const int *)a"],
  ),
  patch(
    "a callback is handed to the library by new code",
    `${F} static int by(const void *a, const void *b) { return *(const int *)a - *(const int *)b; } int run(int n) { int v[4] = {3, n, -1, 7}; qsort(v, 4, sizeof *v, by); return v[0]; }`,
    ["return v[0]", "return v[0] * 100 + v[1]"],
  ),
  patch("a variable of another file", `extern int level_of_main; int run(int n) { return level_of_main + n; }`, [
    "level_of_main + n",
    "level_of_main * n",
  ]),
  patch(
    "another file's variable is written",
    `extern int level_of_main; int run(int n) { level_of_main += n; return n; }`,
    ["return n", "return level_of_main"],
  ),
  patch("another file's function", `extern int help_of_main(int); int run(int n) { return help_of_main(n); }`, [
    "help_of_main(n)",
    "help_of_main(help_of_main(n))",
  ]),
  patch(
    "another file's function by its address",
    `extern int help_of_main(int); static int (*volatile f)(int); int run(int n) { f = help_of_main; return f(n); }`,
    ["return f(n)", "return f(n) + 1000"],
  ),
  patch("an array in zeros", `static int ring[64]; int run(int n) { ring[n & 63] += n; return ring[n & 63]; }`, [
    "return ring[n & 63]",
    "return ring[n & 63] + ring[(n + 1) & 63]",
  ]),
  patch(
    "a pointer into the middle of an array",
    `static int ring[16] = {9, 8, 7, 6, 5, 4, 3, 2, 1}; static int *at = &ring[4]; int run(int n) { return at[n & 3]; }`,
    ["at[n & 3]", "at[-(n & 3)]"],
  ),
  patch("bits of a mask", `int run(int n) { unsigned v = (unsigned)n * 2654435761u; return (int)(v >> 28); }`, [
    "v >> 28",
    "(v ^ v >> 15) >> 27",
  ]),
  patch("an early return", `int run(int n) { if (n < 0) return 0; printf("%d\\n", n); return 1; }`, [
    "if (n < 0) return 0",
    "if (n < 0 || n == 4) return -4",
  ]),
  patch("a condition is turned round", `int run(int n) { if (n > 4) puts("yes"); else puts("no"); return n; }`, [
    "n > 4",
    "n <= 4",
  ]),
  patch(
    "inline code changes in its two users",
    `static inline __attribute__((always_inline)) int clamp(int n) { return n > 6 ? 6 : n; } ${F} int one(int n) { return clamp(n) + 1; } int run(int n) { return clamp(n * 2) + one(n); }`,
    ["n > 6 ? 6 : n", "n > 6 ? 6 : n < 0 ? 0 : n"],
  ),
  patch("a long function grows by much", `int run(int n) { int a = n; a = a * 3 + 1; a ^= a >> 3; return a; }`, [
    "return a;",
    "a = a * 5 + 7; a ^= a << 2; a -= n; if (a > 50) a = a % 50; for (int i = 0; i < n; i++) a += i ^ a; return a;",
  ]),
  patch(
    "a long function gets short",
    `int run(int n) { int a = n; a = a * 5 + 7; a ^= a << 2; for (int i = 0; i < n; i++) a += i ^ a; return a; }`,
    ["a = a * 5 + 7; a ^= a << 2; for (int i = 0; i < n; i++) a += i ^ a; return a;", "return a + 3;"],
  ),
  patch(
    "texts are chosen from a table",
    `static const char *const names[3] = {"red", "green", "blue"}; int run(int n) { puts(names[(unsigned)n % 3]); return 0; }`,
    ["names[(unsigned)n % 3]", "names[(unsigned)(n + 1) % 3]"],
  ),
  patch(
    "a new table of texts",
    `int run(int n) { puts("run"); n = n * n + 3; return n; }`,
    ["int run", 'static const char *const names[3] = {"red", "green", "blue"}; int run'],
    ["return n;", "puts(names[(unsigned)n % 3]); return n;"],
  ),
  patch(
    "a new variable that holds an address",
    `static int v = 4; int run(int n) { return v + n; }`,
    ["int run", "static int *p = &v; int run"],
    ["return v + n", "*p += 1; return v + n"],
  ),
  patch(
    "new code makes new code its callback",
    `int run(int n) { n = n * n + 3; return n; }`,
    [
      "int run",
      `${F} static int by(const void *a, const void *b) { return *(const int *)b - *(const int *)a; } int run`,
    ],
    [
      "return n;",
      "int v[3] = {n, 4, 2}; volatile int i = 0; int (*volatile f)(const void *, const void *) = by; return f(&v[i], &v[1]);",
    ],
  ),
  patch("a comparison of texts", `int run(int n) { return strcmp(n > 2 ? "abc" : "abd", "abd") < 0; }`, [
    'n > 2 ? "abc" : "abd", "abd"',
    'n > 3 ? "abe" : "aba", "abd"',
  ]),
  patch(
    "weak definitions are replaced",
    `__attribute__((weak)) ${F} int hook(int n) { n *= n; return n + 1; } int run(int n) { return hook(n); }`,
    ["return n + 1", "return n + 11"],
  ),
  patch(
    "an undefined weak function stays away",
    `__attribute__((weak)) extern int nowhere(int); int run(int n) { return nowhere ? nowhere(n) : n; }`,
    ["nowhere(n) : n", "nowhere(n) : n + 5"],
  ),
  patch("a thread-local counts", `static __thread int level = 3; int run(int n) { level += n; return level; }`, [
    "return level",
    "return level * 2",
  ]),
  patch(
    "a thread-local in zeros",
    `static __thread int depth; __thread int other = 8; int run(int n) { depth += n; return depth + other; }`,
    ["depth + other", "depth * 2 - other"],
  ),
  patch(
    "several variables in a row",
    `static int low, high; static int sums[4]; static short steps; static int last; ${F} static void note(int n) { low = n < low ? n : low; high = n > high ? n : high; sums[n & 3] += n; steps++; } int run(int n) { note(n); last = n; return sums[n & 3] + low + high + steps; }`,
    ["low + high + steps", "last * 2 - high + steps + low"],
  ),
  patch(
    "two switches over one number",
    `int run(int n) { int s = n; switch (n) { case 0: s = 5; break; case 1: s = 9; break; case 2: puts("two"); break; case 3: s = 44; break; case 4: s = n * 7; break; case 5: puts("five"); break; } switch (s) { case 5: return 7; case 6: return 11; case 7: puts("seven"); return 3; case 8: return 1; case 9: return 2; case 10: puts("ten"); return n; } return -25; }`,
    ["case 8: return 1", "case 8: return 18"],
    ["s = 44", "s = 8"],
  ),
  patch(
    "thread-locals in a row",
    `static __thread int calls, sum; __thread int other_calls = 4; ${F} static void note(int n) { calls++; sum += n; other_calls -= n; } int run(int n) { note(n); return calls + sum; }`,
    ["return calls + sum", "return calls * 100 + sum - other_calls"],
  ),
  patch(
    "a cold path",
    `${F} __attribute__((cold)) static void fail(int n) { printf("failed: %d\\n", n); } int run(int n) { if (__builtin_expect(n == 7, 0)) fail(n); return n; }`,
    ["n == 7", "n == 8"],
  ),
  patch(
    "a global function with an alias",
    `${F} int real(int n) { return n * n + 2; } extern int other(int) __attribute__((alias("real"))); int run(int n) { return other(n) + real(n); }`,
    ["n * n + 2", "n * n * n + 22"],
  ),
  refused(
    "the initialiser of a variable that lives",
    /writable-data-changed/,
    `static volatile int limit = 5; int run(int n) { limit += 0; return n > limit; }`,
    ["limit = 5", "limit = 6"],
  ),
  refused(
    "a variable that grows",
    /writable-data-resized|not match|cannot be applied/,
    `static int ring[4]; int run(int n) { ring[n & 3] += n; return ring[n & 3]; }`,
    ["ring[4]", "ring[8]"],
    ["ring[n & 3] += n", "ring[n & 7] += n"],
  ),
  refused(
    "a new thread-local",
    /tls-data-new/,
    `int run(int n) { n = n * n + 3; return n; }`,
    ["int run", "static __thread int level; int run"],
    ["return n", "level += n; return level"],
  ),
  refused(
    "a function that has run already",
    /constructor|has-run|already run|cannot be applied/,
    `static int v; __attribute__((constructor)) ${F} static void init(void) { v = 3; } int run(int n) { return v + n; }`,
    ["v = 3", "v = 4"],
  ),
];
