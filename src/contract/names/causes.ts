/** Causes for which Ksplice aborts an update. Ksplice: kmodsrc/ksplice.c, abort_t. */
export const CAUSE_NAMES = [
  "no_match",
  "code_busy",
  "module_busy",
  "out_of_memory",
  "failed_to_find",
  "already_reversed",
  "missing_export",
  "unexpected_running_task",
  "unexpected",
  "target_not_loaded",
  "call_failed",
  "cold_update_loaded",
  "bad_system_map",
] as const;
export type CauseName = (typeof CAUSE_NAMES)[number];
