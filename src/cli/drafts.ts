/*
 * Drafts: files that are not whole yet, beside the place where they will be. The name says which run is writing, so that a later
 * one can tell what a run left behind that was killed:
 *
 *   .elfsplice-HOST-PID-UUID.part
 */
import { createHash, randomUUID } from "node:crypto";
import { lstatSync, readdirSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

const DRAFT = /^\.elfsplice-([0-9a-f]{8})-(\d{1,10})-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.part$/;

/** A name for a draft that cannot be guessed. */
export function draftName(): string {
  return `.elfsplice-${host()}-${process.pid}-${randomUUID()}.part`;
}

/** Removes the drafts of runs on this machine that are over. What cannot be removed stays. */
export function removeDeadDrafts(folder: string): void {
  removeDrafts(folder, (pid) => pid !== process.pid && !isAlive(pid));
}

/** Removes what this process was about to write. */
export function removeOwnDrafts(folder: string): void {
  removeDrafts(folder, (pid) => pid === process.pid);
}

function removeDrafts(folder: string, isOver: (pid: number) => boolean): void {
  try {
    for (const name of readdirSync(folder)) {
      const [, owner, pid] = DRAFT.exec(name) ?? [];
      if (owner !== host() || pid === undefined || !isOver(Number(pid))) continue;
      const path = join(folder, name);
      const stats = lstatSync(path);
      if (stats.isFile() && stats.uid === process.getuid?.()) rmSync(path, { force: true });
    }
  } catch {
    // There is no such folder, or another run was faster.
  }
}

/** Process numbers mean something on one machine only; a folder may be shared. */
function host(): string {
  return createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
