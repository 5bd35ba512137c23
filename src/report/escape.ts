/*
 * Names and texts come from files, whose authors may want more than to be read: to move the cursor, to reorder what stands
 * around a name, to hide characters, to give commands to the CI service that reads the output. Every text output passes
 * here, line by line.
 */

/** Controls (C0, DEL, C1), separators of lines and paragraphs, lone surrogates, and what is invisible or reorders text. Unicode UAX #9, UAX #31, UTS #36. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
/** What begins a command of GitHub's runner or of Azure's, the older form anywhere in a line. */
const COMMAND = /^(\s*):(?=:)/;
const OLD_COMMAND = /##(?=\[|vso\[)/g;
/** The colours that elfsplice itself uses. ECMA-48, 8.3.117. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence is what is looked for.
const OWN_COLOUR = /(\x1b\[(?:0|2|31|32|33|36)m)/;

/** One line of output in which nothing acts on a terminal or on a CI service: `\x1b`, `\u{202e}` stand for such characters. A line end within it is such a character. */
export function escapeLine(line: string): string {
  return line.replace(UNSAFE, escapeCharacter).replace(COMMAND, "$1\\x3a").replace(OLD_COMMAND, "#\\x23");
}

/** Like escapeLine(), but the colours that elfsplice uses stay. */
export function escapeColouredLine(line: string): string {
  if (!line.includes("\x1b")) return escapeLine(line);
  return line
    .split(OWN_COLOUR)
    .map((piece, index) => (index % 2 === 1 ? piece : escapeLine(piece)))
    .join("");
}

/** Lines as one text, each of them escaped; the last one ends as it is given. */
export function joinLines(lines: readonly string[]): string {
  return lines.map(escapeLine).join("\n");
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}
