import { constantName, EM } from "../elf/constants.ts";
import type { ElfObject } from "../elf/object.ts";
import { aarch64 } from "./aarch64.ts";
import type { Arch, Howto } from "./arch.ts";
import { arm32 } from "./arm.ts";
import { makeHowto } from "./howto.ts";
import { i386 } from "./i386.ts";
import { loongarch } from "./loongarch64.ts";
import { isLocalLabel } from "./marker.ts";
import { mips } from "./mips.ts";
import { fillerTest } from "./padding.ts";
import { ppc64 } from "./ppc64le.ts";
import { riscv } from "./riscv64.ts";
import { s390 } from "./s390x.ts";
import { x8664 } from "./x86-64.ts";

/** What decides the architecture of an object. */
export type Target = Pick<ElfObject, "machine" | "class" | "data" | "flags">;

/** Every architecture by machine number. */
const ARCHES: ReadonlyMap<number, (target: Target) => Arch> = new Map<number, (target: Target) => Arch>([
  [EM.X86_64, (target) => x8664(target.class)],
  [EM["386"], () => i386],
  [EM.AARCH64, (target) => aarch64(target.class, target.data)],
  [EM.ARM, (target) => arm32(target.data, target.flags)],
  [EM.PPC64, (target) => ppc64(target.data)],
  [EM.S390, (target) => s390(target.class)],
  [EM.RISCV, (target) => riscv(target.class, target.data)],
  [EM.LOONGARCH, (target) => loongarch(target.class)],
  [EM.MIPS, (target) => mips(target.class, target.data)],
]);

const arches = new Map<string, Arch>();
const derivedHowtos = new WeakMap<Arch, Map<number, Howto>>();

/** The architecture of an object; a machine that has no table gets one that knows no relocation. */
export function archFor(object: Target): Arch {
  const key = [object.machine, object.class, object.data, object.flags].join();
  let arch = arches.get(key);
  if (!arch) {
    arch = (ARCHES.get(object.machine) ?? genericArch)(object);
    arches.set(key, arch);
  }
  return arch;
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
  return { ...makeHowto(`${namePrefix(arch)}0x${type.toString(16)}`, { type }), known: false };
}

/** `R_X86_64_` and the like: what the names of a table begin with. */
function namePrefix(arch: Arch): string {
  const first = arch.howtos.get(0)?.name;
  return first === undefined ? `R_${arch.name.toUpperCase().replace(/\W/g, "_")}_` : first.replace(/NONE$/, "");
}

function genericArch({ machine, class: elfClass, data }: Target): Arch {
  const name = constantName(EM, "", machine);
  return {
    name: name.startsWith("0x") ? `machine-${machine}` : name.toLowerCase(),
    machine,
    class: elfClass,
    data,
    howtos: new Map(),
    trampoline: { size: 0, reach: 0n },
    instructionData: data,
    isPadding: fillerTest(data, []),
    isMarkerSymbol: isLocalLabel,
    insnAddend: () => 0n,
    implicitAddend: () => 0n,
    localEntry: () => 0,
  };
}
