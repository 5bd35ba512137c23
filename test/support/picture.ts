const SIZE = 13;
/** Width of a character of a monospaced font, in parts of its height; a little more than any common one has. */
const WIDTH = 0.602;
const LINE = 18;
const MARGIN = 16;

/** Colours by what a line is; the first that fits counts. They can be read on the dark ground. */
const COLOURS: readonly (readonly [line: RegExp, colour: string])[] = [
  [/^\$ /, "#8b949e"],
  [/^(?:functions|patches|findings|verdict|account)\b/, "#79c0ff"],
  [/^\s+- /, "#ffa198"],
  [/^\s+\+ /, "#7ee787"],
  [/^\s+(?:error|warning|note) /, "#e3b341"],
  [/^/, "#e6edf3"],
];

/** Output of the program as a picture (SVG), after the command that printed it. */
export function picture(command: string, output: string): string {
  const lines = [`$ ${command}`, "", ...output.trimEnd().split("\n")];
  const columns = Math.max(...lines.map((line) => [...line].length));
  const [width, height] = [Math.ceil(columns * SIZE * WIDTH) + 2 * MARGIN, lines.length * LINE + 2 * MARGIN];
  const rows = lines.map((line, index) => {
    const colour = COLOURS.find(([pattern]) => pattern.test(line))?.[1];
    return `<text x="${MARGIN}" y="${MARGIN + (index + 1) * LINE - 5}" fill="${colour}">${escaped(line)}</text>`;
  });
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(command)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
    `<g font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${SIZE}" xml:space="preserve">`,
    ...rows.filter((row) => !row.endsWith("></text>")),
    "</g>",
    "</svg>",
  ].join("\n")}\n`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
