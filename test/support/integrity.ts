import type { UpdateDescription } from "../../src/contract/description.ts";

function isSorted<T>(list: readonly T[], key: (item: T) => readonly (string | number)[]): boolean {
  return list.every((item, i) => {
    if (i === 0) return true;
    const a = key(list[i - 1] as T);
    const b = key(item);
    const at = a.findIndex((part, k) => part !== b[k]);
    return at === -1 || (a[at] as string) < (b[at] as string);
  });
}

function repeated(labels: readonly string[]): string[] {
  return [...new Set(labels.filter((label, i) => labels.indexOf(label) !== i))];
}

/** What in a description refers to something that is not there, stands twice, or is not in order; empty when all is well. */
export function integrityErrors(update: UpdateDescription): string[] {
  const errors: string[] = [];
  const check = (holds: boolean, words: string): void => {
    if (!holds) errors.push(words);
  };
  for (const change of update.changes) {
    for (const code of [change.oldCode, change.newCode]) {
      const sections = new Map(code.sections.map((section) => [section.label, section]));
      const symbols = new Set(code.symbols.map((symbol) => symbol.label));
      errors.push(
        ...repeated(code.sections.map(({ label }) => label)).map((label) => `${code.name}: two sections ${label}`),
      );
      errors.push(
        ...repeated(code.symbols.map(({ label }) => label)).map((label) => `${code.name}: two symbols ${label}`),
      );
      for (const { section, symbol, howto, offset } of code.relocations) {
        const holder = sections.get(section);
        check(holder !== undefined, `${code.name}: relocation in ${section}, which is not there`);
        check(symbols.has(symbol), `${code.name}: relocation against ${symbol}, which is not there`);
        const row = update.howtos[howto];
        check(row !== undefined, `${code.name}: howto ${howto} is not there`);
        if (holder !== undefined && row !== undefined && holder.kind !== "bss")
          check(offset + row.size <= holder.size, `${code.name}: ${howto} at ${offset} reaches past ${section}`);
      }
      for (const { label, section } of code.symbols)
        check(section === null || sections.has(section), `${code.name}: ${label} in ${section}, which is not there`);
      for (const { label, because } of code.sections) {
        const [, of] = /^(?:referenced-by|owner) (?!of a bug)(.*)$/.exec(because) ?? [];
        const known =
          of === undefined || [change.oldCode, change.newCode].some((one) => one.sections.some((s) => s.label === of));
        check(known, `${code.name}: ${label} is there because of ${of}, which is not`);
      }
      check(
        isSorted(code.sections, ({ label }) => [label]),
        `${code.name}: sections are not in order`,
      );
      check(
        isSorted(code.symbols, ({ label }) => [label]),
        `${code.name}: symbols are not in order`,
      );
      check(
        isSorted(code.relocations, (one) => [one.section, one.offset]),
        `${code.name}: relocations are not in order`,
      );
    }
    const has = (code: typeof change.oldCode, label: string): boolean =>
      code.sections.some((one) => one.label === label);
    for (const { type, oldLabel, replacement, oldOffset, size } of change.patches) {
      if (type === "export") continue;
      check(has(change.oldCode, oldLabel), `patch of ${oldLabel}, which old code has not`);
      check(
        replacement === null || has(change.newCode, replacement),
        `patch with ${replacement}, which new code has not`,
      );
      const isErrorFree = !update.findings.some(({ code }) => /^trampoline/.test(code));
      const holder = change.oldCode.sections.find((one) => one.label === oldLabel);
      if (isErrorFree && holder !== undefined) check(oldOffset + size <= holder.size, `patch reaches past ${oldLabel}`);
    }
    check(
      isSorted(change.patches, (one) => [one.oldLabel, one.oldOffset]),
      "patches are not in order",
    );
  }
  for (const { verdict, findings } of [update])
    for (const { because } of verdict.rungs)
      check(
        because.every((index) => index < findings.length),
        "a verdict for no finding",
      );
  check(
    isSorted(update.functions, ({ label, target, status, object }) => [label, target, status, object]),
    "functions are not in order",
  );
  check(
    isSorted(update.data, ({ label, target, status, object }) => [label, target, status, object]),
    "data is not in order",
  );
  check(
    isSorted(update.exports, ({ name, object }) => [name, object]),
    "exports are not in order",
  );
  check(
    isSorted(Object.keys(update.howtos), (name) => [name]),
    "howtos are not in order",
  );
  errors.push(
    ...repeated(
      update.functions.map(({ label, target, object, status }) => `${label} ${target} ${object} ${status}`),
    ).map((label) => `two functions ${label}`),
  );
  const used = new Set(
    update.changes.flatMap((one) =>
      [one.oldCode, one.newCode].flatMap((code) => code.relocations.map(({ howto }) => howto)),
    ),
  );
  for (const name of Object.keys(update.howtos)) check(used.has(name), `howto ${name} that is not used`);
  return errors;
}
