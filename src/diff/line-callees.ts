/** How a function takes the place in the source that calls it. Numbers count arguments from 0. */
export interface LineTaker {
  /** The argument that is the line. */
  readonly line: number;
  /** The argument that names the file or the function. */
  readonly place: number;
}

/** A function that takes a format, and what it formats behind it. */
export interface Formatter {
  readonly format: number;
}

interface Row<T> extends Readonly<{ name: RegExp; takes: T; source: string }> {}

function taker(line: number, place: number, name: RegExp, source: string): Row<LineTaker> {
  return { name, takes: { line, place }, source };
}

/**
 * Functions that are told where they are called from: what they do with the number is print it. Each row names the file that
 * declares the function.
 */
const TAKERS: readonly Row<LineTaker>[] = [
  taker(1, 0, /^_{2,3}might_(sleep|resched|sleep_precision)$/, "Linux: include/linux/kernel.h"),
  taker(1, 0, /^__might_fault$/, "Linux: include/linux/uaccess.h"),
  taker(1, 0, /^__cant_(sleep|migrate)$/, "Linux: include/linux/kernel.h"),
  taker(1, 0, /^lockdep_rcu_suspicious$/, "Linux: include/linux/lockdep.h"),
  taker(1, 0, /^warn_slowpath_(null|fmt|fmt_taint|common)$/, "Linux: include/asm-generic/bug.h"),
  taker(1, 0, /^__(pte|pmd|pud|p4d|pgd)_error$/, "Linux: arch/arm/include/asm/pgtable.h"),
  taker(2, 1, /^__btrfs_(abort_transaction|handle_fs_error|panic|std_error)$/, "Linux: fs/btrfs/messages.h"),
  taker(2, 1, /^__ext4_(error|warning|abort|std_error|error_inode|warning_inode|error_file)$/, "Linux: fs/ext4/ext4.h"),
  taker(1, 0, /^__ext4_(grp_locked_error|check_dir_entry|ext_check)$/, "Linux: fs/ext4/ext4.h"),
  taker(
    1,
    0,
    /^__ext4_(journal_(get_write_access|get_create_access|stop)|forget|handle_dirty_(metadata|super))$/,
    "Linux: fs/ext4/ext4_jbd2.h",
  ),
  taker(4, 3, /^xfs_(error_report|corruption_error)$/, "Linux: fs/xfs/xfs_error.h"),
  taker(3, 2, /^(assfail|asswarn)$/, "Linux: fs/xfs/xfs_linux.h"),
  taker(2, 1, /^__assert_fail$/, "glibc, musl: assert.h"),
  taker(2, 1, /^__assert_perror_fail$/, "glibc: assert.h"),
  taker(2, 1, /^__assert$/, "Bionic, uClibc: assert.h"),
  taker(1, 0, /^__assert(2|13|_func)$/, "Newlib, Bionic, NetBSD: assert.h"),
  taker(2, 1, /^__assert_rtn$/, "Darwin: assert.h"),
  taker(2, 1, /^g_assertion_message(_\w+)?$/, "GLib: gtestutils.h"),
];

/** Functions that print what a format says. */
const FORMATTERS: readonly Row<Formatter>[] = [
  { name: /^_?printk$/, takes: { format: 0 }, source: "Linux: include/linux/printk.h" },
  { name: /^__warn_printk$/, takes: { format: 0 }, source: "Linux: include/asm-generic/bug.h" },
  { name: /^panic$/, takes: { format: 0 }, source: "Linux: include/linux/panic.h" },
];

/** How a function takes the line that calls it; undefined where that is not known of it. */
export function lineTaker(name: string): LineTaker | undefined {
  return TAKERS.find((row) => row.name.test(name))?.takes;
}

/** Which argument of a function is a format; undefined where that is not known of it. */
export function formatter(name: string): Formatter | undefined {
  return FORMATTERS.find((row) => row.name.test(name))?.takes;
}

/** One conversion of a format, with the text between it and the one before. */
const CONVERSION = /([^%]|%%)*?%[-+ #0]*(\*|\d+)?(\.(\*|\d+))?(hh|h|ll|l|z|j|t)?([a-zA-Z])/gy;

/** Text between a name and its line: `%s:%d`, `%s (%d)`, `%s, line %d`. */
const BEFORE_LINE = /^\s*[:(]\s*$|^[\s,:(]*line\s*[:#]?\s*$/i;

/** Which of the values behind a format are lines, each printed right behind the name of its place; counted from the format. ISO C 7.23.6.1. */
export function linesInFormat(format: string): number[] {
  const lines: number[] = [];
  let value = 0;
  let last = "";
  for (const [whole, , width, , precision, , type = ""] of format.matchAll(CONVERSION)) {
    if (width === "*") value++;
    if (precision === "*") value++;
    value++;
    const before = whole.slice(0, whole.lastIndexOf("%"));
    if (/[diu]/.test(type) && last === "s" && BEFORE_LINE.test(before)) lines.push(value);
    last = type;
  }
  return lines;
}
