/** Version of the update description: additions raise the minor part, anything else the major one. */
export const SCHEMA_VERSION = "1.1";

/** The ways a patch can reach a running system, from the least to the most disruptive. */
export const RUNGS = ["none", "splice", "splice-with-shadow", "switch-over", "kexec"] as const;
export type Rung = (typeof RUNGS)[number];

/** Whether a rung, or one that is less disruptive, is applicable: what `--require` asks for. */
export function isWithin(rungs: readonly { readonly rung: Rung; readonly status: string }[], most: Rung): boolean {
  const allowed = RUNGS.slice(0, RUNGS.indexOf(most) + 1);
  return rungs.some(({ rung, status }) => allowed.includes(rung) && status === "applicable");
}
