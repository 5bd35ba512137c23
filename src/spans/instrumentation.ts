import { isCode } from "./section-kind.ts";
import type { Span } from "./span.ts";
import type { Use } from "./uses.ts";

/*
 * What compilers add to measure and check a program, and what no source has written: counters and their descriptions (gcov,
 * clang's profiles), lists of variables (address sanitizer), and the constructors that hand these to a runtime.
 * GCC: coverage.cc, asan.cc; LLVM: InstrProf.h, AddressSanitizer.cpp.
 */

/** Counters and descriptions that have a name. */
const DATA = /^(__gcov\d+\.|__gcov_\.|__prof[cdvn]_|__llvm_(gcov|prf|profile)_|__asan_|__sancov_|\.LASAN|\.LPBX)/;
/** Sections of such data whose names the assembler dropped. */
const SECTION = /^\.(data|bss)(\.rel(\.ro)?(\.local)?)?\.\.?(LPBX|LASAN)|^__llvm_prf_|^__sancov_/;
/** Constructors and destructors without a name in the source. */
const STARTER = /^_sub_[ID]_\d+_\d+$|^(asan|hwasan|msan|tsan|sancov)\.module_[cd]tor|^__llvm_gcov_/;
/** What they call. */
const RUNTIME = /^_{2,3}(gcov|llvm_(gcov|profile)|asan|hwasan|msan|tsan|ubsan|sancov|sanitizer|kasan|kcsan|stack_chk)_/;

/** How many steps from something named nameless data may be: its description refers to tables of its own. */
const MOST_STEPS = 3;

/** Whether a span is the compiler's own, so that no difference in it is one of the program's. */
export function isInstrumentation(span: Span, uses: (span: Span) => readonly Use[], steps = MOST_STEPS): boolean {
  if (isCode(span.kind)) return isStarter(span);
  if (span.symbol !== undefined) return DATA.test(span.name);
  if (SECTION.test(span.section.name)) return true;
  const users = steps === 0 ? [] : uses(span);
  return users.length > 0 && users.every(({ from }) => isInstrumentation(from, uses, steps - 1));
}

/** A starter that does nothing but hand something to a runtime: nothing of the program runs in it. */
function isStarter({ name, relocations }: Span): boolean {
  if (!STARTER.test(name)) return false;
  const calls = relocations.filter(({ target, symbol }) => target === undefined && symbol !== undefined);
  const isOwn = relocations.every(
    ({ target }) => target === undefined || !isCode(target.kind) || STARTER.test(target.name),
  );
  return (
    isOwn &&
    calls.some(({ symbol }) => RUNTIME.test(symbol?.name ?? "")) &&
    calls.every(({ symbol }) => isHarmless(symbol?.name ?? ""))
  );
}

/** Names that are not functions of the program. */
function isHarmless(name: string): boolean {
  return RUNTIME.test(name) || /^(__(start|stop)_|_GLOBAL_OFFSET_TABLE_$|\.TOC\.$|__fentry__$|_?_?mcount$)/.test(name);
}
