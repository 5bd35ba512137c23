/*
 * Patterns of names, one syntax for every option and file: `drivers/net/**`, `*.ko`, `{mm,fs}/*.o`, `trace_*`.
 *
 *   *        any characters but a slash          {a,b}   one of the alternatives
 *   ?        one character but a slash           [a-z]   one of a set; [!a-z] one that is not in it; never a slash
 *   **       as a whole step of a path: any characters; before a slash also no folder at all. Elsewhere the same as *
 *   \        takes away the meaning of what follows
 *
 * Names come from files that may be hostile, and a tree has many thousand of them. All ways to read a pattern are therefore
 * followed at once, and what is learned of a set of ways is kept: a name costs a step for each of its characters.
 */
import { UsageError } from "./errors.ts";
import { getOrAdd } from "./grouping.ts";

/** Whether a name, or a path with `/`, is meant. */
export type NameTest = (name: string) => boolean;

/** What a pattern is made of. */
type Part =
  | { readonly kind: "one"; readonly takes: NameTest }
  | { readonly kind: "repeat"; readonly of: readonly Part[] }
  | { readonly kind: "either"; readonly of: readonly (readonly Part[])[] };

/** A place in the pattern: with `takes` one character leads on to the next place; without, all of them are reached at once. */
interface Place {
  readonly takes: NameTest | undefined;
  next: readonly number[];
}

/** A set of places that can be reached together, and where each character led from there so far. */
interface State {
  readonly open: readonly number[];
  readonly isEnd: boolean;
  readonly next: Map<string, State>;
}

/** Most states that are kept; a pattern whose names need more forgets and begins anew. */
const MOST_STATES = 1000;

/**
 * A test for whole names. Throws UsageError for a bracket or brace without its end; `what` says in its message which pattern
 * is meant.
 */
export function globOf(pattern: string, what = `pattern "${pattern}"`): NameTest {
  const parts = new PatternReader(pattern, what).read();
  const places: Place[] = [{ takes: undefined, next: [] }];
  const first = compile(parts, places, 0);
  const known = new Map<string, State>();
  const stateOf = (open: readonly number[]): State => {
    const reached = closure(open, places);
    if (known.size >= MOST_STATES) known.clear();
    return getOrAdd(known, reached.join(), () => ({ open: reached, isEnd: reached.includes(0), next: new Map() }));
  };
  return (name) => {
    let state = stateOf([first]);
    for (const character of name) {
      if (state.next.size >= MOST_STATES) state.next.clear();
      const { open } = state;
      state = getOrAdd(state.next, character, () => stateOf(after(open, character, places)));
      if (state.open.length === 0) return false;
    }
    return state.isEnd;
  };
}

/**
 * A test for paths of a tree, which are relative to it. A pattern without `/` is held against the file's own name, a `/` at
 * its end means everything below, one at its beginning the tree itself. Throws UsageError like globOf().
 */
export function pathTestOf(patterns: readonly string[]): NameTest {
  const tests = patterns.map((pattern) => {
    const whole = pattern.endsWith("/") ? `${pattern}**` : pattern;
    const isMeant = globOf(whole.replace(/^\.?\/+/, ""), `pattern "${pattern}"`);
    return whole.includes("/") ? isMeant : (path: string) => isMeant(path.slice(path.lastIndexOf("/") + 1));
  });
  return (path) => tests.some((isMeant) => isMeant(path));
}

const isNotSlash = (character: string): boolean => character !== "/";
const NOT_SLASH: Part = { kind: "one", takes: isNotSlash };
const STAR: Part = { kind: "repeat", of: [NOT_SLASH] };
const ANYTHING: Part = { kind: "repeat", of: [{ kind: "one", takes: () => true }] };
/** Any number of folders, each with its slash. */
const FOLDERS: Part = { kind: "repeat", of: [NOT_SLASH, STAR, literal("/")] };

function literal(wanted: string): Part {
  return { kind: "one", takes: (character) => character === wanted };
}

/** Reads a pattern from left to right. */
class PatternReader {
  readonly #characters: readonly string[];
  readonly #what: string;
  #at = 0;

  constructor(pattern: string, what: string) {
    this.#characters = [...pattern];
    this.#what = what;
  }

  read(): readonly Part[] {
    return this.#sequence(0);
  }

  /** Parts up to the end, or in braces up to the next `,` or `}`. */
  #sequence(depth: number): readonly Part[] {
    const parts: Part[] = [];
    for (; this.#at < this.#characters.length; this.#at++) {
      const character = this.#characters[this.#at] as string;
      if (depth > 0 && (character === "," || character === "}")) return parts;
      parts.push(this.#part(character, depth));
    }
    if (depth > 0) this.#fail("{ has no }");
    return parts;
  }

  #part(character: string, depth: number): Part {
    switch (character) {
      case "*":
        return this.#stars();
      case "?":
        return NOT_SLASH;
      case "[":
        return this.#set();
      case "{":
        return this.#alternatives(depth + 1);
      case "\\":
        if (++this.#at === this.#characters.length) this.#fail("ends with a backslash");
        return literal(this.#characters[this.#at] as string);
      default:
        return literal(character);
    }
  }

  #stars(): Part {
    const before = this.#characters[this.#at - 1] ?? "/";
    const start = this.#at;
    while (this.#characters[this.#at + 1] === "*") this.#at++;
    if (this.#at === start || !"/{,".includes(before)) return STAR;
    if (this.#characters[this.#at + 1] !== "/") return ANYTHING;
    this.#at++;
    return FOLDERS;
  }

  /** Its first character may be the `]` itself. */
  #set(): Part {
    const rest = this.#characters.slice(this.#at + 1);
    const isInverted = rest[0] === "!" || rest[0] === "^";
    const first = isInverted ? 1 : 0;
    const end = rest.indexOf("]", first + 1);
    if (end === -1) this.#fail("[ has no ]");
    this.#at += end + 1;
    const members = rest.slice(first, end);
    const ranges: (readonly [from: number, to: number])[] = [];
    for (let i = 0; i < members.length; ) {
      const isRange = members[i + 1] === "-" && i + 2 < members.length;
      const [from, to] = [codeOf(members[i]), codeOf(members[isRange ? i + 2 : i])];
      if (to < from) this.#fail("[ ] is not a set of characters");
      ranges.push([from, to]);
      i += isRange ? 3 : 1;
    }
    const isMember = (character: string): boolean => {
      const code = codeOf(character);
      return ranges.some(([from, to]) => from <= code && code <= to);
    };
    return { kind: "one", takes: (character) => character !== "/" && isMember(character) !== isInverted };
  }

  #alternatives(depth: number): Part {
    const of: (readonly Part[])[] = [];
    do {
      this.#at++;
      of.push(this.#sequence(depth));
    } while (this.#characters[this.#at] === ",");
    return { kind: "either", of };
  }

  #fail(trouble: string): never {
    throw new UsageError(`${this.#what}: ${trouble}`);
  }
}

function codeOf(character: string | undefined): number {
  return character?.codePointAt(0) ?? 0;
}

/** Adds the places of parts that `next` follows; returns the first one. */
function compile(parts: readonly Part[], places: Place[], next: number): number {
  const add = (place: Place): number => places.push(place) - 1;
  let first = next;
  for (const part of parts.toReversed()) {
    if (part.kind === "one") first = add({ takes: part.takes, next: [first] });
    else if (part.kind === "either") {
      const behind = first;
      first = add({ takes: undefined, next: part.of.map((alternative) => compile(alternative, places, behind)) });
    } else {
      const again: Place = { takes: undefined, next: [] };
      const at = add(again);
      again.next = [compile(part.of, places, at), first];
      first = at;
    }
  }
  return first;
}

/** The places at which a character is taken, or the pattern ends, that can be reached without one; in ascending order. */
function closure(open: readonly number[], places: readonly Place[]): readonly number[] {
  const seen = new Set(open);
  for (const at of seen) {
    const place = places[at] as Place;
    if (place.takes === undefined) for (const next of place.next) seen.add(next);
  }
  return [...seen].filter((at) => at === 0 || (places[at] as Place).takes !== undefined).sort((a, b) => a - b);
}

function after(open: readonly number[], character: string, places: readonly Place[]): readonly number[] {
  return open.flatMap((at) => {
    const { takes, next } = places[at] as Place;
    return takes?.(character) ? next : [];
  });
}
