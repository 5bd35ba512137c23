import type { Arch, Howto } from "./arch.ts";

/** How far the accesses through one loaded address are followed. */
const FOLLOWED = 32;

/**
 * Distances from a loaded address at which the code behind it reads or writes. GCC's section anchors load the address of the
 * first variable of a section once and reach the others by a distance in the instruction, where no relocation tells.
 * Arm ARM, C6.2: "ADD (immediate)", "LDR (immediate)", "STR (immediate)".
 */
export function distancesFrom(arch: Arch, howto: Howto, code: Uint8Array, offset: number): number[] {
  if (arch.name !== "aarch64" || howto.name !== "R_AARCH64_ADD_ABS_LO12_NC" || offset % 4 !== 0) return [];
  const word = (at: number): number =>
    ((code[at] as number) |
      ((code[at + 1] as number) << 8) |
      ((code[at + 2] as number) << 16) |
      ((code[at + 3] as number) << 24)) >>>
    0;
  const base = word(offset) & 31;
  const distances: number[] = [];
  const end = Math.min(code.length - 3, offset + 4 * FOLLOWED);
  for (let at = offset + 4; at < end; at += 4) {
    const instruction = word(at);
    // Branches, calls and returns: what comes behind may be reached otherwise.
    if ((instruction & 0x1c000000) >>> 0 === 0x14000000) break;
    const from = (instruction >>> 5) & 31;
    const to = instruction & 31;
    const immediate = (instruction >>> 10) & 0xfff;
    const isAccess = (instruction & 0x3b000000) >>> 0 === 0x39000000;
    const isAdd = (instruction & 0xff800000) >>> 0 === 0x91000000;
    if (from === base && isAccess) {
      const isVector = (instruction & 0x04800000) === 0x04800000;
      distances.push(immediate * (isVector ? 16 : 2 ** (instruction >>> 30)));
    } else if (from === base && isAdd) distances.push(immediate * ((instruction & 0x400000) === 0 ? 1 : 4096));
    const isStore = isAccess && (instruction & 0x00c00000) === 0;
    if (to === base && !isStore) break;
  }
  return distances;
}
