import { PLAIN } from "../report/instructions.ts";
import type { TextStyle } from "../report/text.ts";

/** Columns that lines may have where a terminal is narrower or wider than anyone reads. */
const NARROWEST = 40;
const WIDEST = 200;

/** What the command line says about the look of text. */
export interface StyleOptions {
  readonly color?: "auto" | "always" | "never";
  readonly verbose?: boolean;
}

/**
 * Lines fit the terminal; what goes to a file or a pipe is as wide as a wide one. Colours are for terminals, unless --color,
 * FORCE_COLOR or NO_COLOR say otherwise, in this order. https://no-color.org, https://force-color.org
 */
export function styleFor(
  output: string | undefined,
  { color = "auto", verbose = false }: StyleOptions = {},
): TextStyle {
  const { isTTY, columns } = process.stdout;
  const isTerminal = (output === undefined || output === "-") && isTTY === true;
  const { NO_COLOR: no, FORCE_COLOR: force } = process.env;
  const isForced = force !== undefined && force !== "" && force !== "0";
  const colour = color === "always" || (color === "auto" && (isForced || (isTerminal && !no)));
  const width = isTerminal ? Math.min(WIDEST, Math.max(NARROWEST, columns)) : PLAIN.width;
  return { width, colour, verbose };
}
