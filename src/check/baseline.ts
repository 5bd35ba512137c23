import type { UpdateDescription } from "../contract/description.ts";

type Finding = UpdateDescription["findings"][number];

/**
 * What of an update a baseline does not have: findings that it tells in other words or not at all, and functions whose new code
 * is not the same to the byte. Only gates that count look at this; the verdict is that of the whole update.
 */
export function withoutKnown(update: UpdateDescription, baseline: UpdateDescription): UpdateDescription {
  const findings = new Set(baseline.findings.map(findingKey));
  const functions = new Set(functionKeys(baseline).values());
  const own = functionKeys(update);
  return {
    ...update,
    findings: update.findings.filter((finding) => !findings.has(findingKey(finding))),
    functions: update.functions.filter((one) => !functions.has(own.get(one) ?? "")),
  };
}

function findingKey({ code, severity, message }: Finding): string {
  return JSON.stringify([code, severity, message]);
}

/** By function: what makes it the same change in two updates. One without new code is deleted: its label is enough. */
function functionKeys({
  functions,
  changes,
}: UpdateDescription): ReadonlyMap<UpdateDescription["functions"][number], string> {
  const hashes = new Map(
    changes.flatMap(({ target, newCode }) =>
      newCode.sections.map(({ label, sha256 }) => [JSON.stringify([target, label]), sha256] as const),
    ),
  );
  return new Map(
    functions.flatMap((one) => {
      const { target, label, status } = one;
      const hash = hashes.get(JSON.stringify([target, label]));
      if (hash === undefined && status !== "deleted") return [];
      return [[one, JSON.stringify([target, label, status, hash ?? ""])] as const];
    }),
  );
}
