import { z } from "zod";
import { count, named } from "./atoms.ts";
import { CHANGE_CAUSES } from "./names/change-causes.ts";

/* Why a function changed, and where in the source: what a person asks first. */

const sourceLine = named(
  "sourceLine",
  z
    .strictObject({
      file: z
        .string()
        .describe("from the folder of the compilation where it lies below that, else whole; with slashes"),
      line: z.int().min(1).optional().describe("from 1; left out where debug information does not tell"),
      inlined: z.string().optional().describe("the function that was inlined there and whose line it is"),
    })
    .describe("a line of a source file"),
);

const sourceSide = named(
  "sourceSide",
  z
    .strictObject({
      declared: sourceLine.describe("where the function is declared; without debug information the file alone"),
      differs: sourceLine.optional().describe("the line of the first instruction that differs in more than registers"),
    })
    .describe("one side; left out where that has no such function"),
);

export const functionSource = z
  .strictObject({ pre: sourceSide.optional(), post: sourceSide.optional() })
  .describe("where the function is in the source; left out where the object does not tell");

const wordsAt = z
  .strictObject({
    offset: z.int().describe("bytes from the function's symbol"),
    text: z.string().describe("the instruction in hexadecimal, then what it refers to"),
  })
  .describe("an instruction; left out on a side that has none there");

export const changeCause = named(
  "changeCause",
  z
    .strictObject({
      kind: z.enum(CHANGE_CAUSES).meta({ open: true }).describe("what kind of cause; elfsplice explain tells of each"),
      name: z
        .string()
        .optional()
        .describe("the inlined function, the callee, the member, the table, the parent or the target, by kind"),
      pre: z.string().optional().describe("the operand in pre, in words"),
      post: z.string().optional().describe("the operand in post, in words"),
      inserted: count.optional().describe("instructions that only post has"),
      removed: count.optional().describe("instructions that only pre has"),
      replaced: count.optional().describe("instructions in whose place post has others"),
      first: z
        .array(z.strictObject({ pre: wordsAt.optional(), post: wordsAt.optional() }))
        .optional()
        .describe("the first few of them, aligned"),
    })
    .describe("one cause of a function's change"),
);

const textAt = z
  .strictObject({
    offset: z.int().describe("bytes from the function's symbol"),
    text: z.string().describe("the instruction for a person"),
    source: sourceLine.optional().describe("the line that it comes from, where that is another than the one before"),
  })
  .describe("an instruction; left out on a side that has none there");

export const instructionRow = named(
  "instructionRow",
  z
    .strictObject({
      marker: z
        .enum(["~", "-", "+", " "])
        .describe("~ they differ, - only pre has it, + only post has it, blank: the same on both sides"),
      pre: textAt.optional(),
      post: textAt.optional(),
      gap: count.optional().describe("rows left out before this one, which are the same on both sides"),
    })
    .describe("an instruction of pre, and the one of post that stands for it"),
);

export type SourceLine = z.infer<typeof sourceLine>;
export type FunctionSource = z.infer<typeof functionSource>;
export type ChangeCause = z.infer<typeof changeCause>;
export type InstructionRow = z.infer<typeof instructionRow>;
