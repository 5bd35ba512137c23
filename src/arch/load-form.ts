import type { Howto } from "./arch.ts";
import type { LoadForm, LoadModel } from "./load.ts";

/** How a relocation type is resolved; undefined for one that changes nothing, null for one that no loader of this model resolves. */
export function loadForm({ rows, lowOfHigh }: LoadModel, howto: Howto): LoadForm | null | undefined {
  if (howto.role === "none" || howto.role === "hint" || howto.size === 0)
    return howto.known === false ? null : undefined;
  if (lowOfHigh?.test(howto.name)) return { value: "symbol", from: "zero", isLowOfHigh: true };
  for (const [types, value, from] of rows) if (types.test(howto.name)) return { value, from };
  // Several operations in turn (MIPS64), of which no row says what they come to.
  if (howto.name.includes("/")) return null;
  const from = howto.pcrel ? "place" : "zero";
  switch (howto.role) {
    case "address":
    case "branch":
    case "page":
    case "low":
      return { value: "symbol", from };
    case "difference":
      return differenceForm(howto);
    case "size":
      return { value: "size", from: "zero" };
    default:
      return null;
  }
}

/** ADD, SUB and SET, by name. A field of variable length is not written. */
function differenceForm({ name }: Howto): LoadForm | null {
  if (name.endsWith("ULEB128")) return null;
  const form: LoadForm = { value: "symbol", from: "zero" };
  if (name.includes("_ADD")) return { ...form, change: "add" };
  return name.includes("_SUB") ? { ...form, change: "subtract" } : form;
}
