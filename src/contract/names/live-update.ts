/*
 * The two interfaces of the Live Update Orchestrator. The patch series of 2025 (RFC v2 and later: include/linux/liveupdate.h)
 * has subsystems and file handlers with prepare, freeze, cancel, finish; the mainline kernel (6.19) has file handlers with
 * preserve, unpreserve, freeze, unfreeze, retrieve, finish, and data bound to their lifecycle (FLB).
 */

/** Events of the one state machine that both interfaces are mapped onto. */
export const LIVE_UPDATE_EVENTS = ["prepare", "cancel", "freeze", "unfreeze", "boot", "retrieve", "finish"] as const;
export type LiveUpdateEvent = (typeof LIVE_UPDATE_EVENTS)[number];

export const LIVE_UPDATE_STATES = ["undefined", "normal", "prepared", "frozen", "updated"] as const;
export type LiveUpdateState = (typeof LIVE_UPDATE_STATES)[number];

export type Dialect = "series" | "mainline" | "unknown";
export type InterfaceKind = "subsystem" | "file-handler" | "flb";

/** Event of each slot; slots that are not steps of the machine are absent: can_preserve and can_finish only ask, get_id only names. */
const EVENTS: Readonly<Record<string, LiveUpdateEvent>> = {
  prepare: "prepare",
  preserve: "prepare",
  cancel: "cancel",
  unpreserve: "cancel",
  freeze: "freeze",
  unfreeze: "unfreeze",
  boot: "boot",
  retrieve: "retrieve",
  finish: "finish",
};

/** The event that a slot stands for, by its name in either interface. */
export function eventOf(slot: string): LiveUpdateEvent | undefined {
  return Object.hasOwn(EVENTS, slot) ? EVENTS[slot] : undefined;
}

/** The function that registers each kind, and how the registered struct is laid out: a pointer to the table, then the name. */
export const REGISTRATIONS: Readonly<Record<string, InterfaceKind>> = {
  liveupdate_register_subsystem: "subsystem",
  liveupdate_register_file_handler: "file-handler",
  liveupdate_register_flb: "flb",
};

interface Layout {
  readonly kind: InterfaceKind;
  readonly dialect: Dialect;
  readonly slots: readonly string[];
}

const SERIES_SUBSYSTEM = ["prepare", "freeze", "cancel"];
const SERIES_FILE = ["prepare", "freeze", "cancel", "finish", "retrieve", "can_preserve"];
const MAINLINE_FILE = [
  "can_preserve",
  "preserve",
  "unpreserve",
  "freeze",
  "unfreeze",
  "retrieve",
  "can_finish",
  "finish",
];

/** Tables of callbacks; each slot is one pointer, so the number of slots tells them apart. */
const LAYOUTS: readonly Layout[] = [
  { kind: "subsystem", dialect: "series", slots: [...SERIES_SUBSYSTEM, "finish"] },
  { kind: "subsystem", dialect: "series", slots: [...SERIES_SUBSYSTEM, "boot", "finish", "owner"] },
  { kind: "file-handler", dialect: "series", slots: SERIES_FILE },
  { kind: "file-handler", dialect: "series", slots: [...SERIES_FILE, "owner"] },
  { kind: "file-handler", dialect: "mainline", slots: [...MAINLINE_FILE, "owner"] },
  { kind: "file-handler", dialect: "mainline", slots: [...MAINLINE_FILE, "get_id", "owner"] },
  { kind: "flb", dialect: "mainline", slots: ["preserve", "unpreserve", "retrieve", "finish", "owner"] },
];

/** The layout of a table of so many pointers; undefined where no known one fits. */
export function layoutOf(kind: InterfaceKind, pointers: number): Omit<Layout, "kind"> | undefined {
  return LAYOUTS.find((layout) => layout.kind === kind && layout.slots.length === pointers);
}

/** Whose names these are, where debug information gives them. */
export function dialectOf(kind: InterfaceKind, slots: readonly string[]): Dialect {
  if (kind === "flb" || slots.includes("preserve")) return "mainline";
  return slots.includes("prepare") ? "series" : "unknown";
}

/** Most bytes of a compatible string, its terminator included. Linux: LIVEUPDATE_HNDL_COMPAT_LENGTH. */
export const COMPATIBLE_LENGTH = 48;
