import { UnsupportedError } from "../errors.ts";

/** Why an update is not applied: one line. */
export function refuse(file: string, why: string): never {
  throw new UnsupportedError({ file }, `cannot be applied: ${why}`);
}
