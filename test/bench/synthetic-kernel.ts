const PAGE = 4096;

/** An x86-64 kernel of so many pages in one segment of zeros, 16 MiB up: all that a plan reads. */
export function syntheticKernel(pages: number): Buffer {
  const file = Buffer.alloc(64 + 56);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(2, 16); // ET_EXEC
  file.writeUInt16LE(62, 18); // EM_X86_64
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(0x1000000n, 24);
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(1, 64); // PT_LOAD
  file.writeUInt32LE(5, 68);
  file.writeBigUInt64LE(0xffffffff81000000n, 80);
  file.writeBigUInt64LE(0x1000000n, 88);
  file.writeBigUInt64LE(BigInt(pages * PAGE), 104);
  file.writeBigUInt64LE(BigInt(PAGE), 112);
  return file;
}
