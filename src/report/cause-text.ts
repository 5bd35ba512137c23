import type { ChangeCause } from "../contract/cause.ts";
import type { FunctionChange } from "../contract/description.ts";
import { plural } from "../wording.ts";

/** `fs/splice.c:1021`: where a function first differs, else where it is declared; empty where nothing tells. */
export function placeOf({ source }: FunctionChange): string {
  const side = source?.post ?? source?.pre;
  const line = side?.differs ?? side?.declared;
  return line === undefined ? "" : `${line.file}${line.line === undefined ? "" : `:${line.line}`}`;
}

/** The file in which a function is declared. */
export function fileOf({ source }: FunctionChange): string | undefined {
  return (source?.post ?? source?.pre)?.declared.file;
}

/** One cause in a few words. */
export function causeText({
  kind,
  name = "",
  pre = "",
  post = "",
  inserted = 0,
  removed = 0,
  replaced = 0,
}: ChangeCause): string {
  switch (kind) {
    case "inlined-change":
      if (post === "inlined") return `inlines ${name} now`;
      return pre === "inlined" ? `no longer inlines ${name}` : `inlines ${name}`;
    case "callee-signature":
      return `calls ${name} with other arguments`;
    case "instructions": {
      const parts = [
        inserted > 0 ? `${inserted} inserted` : "",
        removed > 0 ? `${removed} removed` : "",
        replaced > 0 ? `${replaced} replaced` : "",
      ].filter((part) => part !== "");
      return `${plural(inserted + removed + replaced, "instruction").replace(/^\d+ /, "")}: ${parts.join(", ")}`;
    }
    case "constant":
      return `constant ${pre} → ${post}`;
    case "string":
      return `text ${pre} → ${post}`;
    case "reference":
      return `refers to ${withoutZero(post) || "nothing"} instead of ${withoutZero(pre) || "nothing"}`;
    case "data-layout":
      return `${name} ${pre} → ${post}`;
    case "frame-size":
      return "stack frame only";
    case "register-allocation-only":
      return "registers only";
    case "target-replaced":
      return `${withoutZero(pre)} gets a new place`;
    case "table-entry":
      return `entry of ${name}`;
    case "part-of-parent":
      return name === "" ? "its part changed" : `goes with ${name}`;
  }
}

function withoutZero(text: string): string {
  return text.replace(/\+0$/, "");
}

/** The cause that tells most, and how many others there are. */
export function headline({ causes = [], status, renamedTo, movedTo, movedFrom }: FunctionChange): string {
  const [first, ...rest] = causes;
  if (first === undefined) {
    if (movedTo !== undefined || movedFrom !== undefined) return "moved to another object";
    return status === "renamed" ? `now ${renamedTo ?? "under another name"}` : "";
  }
  return `${causeText(first)}${rest.length > 0 ? ` (+${rest.length})` : ""}`;
}
