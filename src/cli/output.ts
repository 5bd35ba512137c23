import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { UsageError } from "../errors.ts";

/** Writes to standard output, or to a file beside which it is first written whole and then renamed: complete or absent, never half. */
export async function writeOutput(text: string, file: string | undefined): Promise<void> {
  if (file === undefined || file === "-") return writeStream(process.stdout, text);
  const draft = `${file}.${process.pid}.part`;
  let descriptor: number | undefined;
  try {
    descriptor = openSync(draft, "w");
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
    fsyncSync(descriptor);
    closeSync(descriptor);
    descriptor = undefined;
    renameSync(draft, file);
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor);
    rmSync(draft, { force: true });
    throw new UsageError(`cannot write ${file}: ${describeSystemError(error)}`);
  }
}

/** Writes everything and waits until it is out; a reader that went away (`| head`) is no error. */
function writeStream(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") resolve();
      else reject(new UsageError(`cannot write standard output: ${describeSystemError(error)}`));
    });
    stream.write(text, () => resolve());
  });
}

const CAUSES: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EISDIR: "it is a directory",
  ENOTDIR: "a part of the path is no directory",
  ENOSPC: "no space left on the device",
  EROFS: "the file system is read-only",
  EMFILE: "too many open files",
  EIO: "input/output error",
};

/** What the system said, without codes and call names where we know words for it. */
export function describeSystemError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return CAUSES[code ?? ""] ?? message;
}
