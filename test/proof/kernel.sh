#!/usr/bin/env bash
# Proof that `elfsplice module` makes livepatch modules that work: builds a small x86-64 kernel, three patches of it, a module
# for each, boots it in an emulator, loads the modules, and compares what the kernel says before, while and after they are
# enabled. Not part of CI: it needs some 3 GB, and an hour on two slow processors.
#
#   test/proof/kernel.sh FOLDER          (FOLDER is kept: a second run goes on with the kernel that is there)
#
# Debian packages: linux-source-6.1 make gcc bc flex bison libelf-dev qemu-system-x86 busybox-static cpio
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
elfsplice="node $here/../../dist/elfsplice.js"
work=${1:?folder to build in}
source_archive=${LINUX_SOURCE:-/usr/src/linux-source-6.1.tar.xz}
jobs=${JOBS:-2}

say() { printf '== %s\n' "$*"; }
need() { for program; do command -v "$program" >/dev/null || { echo "kernel.sh: $program is not installed"; exit 77; }; done; }
need node make gcc bc flex bison cpio qemu-system-x86_64 busybox
[ -f "$here/../../dist/elfsplice.js" ] || { echo "kernel.sh: npm run build first"; exit 77; }
mkdir -p "$work"
work=$(cd "$work" && pwd)

say "the kernel before the patches"
linux=$work/linux
if [ ! -d "$linux" ]; then
  [ -f "$source_archive" ] || { echo "kernel.sh: $source_archive is not there (LINUX_SOURCE)"; exit 77; }
  mkdir "$linux"
  tar xf "$source_archive" -C "$linux" --strip-components=1
fi
cd "$linux"
if [ ! -f arch/x86/boot/bzImage ]; then
  cat >"$work/config" <<'CONFIG'
CONFIG_64BIT=y
CONFIG_MODULES=y
CONFIG_MODULE_UNLOAD=y
CONFIG_PRINTK=y
CONFIG_BUG=y
CONFIG_TTY=y
CONFIG_SERIAL_8250=y
CONFIG_SERIAL_8250_CONSOLE=y
CONFIG_BLK_DEV_INITRD=y
CONFIG_BINFMT_ELF=y
CONFIG_BINFMT_SCRIPT=y
CONFIG_PROC_FS=y
CONFIG_SYSFS=y
CONFIG_EXPERT=y
CONFIG_MULTIUSER=y
CONFIG_POSIX_TIMERS=y
CONFIG_FUTEX=y
CONFIG_KALLSYMS=y
CONFIG_KALLSYMS_ALL=y
CONFIG_FTRACE=y
CONFIG_FUNCTION_TRACER=y
CONFIG_DYNAMIC_FTRACE=y
CONFIG_DEBUG_KERNEL=y
CONFIG_LIVEPATCH=y
CONFIG_JUMP_LABEL=y
CONFIG_UNWINDER_ORC=y
CONFIG_CC_OPTIMIZE_FOR_PERFORMANCE=y
CONFIG_SAMPLES=y
CONFIG_SAMPLE_KOBJECT=m
CONFIG
  make -s tinyconfig
  scripts/kconfig/merge_config.sh -m .config "$work/config" >/dev/null
  make -s olddefconfig
  grep -q '^CONFIG_LIVEPATCH=y' .config || { echo "kernel.sh: this kernel has no livepatch"; exit 1; }
  make -s -j"$jobs" bzImage modules
fi

objects=(fs/proc/version.o fs/proc/loadavg.o samples/kobject/kobject-example.o)
patched=(fs/proc/version.c fs/proc/loadavg.c samples/kobject/kobject-example.c)

copy_to() { for object in "${objects[@]}"; do mkdir -p "$1/$(dirname "$object")"; cp "$object" "$1/$object"; done; }

say "the objects before and after the patches"
# shellcheck disable=SC2086
make -s -j"$jobs" ${objects[*]}
copy_to "$work/pre"
for file in "${patched[@]}"; do cp "$file" "$file.before"; done
restore() { cd "$linux"; for file in "${patched[@]}"; do if [ -f "$file.before" ]; then mv "$file.before" "$file" && touch "$file"; fi; done; }
trap restore EXIT

# 1. A changed function; it uses a variable that is not exported.
sed -i 's|^\tseq_printf(m, linux_proc_banner,|\tseq_puts(m, "[livepatched] ");\n&|' fs/proc/version.c
# 2. A new function with strings of its own, a new static key, and a static key of the kernel that is not exported.
sed -i -e 's|^static int loadavg_proc_show.*|#include <linux/interrupt.h>\n#include <linux/jump_label.h>\n\nstatic DEFINE_STATIC_KEY_TRUE(note_key);\n\nstatic noinline void loadavg_note(struct seq_file *m)\n{\n\tif (static_branch_likely(\&note_key))\n\t\tseq_puts(m, "own key on, ");\n\telse\n\t\tseq_puts(m, "own key off, ");\n\tif (static_branch_unlikely(\&force_irqthreads_key))\n\t\tseq_puts(m, "threaded interrupts\\n");\n\telse\n\t\tseq_puts(m, "plain interrupts\\n");\n}\n\n&|' \
  -e 's|^\tget_avenrun(avnrun, FIXED_1/200, 0);|\tloadavg_note(m);\n&|' fs/proc/loadavg.c
# 3. A function of a module, with a static variable of that module.
sed -i 's|return sysfs_emit(buf, "%d\\n", foo);|return sysfs_emit(buf, "livepatched %d\\n", foo);|' samples/kobject/kobject-example.c
for file in "${patched[@]}"; do ! cmp -s "$file" "$file.before" || { echo "kernel.sh: $file is not as expected"; exit 1; }; done

# shellcheck disable=SC2086
make -s -j"$jobs" ${objects[*]}
copy_to "$work/post"

say "the modules"
modules=(version loadavg kobject)
targets=(vmlinux vmlinux kobject_example)
images=(vmlinux vmlinux samples/kobject/kobject-example.ko)
for i in 0 1 2; do
  name=livepatch_${modules[$i]}
  update=$work/${modules[$i]}.json
  (
    cd "$work"
    $elfsplice diff "pre/${objects[$i]}" "post/${objects[$i]}" --target "${targets[$i]}" --contents -o "$update"
    $elfsplice match "$update" --run "linux/${images[$i]}" -o "$work/${modules[$i]}.placed.json"
  )
  rm -rf "${work:?}/$name"
  $elfsplice module "$update" -o "$work/$name" --name "$name" --symvers "$linux/Module.symvers" --match "$work/${modules[$i]}.placed.json"
  make -s -C "$work/$name" KDIR="$linux" ELFSPLICE="$elfsplice"
  readelf -WS "$work/$name/$name.ko" | grep -F .klp.rela
done

say "the system"
root=$work/root
rm -rf "$root"
mkdir -p "$root"/{bin,proc,sys,dev}
cp "$(command -v busybox)" "$root/bin/busybox"
for program in sh mount cat insmod rmmod sleep reboot echo dmesg; do ln -s busybox "$root/bin/$program"; done
for name in "${modules[@]}"; do cp "$work/livepatch_$name/livepatch_$name.ko" "$root/"; done
cp samples/kobject/kobject-example.ko "$root/"
cat >"$root/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
insmod /kobject-example.ko
echo 7 >/sys/kernel/kobject_example/foo
look() {
  echo "$1 version: $(cat /proc/version)"
  echo "$1 loadavg: $(cat /proc/loadavg)"
  echo "$1 foo: $(cat /sys/kernel/kobject_example/foo)"
}
await_transition() {
  for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    busy=0
    for state in /sys/kernel/livepatch/*/transition; do
      [ -f "$state" ] && [ "$(cat "$state")" = 1 ] && busy=1
    done
    [ $busy = 0 ] && return
    sleep 1
  done
  echo "transition does not end"
}
echo
look before
for name in version loadavg kobject; do insmod /livepatch_$name.ko || echo "insmod livepatch_$name failed"; done
await_transition
look patched
for name in version loadavg kobject; do echo 0 >/sys/kernel/livepatch/livepatch_$name/enabled; done
await_transition
look after
for name in version loadavg kobject; do rmmod livepatch_$name || echo "rmmod livepatch_$name failed"; done
# A module that comes after its patch.
rmmod kobject_example
insmod /livepatch_kobject.ko
insmod /kobject-example.ko
echo 9 >/sys/kernel/kobject_example/foo
echo "again foo: $(cat /sys/kernel/kobject_example/foo)"
dmesg | while read -r line; do case $line in *BUG*|*WARN*|*Oops*|*livepatch*) echo "log $line";; esac; done
echo "the end"
reboot -f
INIT
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet) | gzip >"$work/initrd.gz"

say "what it says"
timeout 600 qemu-system-x86_64 -m 256 -nographic -no-reboot -kernel arch/x86/boot/bzImage -initrd "$work/initrd.gz" \
  -append "console=ttyS0 quiet threadirqs panic=-1" </dev/null 2>&1 | tr -d '\r' | tee "$work/boot.log" | grep -aE '^(before|patched|after|again|log|insmod|rmmod|transition|the end|/init)' || true

failed=0
expect() { grep -aqE "$1" "$work/boot.log" || { echo "kernel.sh: missing: $1"; failed=1; }; }
refuse() { if grep -aqE "$1" "$work/boot.log"; then echo "kernel.sh: not expected: $1"; failed=1; fi; }
for when in before after; do
  expect "^$when version: Linux version"
  expect "^$when loadavg: [0-9]"
  expect "^$when foo: 7"
done
expect '^patched version: \[livepatched\] Linux version'
expect '^patched loadavg: own key on, threaded interrupts'
expect '^patched foo: livepatched 7'
expect '^again foo: livepatched 9'
expect '^the end'
refuse 'failed$|does not end|Oops|BUG:|WARNING:'
[ $failed = 0 ] && say "all three modules load, work, and go"
exit $failed
