import type { ElfClass, ElfData } from "./object.ts";

/** What the first bytes of an ELF file say of the machine it is for. */
export interface Identity {
  readonly class: ElfClass;
  readonly data: ElfData;
  /** EM_* number. */
  readonly machine: number;
  /** e_flags. */
  readonly flags: number;
}

/** ELF32 header; in ELF64 e_flags ends at the same byte. */
const IDENTITY_BYTES = 52;

/** Reads nothing but the machine from the first 52 bytes of a file, without looking at the rest of the file; undefined where the bytes are not an ELF header. gABI chapter 4, "ELF Header". */
export function readIdentity(head: Uint8Array): Identity | undefined {
  if (head.length < IDENTITY_BYTES || head[0] !== 0x7f || String.fromCharCode(...head.subarray(1, 4)) !== "ELF")
    return undefined;
  const [elfClass, order] = [head[4], head[5]];
  if ((elfClass !== 1 && elfClass !== 2) || (order !== 1 && order !== 2)) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const isLittle = order === 1;
  return {
    class: elfClass === 1 ? 32 : 64,
    data: isLittle ? "lsb" : "msb",
    machine: view.getUint16(0x12, isLittle),
    flags: view.getUint32(elfClass === 1 ? 0x24 : 0x30, isLittle),
  };
}
