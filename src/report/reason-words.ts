import type { ChangeCauseKind } from "../contract/names/change-causes.ts";
import type { DifferenceKind } from "../contract/names/reasons.ts";

/* What reasons and causes of changes mean, for `elfsplice explain`. Every kind has its words, or this does not compile. */

export const CHANGE_CAUSE_WORDS = {
  "inlined-change":
    "A function that the compiler put into this one changed, or it is inlined now and was not, or the other way round. The patch is in that function; every function that inlines it is replaced.",
  "callee-signature":
    "A function that is called takes other arguments, or the compiler made a clone of it that does. Both have to be replaced together.",
  instructions: "Instructions were inserted, removed or replaced, after both sides were aligned.",
  constant:
    "A number in an instruction is another one, such as a limit or an error number; nothing else of it changed.",
  string: "A text that the function refers to is another one. The new text is loaded with the new code.",
  reference: "The function calls or reads something else than before.",
  "data-layout":
    "The place of a member, or the size of a type, is another one. Objects that live already have the old layout: see the findings about layouts.",
  "frame-size": "Values lie at other places in the stack frame; what the function does is the same.",
  "register-allocation-only": "Other registers hold the values; what the function does is the same.",
  "target-replaced": "Data that the function refers to gets a new place, so its address is another one.",
  "table-entry": "An entry of a kernel table that belongs to the function changed, came or went.",
  "part-of-parent":
    "The compiler keeps rarely run code in a part of its own (.cold, .part). A function and its parts refer to places inside one another, so they are replaced together.",
} as const satisfies Readonly<Record<ChangeCauseKind, string>>;

export const REASON_WORDS = {
  kind: "One side is another kind of thing than the other.",
  size: "The sizes differ, in bytes.",
  bytes: "Bytes outside relocated fields differ; of code, those of one instruction, after both sides were aligned.",
  "relocation-added": "Only post refers to something there.",
  "relocation-removed": "Only pre refers to something there.",
  "relocation-type": "Both refer to something there, in different ways.",
  "relocation-target": "Both refer to something there, and not to the same thing.",
  "entry-added": "A kernel table has an entry for it in post only.",
  "entry-removed": "A kernel table has an entry for it in pre only.",
  "entry-moved": "An entry of a kernel table points to another place in it.",
  "entry-size": "An entry of a kernel table has another size.",
  "fragment-size": "A piece of code that belongs to it has another size.",
  "bug-line": "An entry of the bug table has another line number.",
  "bug-flags": "An entry of the bug table has other flags.",
  "line-number": "A number that was recognised as a line of the source is another one.",
  "encoding-only": "The same instruction was encoded in another way.",
  "middle-reference": "It refers to a place inside a function that is replaced, or one that refers into it is.",
  "part-changed": "A part that was cut from it changed.",
  "target-replaced": "What it refers to gets a new place.",
} as const satisfies Readonly<Record<DifferenceKind, string>>;
