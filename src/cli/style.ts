import { type InstructionStyle, PLAIN } from "../report/instructions.ts";

const NARROWEST = 60;

/** Lines fit the terminal; what goes to a file or a pipe is as wide as a wide one, without colour. */
export function styleFor(output: string | undefined): InstructionStyle {
  const { isTTY, columns } = process.stdout;
  if ((output !== undefined && output !== "-") || !isTTY) return PLAIN;
  return { width: Math.min(PLAIN.width, Math.max(NARROWEST, columns)), colour: !process.env["NO_COLOR"] };
}
