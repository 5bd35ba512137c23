/**
 * Why a function changed. `inlined-change`: a function that the compiler put into it; `callee-signature`: a function that it
 * calls takes other arguments; `instructions`: instructions came, went or were replaced; `constant`, `string`, `reference`,
 * `data-layout`: an operand alone; `frame-size`, `register-allocation-only`: where values are kept, not what is done;
 * `target-replaced`: what it refers to gets a new place; `table-entry`: a kernel table that belongs to it; `part-of-parent`:
 * the function that it was cut from, or that was cut from it.
 */
export const CHANGE_CAUSES = [
  "inlined-change",
  "callee-signature",
  "instructions",
  "constant",
  "string",
  "reference",
  "data-layout",
  "frame-size",
  "register-allocation-only",
  "target-replaced",
  "table-entry",
  "part-of-parent",
] as const;
export type ChangeCauseKind = (typeof CHANGE_CAUSES)[number];
