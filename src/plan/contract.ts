/** Version of the update description: additions raise the minor part, anything else the major one. */
export const SCHEMA_VERSION = "1.0";

/** The ways a patch can reach a running system, from the least to the most disruptive. */
export const RUNGS = ["none", "splice", "splice-with-shadow", "switch-over", "kexec"] as const;
export type Rung = (typeof RUNGS)[number];
