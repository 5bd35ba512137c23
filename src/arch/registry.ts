import { EM } from "../elf/constants.ts";
import type { ElfData, ElfObject } from "../elf/object.ts";
import { hex } from "../hex.ts";
import { aarch64 } from "./aarch64/index.ts";
import type { Arch, Howto } from "./arch.ts";
import { arm32 } from "./arm/index.ts";
import { makeHowto } from "./howto.ts";
import { loongarch } from "./loongarch/index.ts";
import { mips } from "./mips/index.ts";
import { ppc64 } from "./power/index.ts";
import { riscv } from "./riscv/index.ts";
import { s390 } from "./s390/index.ts";
import { unknownArch } from "./unknown.ts";
import { i386, x8664 } from "./x86/index.ts";

/** What decides the architecture of an object. */
export type Target = Pick<ElfObject, "machine" | "class" | "data" | "flags">;

/** Every architecture by machine number. */
const ARCHES: ReadonlyMap<number, (target: Target) => Arch> = new Map<number, (target: Target) => Arch>([
  [EM.X86_64, (target) => x8664(target.class)],
  [EM["386"], () => i386()],
  [EM.AARCH64, (target) => aarch64(target.class, target.data)],
  [EM.ARM, (target) => arm32(target.data, target.flags)],
  [EM.PPC64, (target) => ppc64(target.data, target.flags)],
  [EM.S390, (target) => s390(target.class)],
  [EM.RISCV, (target) => riscv(target.class, target.data)],
  [EM.LOONGARCH, (target) => loongarch(target.class)],
  [EM.MIPS, (target) => mips(target.class, target.data, target.flags)],
]);

const arches = new Map<string, Arch>();
const derivedHowtos = new WeakMap<Arch, Map<number, Howto>>();

/** The architecture of an object; a machine that has no table gets one that knows no relocation. */
export function archFor(object: Target): Arch {
  const key = [object.machine, object.class, object.data, object.flags].join();
  let arch = arches.get(key);
  if (!arch) {
    arch = ARCHES.get(object.machine)?.(object) ?? unknownArch(object.machine, object.class, object.data);
    arches.set(key, arch);
  }
  return arch;
}

/** The 64-bit machine of a byte order that calls itself by a name (`uname -m`) and whose memory dumps are read; undefined if none does. */
export function dumpedMachine(name: string, data: ElfData): Target | undefined {
  for (const machine of ARCHES.keys()) {
    const target: Target = { machine, class: 64, data, flags: 0 };
    const arch = archFor(target);
    if (arch.name === name && arch.data === data && arch.kernel.imageMapping !== null) return target;
  }
  return undefined;
}

/** The meaning of a relocation type; one that no table knows gets a literal name, no bits, and `known: false`. */
export function howtoOf(arch: Arch, type: number): Howto {
  const listed = arch.howtos.get(type);
  if (listed) return listed;
  let derived = derivedHowtos.get(arch);
  if (!derived) {
    derived = new Map();
    derivedHowtos.set(arch, derived);
  }
  let howto = derived.get(type);
  if (!howto) {
    howto = arch.composeHowto?.(type) ?? unknownHowto(arch, type);
    derived.set(type, howto);
  }
  return howto;
}

function unknownHowto(arch: Arch, type: number): Howto {
  return { ...makeHowto(`${namePrefix(arch)}${hex(type)}`, { type }), known: false };
}

/** `R_X86_64_` and the like: what the names of a table begin with. */
function namePrefix(arch: Arch): string {
  const first = arch.howtos.get(0)?.name;
  return first === undefined ? `R_${arch.name.toUpperCase().replace(/\W/g, "_")}_` : first.replace(/NONE$/, "");
}
