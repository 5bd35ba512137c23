import type { UpdateDescription } from "../contract/description.ts";
import { signedHex } from "../hex.ts";
import { joinLines } from "./escape.ts";

type RungStatus = UpdateDescription["verdict"]["rungs"][number];

/** Longest line in characters. */
const WIDTH = 100;

/** Findings and things to do that a rung shows before the rest is only counted. */
const SHOWN = 8;

/** The ladder for a person: of each rung its status, why it is so, what is left to do, and the findings behind it. */
export function renderExplanation(description: UpdateDescription): string {
  const { verdict } = description;
  const lines = verdict.rungs.flatMap((rung) => rungLines(rung, description));
  const best = verdict.recommended ?? "nothing is applicable yet";
  return joinLines(["", "the ladder, from the least to the most disruptive", ...lines, `recommended: ${best}`, ""]);
}

function rungLines({ rung, status, why, work, because }: RungStatus, description: UpdateDescription): string[] {
  const findings = because.flatMap((index) => {
    const finding = description.findings[index];
    return finding === undefined ? [] : [`${finding.severity} ${finding.code}: ${finding.message}`];
  });
  const plan = rung === "switch-over" && status !== "not-applicable" ? (description.switchOver.plan ?? []) : [];
  return [
    `  ${rung.padEnd(20)}${status}`,
    ...(why === undefined ? [] : wrapped(why, "      ", "      ")),
    ...listed("reached", rung === "switch-over" ? reached(description) : []),
    ...listed("to do", work ?? []),
    ...listed("findings", findings),
    ...listed(
      "steps",
      plan.map(({ text }) => text),
      plan.length,
    ),
  ];
}

/** By which slots one gets to each changed function. */
function reached({ switchOver: { reach = [], tables = [] } }: UpdateDescription): string[] {
  const sizes = new Map(tables.map(({ label, elements }) => [label, elements?.size]));
  return reach.map(({ label, slots, enteredBy }) => {
    const ways = slots.map(({ table, offset, member, via }) => {
      const slot = slotText(table, offset, member, sizes.get(table));
      return via === undefined ? slot : `${slot} (${via})`;
    });
    return `${label} by ${[...ways, ...(enteredBy === undefined ? [] : [`other ways: ${enteredBy}`])].join(", ") || "nothing that is still to come"}`;
  });
}

/** How a person calls a slot: `lo_fops.open`, `lo_fops+0x10`, `handlers[2]+0x8`; `size` is that of a struct in an array. */
function slotText(table: string, offset: number, member: string | undefined, size: number | undefined): string {
  const head = size === undefined ? table : `${table}[${Math.floor(offset / size)}]`;
  if (member !== undefined) return `${head}.${member}`;
  return `${head}${signedHex(size === undefined ? offset : offset % size)}`;
}

function listed(title: string, items: readonly string[], most = SHOWN): string[] {
  if (items.length === 0) return [];
  const rest = items.length - most;
  const shown = items.slice(0, most).flatMap((item) => wrapped(item, "        - ", "          "));
  return [`      ${title}:`, ...shown, ...(rest > 0 ? [`        … ${rest} more`] : [])];
}

/** Words on lines of at most WIDTH characters; a longer word is cut. */
function wrapped(text: string, first: string, others: string): string[] {
  const lines: string[] = [];
  let line = first;
  let isFresh = true;
  const close = (): void => {
    lines.push(line);
    line = others;
    isFresh = true;
  };
  for (const word of text.split(" ")) {
    let rest = word;
    if (!isFresh && line.length + 1 + rest.length > WIDTH) close();
    while (line.length + rest.length + (isFresh ? 0 : 1) > WIDTH) {
      const room = WIDTH - line.length;
      line += rest.slice(0, room);
      rest = rest.slice(room);
      close();
    }
    line += `${isFresh ? "" : " "}${rest}`;
    isFresh = false;
  }
  if (!isFresh) lines.push(line);
  return lines;
}
