import { readField } from "../../arch/field.ts";
import { wrap } from "../context.ts";
import type { Rewrite } from "./rewrites.ts";

/** `blx` with its own form of the distance, for Arm and for Thumb code; and what `bl` is. Arm ARM, A8.8.25. */
const ARM_CALL = { mask: 0xff000000, bl: 0xeb000000 } as const;
const THUMB_CALL = { mask: 0xd000f800, bl: 0xd000f000, blx: 0xc000f000, isLink: 0x10000000 } as const;

const otherSet: Rewrite = {
  name: "blx-call",
  why: "a call of code of the other instruction set, as every entry of the PLT is for Thumb code, becomes blx",
  source: "ELF for the Arm Architecture, Call and jump relocations; Arm ARM, BLX (immediate)",
  apply({ context, pre, run, fields, place }) {
    const call = fields(0).find(({ howto }) => /^R_ARM_(THM_CALL|CALL|PC24|PLT32|XPC25|THM_XPC22)$/.test(howto.name));
    if (call === undefined) return undefined;
    const [before, after] = [pre(0), run(0)];
    const { arch } = context;
    if (call.howto.unit === 2) {
      if ((before & THUMB_CALL.mask) >>> 0 !== THUMB_CALL.bl || (after & THUMB_CALL.mask) >>> 0 !== THUMB_CALL.blx)
        return undefined;
      // The distance counts whole words from the word of the pc.
      const code = wordBytes((after | THUMB_CALL.isLink) >>> 0);
      const distance = readField(code, 0, call.howto, "lsb") - call.insnAddend;
      return { size: 4, meant: [[call, wrap(arch, place - (place % 4n) + distance)]] };
    }
    if ((before & ARM_CALL.mask) >>> 0 !== ARM_CALL.bl || (after & 0xfe000000) >>> 0 !== 0xfa000000) return undefined;
    const half = (after & 0x01000000) === 0 ? 0n : 2n;
    const distance = BigInt((after << 8) >> 6) + half - call.insnAddend;
    return { size: 4, meant: [[call, wrap(arch, place + distance)]] };
  },
};

function wordBytes(word: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, word, true);
  return bytes;
}

export const armRewrites: readonly Rewrite[] = [otherSet];
