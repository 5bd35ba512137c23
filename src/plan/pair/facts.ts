import { compareFacts } from "../../facts/facts.ts";
import type { Finding } from "../../findings/findings.ts";
import type { PlannedPair } from "./pair.ts";

/** What the loader, the linker and tools read of the two files beside contents, and that differs. */
export function factFindings({ diff, index }: PlannedPair): Finding[] {
  return compareFacts(diff).map(({ weight, subject, detail }) => ({
    code: weight === "changed" ? "file-fact-changed" : "file-fact-noted",
    // Without a section: such a place would say that the section's contents are told.
    where: { object: index, side: "post", name: subject },
    detail,
  }));
}
