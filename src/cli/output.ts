import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { describeSystemError, UsageError } from "../errors.ts";

/**
 * Writes to standard output or to a file. A regular file is first written whole beside its place and then renamed: complete
 * or absent, never half. What is no regular file (a pipe, a device) is written to directly.
 */
export async function writeOutput(text: string, file: string | undefined): Promise<void> {
  if (file === undefined || file === "-") return writeStream(process.stdout, text);
  if (file === "") throw new UsageError("the name of the output file is empty");
  try {
    const place = existsSync(file) ? realpathSync(file) : file;
    if (existsSync(place) && !statSync(place).isFile()) writeWhole(openSync(place, "w"), text);
    else writeRenamed(place, text);
  } catch (error) {
    throw new UsageError(`cannot write ${file}: ${describeSystemError(error)}`);
  }
}

/** Whether writeOutput() could write there, before somebody works for minutes in vain. Writes nothing. Throws UsageError. */
export function checkOutput(file: string | undefined): void {
  if (file === undefined || file === "-") return;
  if (file === "") throw new UsageError("the name of the output file is empty");
  try {
    const stats = statSync(file, { throwIfNoEntry: false });
    if (stats?.isDirectory()) throw new UsageError(`cannot write ${file}: it is a directory`);
    if (stats !== undefined && !stats.isFile()) accessSync(file, constants.W_OK);
    else {
      const folder = dirname(stats === undefined ? file : realpathSync(file));
      if (!statSync(folder).isDirectory()) throw new UsageError(`cannot write ${file}: ${folder} is no directory`);
      accessSync(folder, constants.W_OK);
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`cannot write ${file}: ${describeSystemError(error)}`);
  }
}

function writeRenamed(file: string, text: string): void {
  const draft = `${file}.${process.pid}.part`;
  try {
    const descriptor = openSync(draft, "w");
    writeWhole(descriptor, text, () => fsyncSync(descriptor));
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

function writeWhole(descriptor: number, text: string, finish: () => void = () => {}): void {
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
    finish();
  } finally {
    closeSync(descriptor);
  }
}

/** Writes everything and waits until it is out; a reader that went away (`| head`) is no error. */
function writeStream(stream: NodeJS.WriteStream, text: string): Promise<void> {
  // The same error comes to the callback below.
  stream.on("error", () => {});
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (!error || (error as NodeJS.ErrnoException).code === "EPIPE") resolve();
      else reject(new UsageError(`cannot write standard output: ${describeSystemError(error)}`));
    });
  });
}
