import { codesOf, type FindingRow, findingRow, type Severity } from "./table.ts";

/** What a finding is about; each part that is known. */
export interface FindingPlace {
  /** Index of the object pair. */
  readonly object?: number | undefined;
  readonly side?: "pre" | "post" | undefined;
  readonly section?: string | undefined;
  /** Byte offset in the section, or in the function when `name` is one. */
  readonly offset?: number | undefined;
  readonly name?: string | undefined;
  readonly label?: string | undefined;
}

/** A finding of an update has a heading, too. */
interface Row extends FindingRow {
  readonly title: string;
}

function row(severity: Severity, title: string, text: Row["text"]): Row {
  return { ...findingRow(severity, text), title };
}

/** Every finding there is: code, severity and words in one row. */
export const FINDINGS = {
  "writable-data-changed": row(
    "error",
    "Initialiser of live data changed",
    (name, detail) =>
      `${name} is writable: the running value stays, so its new initialiser has no effect (${detail}); set it in an apply hook or keep the old one`,
  ),
  "writable-data-resized": row(
    "error",
    "Size of live data changed",
    (name, detail) =>
      `${name} is writable and changes size (${detail} bytes): the running instance cannot grow; keep it and add a new variable, or use shadow data`,
  ),
  "percpu-data-changed": row(
    "error",
    "Per-CPU data changed",
    (name, detail) =>
      `${name} is per-CPU: every processor has its running copy already, the change has no effect (${detail})`,
  ),
  "tls-data-changed": row(
    "error",
    "Thread-local data changed",
    (name, detail) =>
      `${name} is thread-local: every thread has its running copy already, the change has no effect (${detail})`,
  ),
  "init-text-changed": row(
    "error",
    "Init code changed",
    (name, detail) =>
      `${name} runs once at start and is freed: it has run already, the change has no effect (${detail})`,
  ),
  "init-data-changed": row(
    "error",
    "Init data changed",
    (name, detail) => `${name} is read once at start and freed: the change has no effect (${detail})`,
  ),
  "exit-text-changed": row(
    "warning",
    "Exit code changed",
    (name, detail) => `${name} is exit code: present only in a loaded module (${detail})`,
  ),
  "global-rodata-resized": row(
    "error",
    "Size of a global constant changed",
    (name, detail) => `${name} is global and changes size (${detail} bytes): other objects go on using the old one`,
  ),
  "global-function-deleted": row(
    "warning",
    "Global function deleted",
    (name) => `${name} is gone from this object: code that still calls it calls the old code`,
  ),
  "global-data-deleted": row(
    "warning",
    "Global data deleted",
    (name) => `${name} is gone from this object: others may still use the old one`,
  ),
  "data-deleted": row(
    "note",
    "Data deleted",
    (name) => `${name} is no longer used: the running instance stays where it is`,
  ),
  "static-ambiguous": row(
    "error",
    "Running variable that cannot be told",
    (name, detail) =>
      `${name} holds state of the running system, and which variable of the new object it is cannot be told (${detail}): new code would begin with a copy of its own; keep its users, or name it so that it can be told`,
  ),
  "percpu-data-new": row(
    "error",
    "New per-CPU data",
    (name) =>
      `${name} is a new per-CPU variable: no processor has a copy of it, and the code reaches it by an offset that only the loader of a whole module hands out; reserve its copies when the update is loaded, or keep it elsewhere`,
  ),
  "tls-data-new": row(
    "error",
    "New thread-local data",
    (name) =>
      `${name} is a new thread-local variable: threads that run already have no copy of it; keep it elsewhere, by thread`,
  ),
  "default-version-changed": row(
    "note",
    "Default version of a symbol changed",
    (name, detail) =>
      `${name} is ${detail} now: what is linked already goes on using it; what is linked from now on may get another version`,
  ),
  "alias-removed": row(
    "warning",
    "Alias removed",
    (name, detail) => `${name} was another name of ${detail}: the code stays, the name is gone`,
  ),
  "function-renamed-global": row(
    "note",
    "Global function renamed",
    (name, detail) =>
      `${name} is called ${detail} now: the code is the same, nothing is patched; other objects must use one of the names`,
  ),
  "trampoline-no-room": row(
    "error",
    "No room for a trampoline",
    (name, detail) => `${name} is too short to be redirected: ${detail}`,
  ),
  "trampoline-no-room-next": row(
    "note",
    "No room for the next trampoline",
    (name, detail) => `the new ${name} is too short to be redirected by a later update: ${detail}`,
  ),
  "trampolines-overlap": row(
    "error",
    "Trampolines overlap",
    (name, detail) => `entry points of ${name} are too close together: ${detail}`,
  ),
  "entry-point-moved": row(
    "error",
    "Entry points part",
    (name, detail) => `names that were one entry point of ${name} are different places now: ${detail}`,
  ),
  "symbol-changed": row(
    "error",
    "A name means something else",
    (name, detail) => `${name} is not what it was for those who refer to it: ${detail}`,
  ),
  "file-fact-changed": row(
    "error",
    "The loader or linker is told something else",
    (name, detail) =>
      `${name}: ${detail}; it counts when the file is linked, loaded or started, and a patch of functions does not bring it to what runs`,
  ),
  "file-fact-noted": row("note", "The file says something else", (name, detail) => `${name}: ${detail}`),
  "function-lifetime-changed": row(
    "error",
    "Function moved into or out of init code",
    (name, detail) => `${name} moved: ${detail}`,
  ),
  "global-data-replaced": row(
    "error",
    "Global variable becomes another kind of data",
    (name, detail) =>
      `${name} becomes another kind of data (${detail}): other objects go on using the old one, and new code begins with a second copy`,
  ),
  "constructors-changed": row(
    "error",
    "Functions that run at start or end changed",
    (name, detail) =>
      `${name} lists functions in the order in which they run when the program or module starts or ends, and differs (${detail}): what was to run at start has run, and what is to run at the end is what was loaded`,
  ),
  "hook-reaches-patched-code": row(
    "error",
    "Hook reaches patched code",
    (name, detail) =>
      `${name} runs while the old code is in force, but reaches code that this update replaces: ${detail}`,
  ),
  "new-writable-data": row(
    "note",
    "New writable data",
    (name, detail) => `${name} is new: it starts with its initialiser when the update is applied (${detail} bytes)`,
  ),
  "export-added": row("note", "Symbol exported", (name) => `${name} is exported now`),
  "export-deleted": row(
    "warning",
    "Export removed",
    (name) => `${name} is no longer exported: modules that are loaded keep their reference`,
  ),
  "export-changed": row("warning", "Export changed", (name, detail) => `the export of ${name} changes: ${detail}`),
  "special-section-unknown": row(
    "warning",
    "Table not understood",
    (name, detail) =>
      `the entries of ${name} refer into functions, but the table is not known; they were taken to belong to the code they begin with (${detail})`,
  ),
  "special-section-opaque": row(
    "warning",
    "Table that cannot be cut",
    (name, detail) => `the entries of ${name} cannot be told apart: ${detail}`,
  ),
  "section-unknown": row(
    "error",
    "Section not understood",
    (name, detail) =>
      `${name} is of no known kind and differs (${detail}): a person has to judge what that means for the running system`,
  ),
  "unnamed-data-changed": row(
    "error",
    "Data without a name changed",
    (name, detail) =>
      `${name} has data that no symbol covers and no reference reaches by itself, and it differs: ${detail}`,
  ),
  "note-changed": row(
    "warning",
    "ELF note changed",
    (name, detail) =>
      `${name} is an ELF note and differs (${detail}): no code acts on it, but programs that read it, such as the dynamic linker at start, see another value`,
  ),
  "difference-unexplained": row(
    "error",
    "Difference that nothing explains",
    (name, detail) =>
      `${name} differs (${detail}), and nothing in the description tells it: do not rely on the rest, and report it as a fault of elfsplice`,
  ),
  "relocation-unknown": row(
    "warning",
    "Relocation type not known",
    (name, detail) => `${name} has relocations of a type that is not known: ${detail}; they were compared literally`,
  ),
  "entry-without-owner": row(
    "note",
    "Table entry without owner",
    (name, detail) => `an entry of ${name} points to no code of this object (${detail})`,
  ),
  "registry-changed": row(
    "note",
    "Registration changed",
    (name, detail) =>
      `${name} is read at boot or when a module is loaded: the change has no effect on the running system (${detail})`,
  ),
  "no-entry-hook": row(
    "note",
    "No entry hook",
    (name) => `${name} has no ftrace site: livepatch cannot redirect it, a trampoline can`,
  ),
  "bug-line-only": row(
    "note",
    "Line number in the bug table",
    (name) => `${name} differs only by line numbers in the bug table`,
  ),
  "line-number-only": row(
    "note",
    "Line number in code or messages",
    (name, detail) => `${name} differs only by line numbers (${detail}); it is left as it is`,
  ),
  "sibling-call": row(
    "error",
    "Sibling call out of new code",
    (name, detail) =>
      `${name} jumps to ${detail} instead of calling it: the TOC pointer cannot be restored after it; build with -fno-optimize-sibling-calls`,
  ),
  "short-branch": row(
    "error",
    "Short branch out of new code",
    (name, detail) =>
      `${name} jumps to ${detail} by a branch that reaches only what is near, which new code is not; build with -ffunction-sections`,
  ),
  "section-anchors": row(
    "error",
    "Variables reached from a common anchor",
    (name, detail) =>
      `${name} reaches ${detail} without a relocation; build with -fdata-sections or -fno-section-anchors`,
  ),
  "static-key-elsewhere": row(
    "note",
    "Static key of another object",
    (name, detail) =>
      `${name} uses ${detail}, which another object defines: if that is a module's, the site cannot be patched before the module is loaded`,
  ),
  "nameless-code-changed": row(
    "error",
    "Code without a name changed",
    (name, detail) =>
      `code of ${name} that has no name and that nothing in the object refers to changes (${detail}): it cannot be patched, and how it is entered the object does not tell`,
  ),
  "reference-unresolved": row(
    "error",
    "Reference into a section that is not loaded",
    (name, detail) =>
      `the new ${name} refers to ${detail}, which belongs to no symbol, no variable and no table entry of new code: where it lies in the running system is not told`,
  ),
  "function-descriptors": row(
    "error",
    "Functions that are called through descriptors",
    (name) =>
      `functions of ${name} are called through descriptors (ELFv1): a jump at the old code enters the new code with the old TOC pointer, and the new code goes wrong; load the TOC pointer in between`,
  ),
  "code-has-run": row(
    "error",
    "Code that has run changed",
    (name, detail) =>
      `${name} ran when the system or program started (${detail}): a jump to the new code has no effect`,
  ),
  "address-of-replaced": row(
    "warning",
    "Address of replaced code taken",
    (name, detail) =>
      `the new ${name} takes the address of ${detail}, which is replaced: it gets that of the new code, and pointers stored earlier have that of the old; compare them nowhere, and do not take the update back while one is stored`,
  ),
  "constant-copied": row(
    "warning",
    "Constant with two copies",
    (name, detail) =>
      `${name} gets a new place, and new code (${detail}) uses its address: pointers to the old one that were stored earlier are not equal to it`,
  ),
  "unwind-not-registered": row(
    "error",
    "Unwinder does not know new code",
    (name, detail) =>
      `the new ${name} ${detail}, and an exception that passes through it ends the program: its frame descriptions are not part of the update: register those of the object it was compiled to, moved to where it is loaded (__register_frame), or build it without exceptions`,
  ),
  "type-hash-changed": row(
    "error",
    "Type hash of a function changed",
    (name, detail) =>
      `the type of ${name} changes, and so does the kCFI hash before its entry (${detail}): pointers stored earlier lead to the old entry with the old hash, and new callers by pointer panic there; keep the type, or give the new function another name`,
  ),
  "type-hash-unused": row(
    "note",
    "Type hash of a function called by name only changed",
    (name, detail) => `the kCFI hash of ${name} changes (${detail}), but nothing takes its address`,
  ),
  "ksplice-option": row(
    "error",
    "Option for Ksplice",
    (name, detail) =>
      `.ksplice_options asks for ${detail} of ${name}, which is not honoured: what the rest says of ${name} is said without it`,
  ),
  "module-info-changed": row("note", "Module information changed", (name, detail) => `${name} differs: ${detail}`),
  "absolute-symbol-changed": row(
    "error",
    "Absolute symbol changed",
    (name, detail) => `${name} is an absolute symbol that other objects may use, and its value changes: ${detail}`,
  ),
  "common-symbol-changed": row(
    "error",
    "Common symbol changed",
    (name, detail) => `${name} is a common symbol and changes: ${detail}`,
  ),
  "comdat-changed": row(
    "warning",
    "COMDAT function changed",
    (name, detail) => `${name} is in a COMDAT group: the running copy may come from another object (${detail})`,
  ),
  "ignored-on-request": row(
    "warning",
    "Difference ignored on request",
    (name) => `${name} differs, but the patch says to leave it alone (KPATCH_IGNORE_FUNCTION)`,
  ),
  "object-added": row(
    "warning",
    "Object added",
    (name, detail) => `${name} is new: its functions are loaded with the update${detail}`,
  ),
  "object-removed": row(
    "warning",
    "Object removed",
    (name) => `${name} is not built any more: code that still calls into it calls the old code`,
  ),
  "archive-order-changed": row(
    "error",
    "A linker takes another member of an archive",
    (name, detail) =>
      `members of ${name} define the same names, and a linker takes the first that does: ${detail}; programs that are linked from now on get other code`,
  ),
  "object-unreadable": row("error", "Object cannot be read", (_name, detail) => detail),
  "object-foreign": row(
    "error",
    "Object of another architecture",
    (name, detail) => `${name} differs and is for ${detail}: it is left out of the changes`,
  ),
  "function-moved": row("note", "Function moved", (name, detail) => `${name} moved ${detail}`),
  "data-moved": row(
    "error",
    "Live data moved",
    (name, detail) =>
      `${name} moved ${detail}: the running value stays where it is, and new code begins with a second copy`,
  ),
  "export-moved": row("note", "Export moved", (name, detail) => `${name} is exported by another object now: ${detail}`),
  "export-needed": row(
    "note",
    "New export needed by another change",
    (name, detail) => `${name} needs ${detail}: load that change before this one, or both together`,
  ),
  "export-conflict": row(
    "error",
    "Symbol exported twice",
    (name, detail) => `${name} is newly exported by more than one change: ${detail}`,
  ),
  "duplicate-definition": row(
    "error",
    "Symbol defined twice",
    (name, detail) => `${name} is newly defined by more than one object of a change: ${detail}`,
  ),
  "deleted-symbol-needed": row(
    "error",
    "Deleted symbol needed",
    (name, detail) => `the new code of ${name} needs ${detail}`,
  ),
  "suppressed-code-used": row(
    "warning",
    "Suppressed code used",
    (name, detail) => `the new ${name} refers to ${detail}, whose change is suppressed: it gets the old one`,
  ),
  "suppressed-code-needed": row(
    "error",
    "Suppressed code needed",
    (name, detail) => `the new ${name} needs ${detail}, which is suppressed`,
  ),
  "suppression-unused": row(
    "warning",
    "Suppression rule unused",
    (name, detail) => `the rule "${name}" matches nothing that differs (${detail})`,
  ),
  "compiler-differs": row(
    "warning",
    "Other compiler",
    (name, detail) =>
      `${name} was made by two compilers or versions: ${detail}; code differs where the source does not`,
  ),
  "options-differ": row(
    "warning",
    "Other options of the compiler",
    (name, detail) => `${name} was compiled with other options: ${detail}; code differs where the source does not`,
  ),
  "object-in-several": row(
    "warning",
    "Object belongs to several modules",
    (name, detail) => `${name} is linked into several modules: its change is described for the first of ${detail}`,
  ),
  "file-skipped": row("warning", "File not compared", (name, detail) => `${name} is not compared: ${detail}`),
  "file-not-analysed": row(
    "error",
    "File that differs and cannot be analysed",
    (name, detail) => `${name} differs, and what it does cannot be told: ${detail}`,
  ),
  "files-not-objects": row("note", "Files that differ and are not objects", (_name, detail) => detail),
  "files-covered": row("note", "Files whose code lies in others", (_name, detail) => detail),
  "files-of-others": row("note", "Objects of other programs", (_name, detail) => detail),
  "files-not-followed": row("note", "Links and odd files not followed", (_name, detail) => detail),
  "files-left-out": row("note", "Files left out on request", (_name, detail) => detail),
  "live-update-no-cancel": row(
    "warning",
    "Live update without cancel",
    (name, detail) => `${name} cannot take back what it saved when a live update is cancelled: ${detail}`,
  ),
  "live-update-freeze-without-finish": row(
    "warning",
    "Live update without finish",
    (name) => `${name} freezes its state for a live update, and has no finish that takes it up again`,
  ),
  "live-update-order": row(
    "warning",
    "Live update in an order that cannot be undone",
    (name, detail) => `${name} takes part in a live update in an order that cannot be undone: ${detail}`,
  ),
  "live-update-slots-unknown": row(
    "warning",
    "Live update callbacks not understood",
    (name, detail) => `which callbacks ${name} has in a live update is not known: ${detail}`,
  ),
  "live-update-registration-unknown": row(
    "warning",
    "Live update registration not understood",
    (name, detail) => `${name} registers a ${detail} for live update; which one, the object does not tell`,
  ),
  "live-update-compatible-changed": row(
    "warning",
    "Compatible string changed",
    (name, detail) => `${name} does not recognise the state that the running kernel saves for a live update: ${detail}`,
  ),
  "live-update-participant-removed": row(
    "warning",
    "Live update participant removed",
    (name, detail) => `${name} no longer takes part in live updates: its state is not taken up (${detail})`,
  ),
  "live-update-participant-added": row(
    "note",
    "Live update participant added",
    (name, detail) => `${name} takes part in live updates now; the running kernel saves no state for it (${detail})`,
  ),
  "live-update-callback-changed": row(
    "note",
    "Live update callback changed",
    (name, detail) => `${name} acts differently in a live update: ${detail}`,
  ),
  "ops-table-incompatible": row(
    "note",
    "Table of functions cannot be exchanged",
    (name, detail) => `${name} leads to code that changes, and no switch-over can exchange it: ${detail}`,
  ),
  "ops-table-differs": row(
    "note",
    "Table of functions differs",
    (name, detail) =>
      `before a switch-over can exchange ${name}, a person must say what its differences mean: ${detail}`,
  ),
  "called-directly": row(
    "note",
    "Changed function entered without a table",
    (name, detail) => `no switch-over of tables reaches every use of ${name}: ${detail}`,
  ),
  "shared-module-state": row(
    "note",
    "State that two versions would share",
    (name, detail) => `with both versions of ${name} loaded, each would have its own ${detail}`,
  ),
  "names-clash": row(
    "note",
    "Names that two versions would define",
    (name, detail) => `both versions of ${name} define for others: ${detail}`,
  ),
  "machine-without-table": row(
    "warning",
    "Machine without table",
    (name) => `no relocation table for ${name}: relocations were compared literally`,
  ),
  "struct-layout-changed": row(
    "error",
    "Layout of live objects changed",
    (name, detail) =>
      `${name} changes its layout (${detail}), and objects of the old one may be alive: new code would read them wrongly; keep the layout and put what is new into shadow variables`,
  ),
  "struct-layout-unused": row(
    "note",
    "Layout without live objects changed",
    (name, detail) => `${name} changes its layout (${detail}), but no object of the old one can be alive`,
  ),
  "struct-member-retyped": row(
    "warning",
    "Member of live objects means something else",
    (name, detail) => `${name} keeps its layout, but ${detail}: what live objects hold may be read wrongly`,
  ),
  "enum-value-changed": row(
    "warning",
    "Value of an enumerator changed",
    (name, detail) => `${name}: ${detail}; live objects and other code keep the old values`,
  ),
  "type-defined-twice": row(
    "note",
    "Type defined in several ways",
    (name, detail) => `${name} is not the same everywhere: ${detail}`,
  ),
  "debug-info-unread": row(
    "warning",
    "Debug information not read",
    (name, detail) => `debug information of ${name} was not read: ${detail}; layouts are compared without it`,
  ),
  "debug-info-one-sided": row(
    "note",
    "Debug information on one side only",
    (name, detail) => `${name} has no debug information, ${detail} has: layouts cannot be compared`,
  ),
  "shadow-not-freed": row(
    "warning",
    "Shadow variable is never freed",
    (name, detail) => `${name} attaches shadow variables with id ${detail}, which nothing in this object frees`,
  ),
  "shadow-not-allocated": row(
    "warning",
    "Shadow variable is never allocated",
    (name, detail) => `${name} asks for shadow variables with id ${detail}, which nothing in this object attaches`,
  ),
  "shadow-two-sizes": row(
    "error",
    "One shadow variable with two sizes",
    (name, detail) => `${name} attaches shadow variables ${detail}: code that gets the smaller one writes past its end`,
  ),
  "shadow-pointer-size": row(
    "error",
    "Shadow variable as large as a pointer",
    (name, detail) =>
      `${name} attaches a shadow variable as large as a pointer, ${detail}: its size must be the member's own`,
  ),
  "shadow-needs-get-or-alloc": row(
    "warning",
    "Shadow variables only for new objects",
    (name, detail) =>
      `${name} attaches shadow variables with klp_shadow_alloc where ${detail}: objects that are alive already get none, so use klp_shadow_get_or_alloc or cope with there being none`,
  ),
} as const satisfies Readonly<Record<string, Row>>;

export type FindingCode = keyof typeof FINDINGS;

/** The codes in the order of the table. */
export const FINDING_CODES = codesOf(FINDINGS);

/** Anything the analysis learned that a person or a gate may act on. */
export interface Finding {
  readonly code: FindingCode;
  readonly where: FindingPlace;
  /** What only this case knows, in words. */
  readonly detail: string;
  /** Why it was suppressed: it stays visible and stops nothing. */
  readonly suppressed?: string | undefined;
}

export function severityOf({ code }: Pick<Finding, "code">): Severity {
  return FINDINGS[code].severity;
}

/** The sentence for a person. */
export function findingText(finding: Finding): string {
  const { where } = finding;
  return FINDINGS[finding.code].text(where.name ?? where.section ?? "the object", finding.detail);
}
