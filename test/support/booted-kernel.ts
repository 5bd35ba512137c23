import { readFileSync, writeFileSync } from "node:fs";
import { openImage } from "../../src/image/image.ts";
import type { Region } from "../../src/image/memory.ts";

/** What a kernel writes into its own code when it starts. Linux: arch/x86/kernel/alternative.c, ftrace.c, jump_label.c. */
export type BootStep =
  | "return-sites"
  | "retpolines"
  | "smp-locks"
  | "alternatives"
  | "ftrace"
  | "static-keys"
  | "static-calls";

const NOPS = [
  "",
  "90",
  "6690",
  "0f1f00",
  "0f1f4000",
  "0f1f440000",
  "660f1f440000",
  "0f1f8000000000",
  "0f1f840000000000",
];
const REGISTERS = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "8", "9", "10", "11", "12", "13", "14", "15"];

/** The code of a vmlinux (Linux 6.1, x86-64) as it would be in memory after it was booted: all its own tables applied. */
class Boot {
  readonly #bytes: Buffer;
  readonly #starts: { readonly address: bigint; readonly size: number; readonly offset: number }[];
  readonly #symbol: (name: string) => bigint;
  readonly #thunks: ReadonlyMap<bigint, number>;
  readonly #table: (name: string) => { start: bigint; size: number };

  constructor(path: string) {
    this.#bytes = readFileSync(path);
    const image = openImage(path);
    const named = (name: string): bigint => image.symbols.named(name)[0]?.address ?? 0n;
    this.#symbol = named;
    this.#thunks = new Map(REGISTERS.map((name, index) => [named(`__x86_indirect_thunk_r${name}`), index]));
    this.#table = (name) => image.table(name) ?? { start: 0n, size: 0 };
    this.#starts = image.memory.regions.map((region) => ({
      address: region.start,
      size: region.size,
      offset: this.#offsetOf(region),
    }));
    image.close();
  }

  /** Program headers give the same regions in the same order. */
  #offsetOf(region: Region): number {
    const phoff = Number(this.#bytes.readBigUInt64LE(32));
    const count = this.#bytes.readUInt16LE(56);
    for (let index = 0; index < count; index++) {
      const at = phoff + 56 * index;
      if (this.#bytes.readUInt32LE(at) === 1 && this.#bytes.readBigUInt64LE(at + 16) === region.start) {
        return Number(this.#bytes.readBigUInt64LE(at + 8));
      }
    }
    throw new Error("no segment for a region");
  }

  #file(address: bigint): number {
    const found = this.#starts.find(({ address: start, size }) => address >= start && address < start + BigInt(size));
    if (found === undefined) throw new Error(`0x${address.toString(16)} is in no segment`);
    return found.offset + Number(address - found.address);
  }

  #write(address: bigint, hex: string): void {
    this.#bytes.write(hex, this.#file(address), "hex");
  }

  #fill(address: bigint, size: number): void {
    for (let done = 0; done < size; ) {
      const length = Math.min(8, size - done);
      this.#write(address + BigInt(done), NOPS[length] as string);
      done += length;
    }
  }

  *#entries(name: string, stride: number, symbols?: readonly [start: string, stop: string]): Generator<bigint> {
    const table = this.#table(name);
    const start = symbols === undefined ? table.start : this.#symbol(symbols[0]);
    const end = symbols === undefined ? table.start + BigInt(table.size) : this.#symbol(symbols[1]);
    for (let at = start; at + BigInt(stride) <= end; at += BigInt(stride)) yield at;
  }

  #relative(place: bigint): bigint {
    return place + BigInt(this.#bytes.readInt32LE(this.#file(place)));
  }

  apply(step: BootStep): number {
    let count = 0;
    switch (step) {
      case "return-sites":
        for (const entry of this.#entries(".return_sites", 4)) {
          this.#write(this.#relative(entry), "c3cccccccc");
          count++;
        }
        return count;
      case "retpolines":
        for (const entry of this.#entries(".retpoline_sites", 4)) count += this.#retpoline(this.#relative(entry));
        return count;
      case "smp-locks":
        for (const entry of this.#entries(".smp_locks", 4)) {
          const place = this.#relative(entry);
          if (this.#bytes[this.#file(place)] !== 0xf0) continue;
          this.#write(place, "3e");
          count++;
        }
        return count;
      case "alternatives":
        for (const entry of this.#entries(".altinstructions", 12)) count += this.#alternative(entry);
        return count;
      case "ftrace":
        for (const entry of this.#entries("", 8, ["__start_mcount_loc", "__stop_mcount_loc"])) {
          this.#write(this.#bytes.readBigUInt64LE(this.#file(entry)), NOPS[5] as string);
          count++;
        }
        return count;
      case "static-keys":
        for (const entry of this.#entries("", 16, ["__start___jump_table", "__stop___jump_table"]))
          count += this.#jump(entry);
        return count;
      case "static-calls":
        for (const entry of this.#entries("", 8, ["__start_static_call_sites", "__stop_static_call_sites"])) {
          const place = this.#relative(entry);
          if (this.#bytes[this.#file(place)] !== 0xe8) continue;
          this.#write(place, "0f1f440000");
          count++;
        }
        return count;
    }
  }

  #retpoline(place: bigint): number {
    const at = this.#file(place);
    const opcode = this.#bytes[at];
    if (opcode !== 0xe8 && opcode !== 0xe9) return 0;
    const register = this.#thunks.get(this.#relative(place + 1n) + 4n);
    if (register === undefined) return 0;
    const modrm = (opcode === 0xe8 ? 0xd0 : 0xe0) | (register & 7);
    const code = `${register >= 8 ? "41" : ""}ff${modrm.toString(16)}`;
    this.#write(place, code);
    const left = 5 - code.length / 2;
    if (opcode === 0xe8) this.#fill(place + BigInt(5 - left), left);
    else this.#write(place + BigInt(5 - left), "cc".repeat(left));
    return 1;
  }

  #alternative(entry: bigint): number {
    const at = this.#file(entry);
    const place = this.#relative(entry);
    const source = this.#relative(entry + 4n);
    const code = this.#bytes[at + 10] as number;
    const length = this.#bytes[at + 11] as number;
    if (length > code) return 0;
    const copy = Buffer.from(this.#bytes.subarray(this.#file(source), this.#file(source) + length));
    if (length === 5 && (copy[0] === 0xe8 || copy[0] === 0xe9))
      copy.writeInt32LE(copy.readInt32LE(1) + Number(source - place), 1);
    this.#write(place, copy.toString("hex"));
    this.#fill(place + BigInt(length), code - length);
    return 1;
  }

  #jump(entry: bigint): number {
    const place = this.#relative(entry);
    const target = this.#relative(entry + 4n);
    const at = this.#file(place);
    const opcode = this.#bytes[at] as number;
    const isJump = opcode === 0xeb || opcode === 0xe9;
    const size = opcode === 0xeb || opcode === 0x66 ? 2 : 5;
    if (isJump) this.#fill(place, size);
    else if (size === 2) this.#write(place, `eb${(Number(target - place - 2n) & 0xff).toString(16).padStart(2, "0")}`);
    else {
      this.#bytes[at] = 0xe9;
      this.#bytes.writeInt32LE(Number(target - place - 5n), at + 1);
    }
    return 1;
  }

  save(path: string): void {
    writeFileSync(path, this.#bytes);
  }
}

/** Writes the image of a kernel after these steps; says how many places each step changed. */
export function bootKernel(vmlinux: string, to: string, steps: readonly BootStep[]): Record<string, number> {
  const boot = new Boot(vmlinux);
  const counts = Object.fromEntries(steps.map((step) => [step, boot.apply(step)]));
  boot.save(to);
  return counts;
}
