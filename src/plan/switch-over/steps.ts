import type { PlanStep, SwitchOver, TableDescription } from "../../contract/switch-over.ts";

type Parts = { readonly [Key in "tables" | "state" | "clashes" | "registrations"]: NonNullable<SwitchOver[Key]> };

/** The steps by which the new object takes over from the old one, with the names of this case; steps without anything to do are left out. */
export function interpositionSteps(object: number, name: string, parts: Parts): PlanStep[] {
  const { clashes, registrations } = parts;
  const tables = parts.tables.filter(({ status }) => status !== "added");
  const state = parts.state.filter(({ harmless }) => harmless === undefined);
  const labels = tables.map(({ label }) => label);
  const calls = registrations.filter(({ phase }) => phase === "init");
  const undone = registrations.filter(({ phase }) => phase === "exit");
  const owners = tables.filter(({ fields }) => fields.length > 0);
  const steps: (Omit<PlanStep, "object"> & { readonly isNeeded?: boolean })[] = [
    {
      step: "share-state",
      labels: state.map(({ label }) => label),
      text: `move these variables to an object of their own that stays loaded, and let both versions use them there: ${listOf(state.map(({ label, size }) => `${label} (${size} bytes)`))}`,
      isNeeded: state.length > 0,
    },
    {
      step: "rename",
      labels: clashes.map(({ name: clash }) => clash),
      text: `give these names to the object of the shared state, or rename them in the new version: ${listOf(clashes.map(({ name: clash, kind }) => `${clash} (${kind})`))}`,
      isNeeded: clashes.length > 0,
    },
    {
      step: "build",
      labels: [],
      text: `build the new ${name} as a module with a name of its own, so that both versions can be loaded`,
    },
    {
      step: "preserve",
      labels,
      text: `keep a copy of the old functions of ${listOf(labels)}, to go on calling them and to go back to them`,
    },
    {
      step: "take-over",
      labels: [...new Set([...calls.map(({ label }) => label), ...owners.map(({ label }) => label)])],
      text: takeOverText(
        calls.map(({ call }) => call),
        owners,
      ),
      isNeeded: calls.length > 0 || owners.length > 0,
    },
    {
      step: "switcher",
      labels,
      text: `for each slot of ${listOf(labels)} make a function that calls the old or the new one, as a switch says`,
    },
    { step: "load", labels: [], text: `load the new version with the switch set to the old functions` },
    ...tables.map((table) => ({ step: "switch" as const, labels: holdersOf(table), text: pointingText(table) })),
    {
      step: "final-switch",
      labels,
      text: `set the switch to the new functions; when nothing fails, let the tables lead to them without the switch`,
    },
    {
      step: "quiesce",
      labels,
      text: `wait until no task is in an old function or in the switch (a grace period, then the module's reference count)`,
    },
    {
      step: "unload",
      labels: undone.map(({ label }) => label),
      text: unloadText(undone.map(({ call }) => call)),
    },
  ];
  return steps
    .filter(({ isNeeded = true }) => isNeeded)
    .map(({ step, labels: of, text }) => ({ step, object, labels: of, text }));
}

const SHOWN = 8;

function listOf(names: readonly string[]): string {
  const rest = names.length - SHOWN;
  return `${names.slice(0, SHOWN).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

function takeOverText(calls: readonly string[], owners: readonly TableDescription[]): string {
  const parts = [];
  if (calls.length > 0)
    parts.push(`let the new version take over what is there instead of calling ${listOf([...new Set(calls)])}`);
  for (const { label, reasons } of owners)
    parts.push(`decide what the differences of ${label} mean: ${reasons.join("; ")}`);
  return parts.join("; ");
}

function holdersOf({ label, holders }: TableDescription): string[] {
  return [label, ...holders.map((holder) => holder.label)];
}

/** How callers are made to use the switch, which depends on whether the old table can be written. */
function pointingText({ label, access, holders, visibility }: TableDescription): string {
  const places = holders.map(({ label: holder, kind, calls }) =>
    kind === "data"
      ? `the pointer in ${holder}`
      : `what ${holder} set up${calls === undefined ? "" : ` (${calls.join(", ")})`}`,
  );
  const others = visibility === "local" ? "" : "; other objects may hold its address too";
  const where = places.length === 0 ? "whatever holds its address" : listOf(places);
  if (access === "writable")
    return `write the switching functions into the slots of ${label}, which is writable: all that hold its address follow (${where})${others}`;
  const why = access === "const" ? "is read-only" : "is read-only once init is over";
  return `${label} ${why}: point ${where} to a table of switching functions, or make its page writable for the moment and write the slots${others}`;
}

function unloadText(calls: readonly string[]): string {
  const exit = calls.length === 0 ? "" : `, without letting its exit code call ${listOf([...new Set(calls)])}`;
  return `unload the old version once its reference count is zero and nothing of the new one refers to its data${exit}`;
}
