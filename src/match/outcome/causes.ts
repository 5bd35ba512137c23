import type { CauseName } from "../../contract/names/causes.ts";

/** Why an update is aborted, in Ksplice's words. Ksplice: kmodsrc/ksplice.c, abort_t. */
export interface Cause {
  /**
   * What Rusty Russell's review of the kernel part on the kernel's mailing list proposes; null where it leaves the number open. It does so for
   * `unexpected` and `unexpected_running_task`, for errno has no case for a contradiction in the update itself, and for
   * `call_failed`, where the hook's own number is passed on. `bad_system_map` and `cold_update_loaded` came after the
   * review; no number is made up for them.
   */
  readonly errno: string | null;
  readonly meaning: string;
}

/** Every abort cause of Ksplice in its own words, with errno and meaning; those that only the running kernel can meet are here for the lifecycle. */
export const CAUSES = {
  no_match: { errno: "ENOENT", meaning: "the running code was not built from these objects" },
  code_busy: { errno: "EBUSY", meaning: "a thread is in code that would be replaced" },
  module_busy: { errno: "ETXTBSY", meaning: "a module cannot be taken or is still in use" },
  out_of_memory: { errno: "ENOMEM", meaning: "no memory" },
  failed_to_find: { errno: "ENOENT", meaning: "a symbol that the new code needs has no single value" },
  already_reversed: { errno: "EEXIST", meaning: "the update was reversed before" },
  missing_export: { errno: "ENOEXEC", meaning: "an export that the update changes is not in the running system" },
  unexpected_running_task: { errno: null, meaning: "a task runs although all were stopped" },
  unexpected: { errno: null, meaning: "the update contradicts itself: patches overlap, or a relocation overflows" },
  target_not_loaded: { errno: "ENODEV", meaning: "what would be patched is not loaded" },
  call_failed: { errno: null, meaning: "a hook said no; its own error is passed on" },
  cold_update_loaded: { errno: null, meaning: "a module that was not patched has been loaded since" },
  bad_system_map: { errno: null, meaning: "the system map does not belong to the run image" },
} as const satisfies Readonly<Record<CauseName, Cause>>;

/** One stage of an update's life and what is checked before it is left. Ksplice: kmodsrc/ksplice.c, apply_update and reverse_patches. */
export interface Stage {
  readonly stage: "preparing" | "applied" | "reversed";
  readonly next: "applied" | "reversed" | null;
  readonly checks: readonly {
    readonly check: string;
    readonly cause: CauseName;
    /** Whether this program has done it, offline; the rest is for the system that applies the update. */
    readonly done: boolean;
  }[];
}

/** The stages in order, with the checks in the order in which they are made. */
export const LIFECYCLE: readonly Stage[] = [
  {
    stage: "preparing",
    next: "applied",
    checks: [
      { check: "every target is loaded", cause: "target_not_loaded", done: true },
      { check: "the system map belongs to the run system", cause: "bad_system_map", done: true },
      {
        check: "every section of the old code matches the running code in exactly one place",
        cause: "no_match",
        done: true,
      },
      { check: "every symbol of the new code has one value", cause: "failed_to_find", done: true },
      {
        check: "relocations of the new code fit their fields, patches fit and do not overlap",
        cause: "unexpected",
        done: true,
      },
      { check: "exports that change are there", cause: "missing_export", done: true },
      { check: "there is memory for the new code and for what is saved", cause: "out_of_memory", done: false },
      { check: "pre_apply and check_apply hooks agree", cause: "call_failed", done: false },
      { check: "no thread's stack holds an address of the safety ranges", cause: "code_busy", done: false },
      { check: "no task runs while the machine is stopped", cause: "unexpected_running_task", done: false },
      { check: "every module that the new code refers to can be taken", cause: "module_busy", done: false },
    ],
  },
  {
    stage: "applied",
    next: "reversed",
    checks: [
      { check: "nothing else uses the new code", cause: "module_busy", done: false },
      { check: "no target that was skipped has been loaded since", cause: "cold_update_loaded", done: false },
      { check: "no thread's stack holds an address of the new code", cause: "code_busy", done: false },
      { check: "the bytes at all patched places are still those of the update", cause: "code_busy", done: false },
      { check: "pre_reverse and check_reverse hooks agree", cause: "call_failed", done: false },
    ],
  },
  {
    stage: "reversed",
    next: null,
    checks: [{ check: "a reversed update is not applied again", cause: "already_reversed", done: false }],
  },
];
