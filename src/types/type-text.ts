import { DEEPEST, type TypeGraph, type TypeNode, VOID } from "./graph.ts";

/** Prints a type as C has it, without a name: `struct list_head *`, `int (*)(void)`, `char[16]`. */
export type TypeText = (type: number) => string;

/** Nothing that a person wrote is longer. */
const LONGEST = 2000;

/** Two halves, between which the name of what is declared stands. */
interface Declarator {
  readonly before: string;
  readonly after: string;
  /** Whether the name follows a `*` or a parenthesis and so needs no space. */
  readonly isTight: boolean;
}

/** A printer of one graph's types; each type is put together once. ISO C11 section 6.7.6. */
export function typePrinter(graph: TypeGraph): TypeText {
  const known = new Map<number, Declarator>();

  function declarator(type: number, depth: number): Declarator {
    const node = graph.nodes.get(type);
    if (node === undefined) return plain(type === VOID ? "void" : "?");
    const done = known.get(type);
    if (done !== undefined) return done;
    if (depth > DEEPEST) return plain("…");
    const made = cut(declare(node, depth + 1));
    known.set(type, made);
    return made;
  }

  function declare(node: TypeNode, depth: number): Declarator {
    switch (node.kind) {
      case "base":
      case "typedef":
        return plain(node.name);
      case "struct":
      case "union":
      case "enum":
      case "forward":
        return plain(node.name === "" ? `${node.keyword} {…}` : `${node.keyword} ${node.name}`);
      case "transparent":
        return declarator(node.type, depth);
      case "pointer":
      case "reference":
        return pointer(node, depth, node.kind === "pointer" ? "*" : "&");
      case "array": {
        const element = declarator(node.type, depth);
        const counts = (node.counts.length === 0 ? [-1] : node.counts).map(
          (count) => `[${count <= 0 ? (count < 0 ? "" : "0") : count}]`,
        );
        return { ...element, after: `${counts.join("")}${element.after}` };
      }
      case "function": {
        const result = declarator(node.type, depth);
        return { ...result, after: `(${parametersOf(node, depth)})${result.after}` };
      }
      default: {
        const inner = declarator(node.type, depth);
        const word = node.kind === "atomic" ? "_Atomic" : node.kind;
        // GCC qualifies an array and its elements.
        if (!inner.isTight && inner.before.startsWith(`${word} `)) return inner;
        return inner.isTight
          ? { ...inner, before: `${inner.before} ${word}`, isTight: false }
          : { ...inner, before: `${word} ${inner.before}` };
      }
    }
  }

  function pointer(node: TypeNode, depth: number, mark: string): Declarator {
    const target = declarator(node.type, depth);
    const space = target.isTight ? "" : " ";
    // A pointer to an array or a function binds tighter than what follows.
    if (target.after !== "")
      return { before: `${target.before}${space}(${mark}`, after: `)${target.after}`, isTight: true };
    return { before: `${target.before}${space}${mark}`, after: "", isTight: true };
  }

  function parametersOf({ parameters }: TypeNode, depth: number): string {
    if (parameters.length === 0) return "void";
    let text = "";
    for (const [i, type] of parameters.entries()) {
      const isRest = type === VOID && i === parameters.length - 1;
      text += `${i === 0 ? "" : ", "}${isRest ? "..." : whole(declarator(type, depth))}`;
      if (text.length > LONGEST) break;
    }
    return text;
  }

  return (type) => whole(declarator(type, 0));
}

function plain(before: string): Declarator {
  return { before, after: "", isTight: false };
}

function whole({ before, after }: Declarator): string {
  return `${before}${after.startsWith("(") && !before.endsWith("(") ? " " : ""}${after}`;
}

/** Function types that nest in parameters could double with each step. */
function cut(made: Declarator): Declarator {
  return made.before.length + made.after.length > LONGEST
    ? plain(`${made.before}${made.after}`.slice(0, LONGEST))
    : made;
}

/** A type's text with the name of what it declares at its place: `int (*open)(void)`, `char name[16]`. */
export function declaration(type: string, name: string): string {
  if (name === "") return type;
  const inParentheses = /\(([*&]+)( const| volatile| restrict)*/.exec(type);
  if (inParentheses !== null) {
    const at = inParentheses.index + inParentheses[0].length;
    return `${type.slice(0, at)}${inParentheses[2] === undefined ? "" : " "}${name}${type.slice(at)}`;
  }
  const bracket = type.indexOf("[");
  const [head, tail] = bracket === -1 ? [type, ""] : [type.slice(0, bracket), type.slice(bracket)];
  return `${head}${/[*&]$/.test(head) ? "" : " "}${name}${tail}`;
}
