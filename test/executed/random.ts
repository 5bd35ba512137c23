import { type Mix, randomProgram } from "../linked/random-program.ts";
import type { Sources } from "./execute.ts";

/** Calls everything with many arguments and prints what comes out; endless output would tell nothing more. */
const MAIN = `#include <stdio.h>
#include <stdlib.h>
extern int isalpha(int);
struct ops { int (*get)(int, int); int (*put)(int, int); const char *name; };
const struct ops *volatile current;
int *volatile pointer;
__thread int shared_level;
static unsigned long said, seen;
void say(const char *text) { if (said++ < 400) puts(text); }
int table_use(const struct ops *ops, int a) { return seen++ > 2000 ? a : ops->get(a, 1) + ops->put(a, 2) + ops->name[0]; }
void sink(int *p) { *p ^= 1; }
int atoi_of(int a) { char text[16]; snprintf(text, sizeof text, "%d", a); return atoi(text); }
int labs_of(int a) { return (int)labs(a); }
int library_of(int a) { return isalpha(a & 127) + abs(a) % 7; }
extern int start(int, int);
int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (int i = 0; i < 6; i++) { seen = 0; printf("%d: %d\\n", i, start(i * 3, i ^ 5)); printf("level %d\\n", shared_level); }
  printf("library %d\\n", library_of(77));
  if (current != NULL) printf("current %s\\n", current->name);
  return 0;
}
`;

/**
 * What fixes of real programs are like: hardly one brings a thread-local, few call a library function for the first time. Both are
 * rightly refused.
 */
const MIX: Mix = { newThreadLocals: 2, newImports: 15, usesAll: true };

/** The random program of a seed, made to be run. */
export function randomSources(seed: number): Sources & { readonly patch: string } {
  const { files, patch } = randomProgram(seed, MIX);
  return {
    patch,
    files: files.map((file) => (file.name === "main" ? { name: "main", pre: MAIN, post: MAIN } : file)),
  };
}
