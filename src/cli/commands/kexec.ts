import { existsSync, statSync } from "node:fs";
import type { KexecPlan } from "../../contract/kexec.ts";
import { type ByteSource, readImageHeader } from "../../elf/segments.ts";
import { describeSystemError, FormatError, UnsupportedError, UsageError } from "../../errors.ts";
import { openPages } from "../../image/file-pages.ts";
import { readGivenText } from "../../input/listing/file.ts";
import { type KexecImage, planKexec, withStatus } from "../../kexec/kexec.ts";
import { isInlineMap, type MemoryMap, parseRange, parseSize, readMemoryMap } from "../../kexec/memory-map.ts";
import { refuseOtherFormats } from "../../kexec/other-formats.ts";
import { parseSeed, type SourcePages } from "../../kexec/source-pages.ts";
import { jsonPieces } from "../../report/json.ts";
import { renderKexecSummary, renderKexecText } from "../../report/kexec-text.ts";
import { EXIT } from "../exit-status.ts";
import { writeOutput } from "../output.ts";

export interface KexecCommandOptions {
  readonly initrd?: string;
  readonly initrdAddress?: string;
  readonly memory?: string;
  readonly crashKernel?: string;
  readonly loadAddress?: string;
  readonly pageSize?: string;
  readonly sourcePages?: string;
  readonly participants?: string[];
  readonly simulate?: string[];
  readonly output?: string;
  readonly format: "json" | "text";
  readonly quiet?: boolean;
}

/** `elfsplice kexec`: a kernel in, the plan that loads it out. Status 1 when findings stand in the way. */
export async function runKexec(kernel: string, options: KexecCommandOptions): Promise<number> {
  if (options.simulate !== undefined && options.participants === undefined) {
    throw new UsageError("--simulate needs --participants: objects, or an update description");
  }
  if (options.initrdAddress !== undefined && options.initrd === undefined)
    throw new UsageError("--initrd-address says where an initrd goes: give --initrd, too");
  const memory = options.memory === undefined ? undefined : readMap(options.memory);
  const plan = planKexec(readKernel(kernel), {
    initrd: options.initrd === undefined ? undefined : { file: options.initrd, size: sizeOf(options.initrd) },
    initrdAddress: numberOption("--initrd-address", options.initrdAddress),
    memory,
    crashKernel: options.crashKernel === undefined ? undefined : parseRange(options.crashKernel, "--crash-kernel"),
    loadAddress: numberOption("--load-address", options.loadAddress),
    pageSize: options.pageSize === undefined ? undefined : Number(numberOption("--page-size", options.pageSize)),
    sourcePages: options.sourcePages === undefined ? undefined : readSources(options.sourcePages),
  });
  const whole =
    options.participants === undefined
      ? plan
      : await withParticipants(plan, options.participants, options.simulate ?? []);
  await writeOutput(options.format === "text" ? renderKexecText(whole) : jsonPieces(whole), options.output);
  if (!options.quiet) process.stderr.write(renderKexecSummary(whole));
  return whole.status === "not-applicable" ? EXIT.gate : EXIT.done;
}

/** Only the headers are read, however large the kernel is. */
function readKernel(file: string): KexecImage {
  if (sizeOf(file) === 0) throw new FormatError({ file }, "not an ELF file: it is empty");
  const source = onFile(file, () => openPages(file));
  try {
    return onFile(file, () => {
      refuseOtherFormats(source);
      return { file, size: source.size, header: readImageHeader(source satisfies ByteSource, "segments") };
    });
  } finally {
    source.close();
  }
}

/** System errors in words, with the file that they are about. */
function onFile<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw new FormatError({ file }, `cannot be read: ${describeSystemError(error)}`);
  }
}

function sizeOf(file: string): number {
  return onFile(file, () => {
    const stats = statSync(file);
    if (stats.isDirectory()) throw new UnsupportedError({ file }, "a directory; a file is needed");
    return stats.size;
  });
}

function readText(file: string): string {
  return readGivenText(file, "a text", "latin1");
}

/** A file, or the ranges themselves. */
function readMap(text: string): MemoryMap {
  if (!existsSync(text) && isInlineMap(text)) return readMemoryMap(text.replaceAll(",", "\n"), "--memory");
  return readMemoryMap(readText(text), text);
}

function numberOption(name: string, text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const value = parseSize(text);
  if (value === undefined || value >= 1n << 64n)
    throw new UsageError(`${name} ${text}: not a number; write it as 0x1000000 or 16M`);
  return value;
}

function readSources(text: string): SourcePages {
  if (text === "ascending") return { kind: "ascending" };
  if (text.startsWith("random:")) return { kind: "random", seed: parseSeed(text.slice("random:".length)) };
  return { kind: "list", file: text, text: readText(text) };
}

/** The plan with who takes part in the live update, and how it goes. */
async function withParticipants(
  plan: KexecPlan,
  files: readonly string[],
  simulate: readonly string[],
): Promise<KexecPlan> {
  const { loadParticipants } = await import("../participants.ts");
  const { readScenarios, simulateLiveUpdate } = await import("../../plan/live-update/machine.ts");
  const { participants, findings } = await loadParticipants(files);
  const simulations = simulate
    .flatMap((text) => readScenarios(text, participants))
    .map((scenario) => simulateLiveUpdate(participants, scenario));
  const { copy, findings: own, status: _status, ...rest } = plan;
  return {
    ...rest,
    copy,
    participants,
    ...(simulate.length === 0 ? {} : { simulations }),
    ...withStatus([...own, ...findings]),
  };
}
