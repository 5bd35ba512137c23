import { STB, STT } from "../elf/constants.ts";
import { pairOnEvidence } from "../evidence.ts";
import { numberedBase, withoutCloneNumbers } from "../spans/names.ts";
import type { Span } from "../spans/span.ts";
import { contentsKey } from "./mask.ts";
import { family, type Pairing, type Side } from "./pairing.ts";
import { targetKey } from "./target-key.ts";
import { userWords } from "./users.ts";

/**
 * Which source file each local symbol comes from, in words that are equal on both sides when the file is. Why not just the name:
 * `ld -r` of a/util.c and b/util.c has two files called util.c, each with statics of its own.
 */
export interface Scopes {
  readonly ofPre: (span: Span) => string;
  readonly ofPost: (span: Span) => string;
  /** Whether two locals certainly come from two different files. */
  readonly differ: (pre: Span, post: Span) => boolean;
  /** Whether two locals of one name in one file are the same: not where only that name, or the order, says that it is one file. */
  readonly areSure: (pre: Span, post: Span) => boolean;
}

/** The scopes of a pairing's sides, found once. */
export type ScopesOf = (pairing: Pairing) => Scopes;

/** The locals of one source file, from one STT_FILE symbol to the next. gABI chapter 4, "Symbol Table". */
class Block {
  readonly file: string;
  readonly spans: Span[] = [];
  twin: Block | undefined;
  /** How the twin was found: `name` is the file's, `users` are those of its variables, `alone` is the last one of each side. */
  by: "name" | "users" | "alone" | "guess" = "guess";
  /** What the file is called in keys. */
  word = "";

  constructor(file: string) {
    this.file = file;
  }
}

interface Blocks {
  readonly list: readonly Block[];
  readonly of: (span: Span) => Block | undefined;
}

interface BlockGroup {
  readonly pre: readonly Block[];
  readonly post: readonly Block[];
}

/** Names that a compiler gives to what it put together itself: they tell nothing of a source file. */
const ARTIFICIAL = /^$|^<|\.ltrans\d|\.lto\.o$|^ld-temp/;

/** Finds which files of both sides are the same; `pairing` has the pairs that need no file to be told. */
export function pairScopes(pre: Side, post: Side, pairing: Pairing): Scopes {
  const a = blocksOf(pre);
  const b = blocksOf(post);
  for (const group of namesakes(a.list, b.list)) {
    const [x, y] = [group.pre[0], group.post[0]];
    if (x === undefined || y === undefined) continue;
    if (group.pre.length === 1 && group.post.length === 1) join(x, y, ARTIFICIAL.test(x.file) ? "alone" : "name");
    else joinGroup(group, pre, post, pairing, true);
  }
  // What is left has another name on each side: a file that was renamed, or one that went and one that came.
  const isLeft = ({ twin }: Block): boolean => twin === undefined;
  joinGroup({ pre: a.list.filter(isLeft), post: b.list.filter(isLeft) }, pre, post, pairing, false);
  for (const [index, block] of a.list.entries()) {
    block.word = block.twin === undefined ? `pre ${index}` : `file ${index}`;
    if (block.twin !== undefined) block.twin.word = block.word;
  }
  for (const [index, block] of b.list.entries()) if (block.twin === undefined) block.word = `post ${index}`;
  const differ = (x: Span, y: Span): boolean => {
    const [block, other] = [a.of(x), b.of(y)];
    if (block === undefined || other === undefined || block.twin === other) return false;
    return isCertain(block) || isCertain(other);
  };
  const areSure = (x: Span, y: Span): boolean => {
    const [block, other] = [a.of(x), b.of(y)];
    if (block === undefined || other === undefined) return true;
    return block.twin === other && block.by !== "guess";
  };
  return { ofPre: (span) => a.of(span)?.word ?? "", ofPost: (span) => b.of(span)?.word ?? "", differ, areSure };
}

function isCertain({ twin, by }: Block): boolean {
  return twin !== undefined && (by === "name" || by === "users");
}

function join(pre: Block, post: Block, by: Block["by"]): void {
  pre.twin = post;
  post.twin = pre;
  pre.by = by;
  post.by = by;
}

function blocksOf({ table }: Side): Blocks {
  const { symbols } = table.object;
  const numbers = new Int32Array(symbols.length);
  const list = [new Block("")];
  for (const symbol of symbols) {
    if (symbol.type === STT.FILE) list.push(new Block(symbol.name));
    numbers[symbol.index] = symbol.bind === STB.LOCAL ? list.length - 1 : -1;
  }
  const of = ({ symbol }: Span): Block | undefined =>
    symbol === undefined ? undefined : list[numbers[symbol.index] as number];
  for (const span of table.spans) of(span)?.spans.push(span);
  // A file without locals is a file; what comes before the first one is none unless it has some.
  return { list: list.filter(({ spans }, index) => index > 0 || spans.length > 0), of };
}

function namesakes(pre: readonly Block[], post: readonly Block[]): Iterable<BlockGroup> {
  const groups = new Map<string, { pre: Block[]; post: Block[] }>();
  const groupOf = (file: string): { pre: Block[]; post: Block[] } => {
    const group = groups.get(file) ?? { pre: [], post: [] };
    groups.set(file, group);
    return group;
  };
  for (const block of pre) groupOf(block.file).pre.push(block);
  for (const block of post) groupOf(block.file).post.push(block);
  return groups.values();
}

/** Files of one name: by who uses what is in them and by the names that only one of them has, then by all that they hold. */
function joinGroup(group: BlockGroup, pre: Side, post: Side, pairing: Pairing, areNamesakes: boolean): void {
  const [only, onlyOther] = [group.pre[0], group.post[0]];
  if (only === undefined || onlyOther === undefined) return;
  if (group.pre.length === 1 && group.post.length === 1) {
    join(only, onlyOther, "alone");
    return;
  }
  const own = blockWords(pre, pairing, false);
  const other = blockWords(post, pairing, true);
  const isLeft = ({ twin }: Block): boolean => twin === undefined;
  const by = (words: keyof BlockWords, reason: Block["by"]): void => {
    const left = { pre: group.pre.filter(isLeft), post: group.post.filter(isLeft) };
    for (const [x, y] of pairOnEvidence(left.pre, left.post, own[words], other[words], false))
      join(x, y, ARTIFICIAL.test(x.file) && reason === "users" ? "alone" : reason);
  };
  by("users", "users");
  by("names", "guess");
  if (areNamesakes) by("all", "guess");
  const last = { pre: group.pre.filter(isLeft), post: group.post.filter(isLeft) };
  if (last.pre.length !== last.post.length || (!areNamesakes && last.pre.length > 1)) return;
  for (const [index, block] of last.pre.entries()) join(block, last.post[index] as Block, "guess");
}

interface BlockWords {
  readonly users: (block: Block) => ReadonlySet<string>;
  readonly names: (block: Block) => ReadonlySet<string>;
  readonly all: (block: Block) => ReadonlySet<string>;
}

function blockWords(side: Side, pairing: Pairing, isPost: boolean): BlockWords {
  const words = userWords(side, pairing, isPost);
  const users = (block: Block): Set<string> => {
    const found = new Set<string>();
    for (const span of block.spans) for (const user of words.direct(span)) if (user.startsWith("#")) found.add(user);
    return found;
  };
  const names = (block: Block): Set<string> =>
    new Set(block.spans.map(({ kind, name }) => `${family(kind)} ${numberedBase(name) ?? withoutCloneNumbers(name)}`));
  const all = (block: Block): Set<string> => {
    const found = names(block);
    for (const span of block.spans) {
      found.add(`${span.name} ${span.size} ${contentsKey(span, side.table.arch)}`);
      for (const relocation of span.relocations) found.add(targetKey(relocation, span, pairing, isPost));
    }
    return found;
  };
  return { users, names, all };
}
