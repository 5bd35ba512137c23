import { z } from "zod";

/* The smallest parts of the contract, the same in every document. */

/** A number of things or bytes, an index, or an offset that is never negative. */
export const count = z.int().min(0);

/** JSON numbers cannot hold 64 bits. */
export const hex64 = z
  .string()
  .regex(/^-?0x[0-9a-f]+$/)
  .describe("64-bit value in hexadecimal");

export const address = z
  .string()
  .regex(/^0x[0-9a-f]+$/)
  .describe("64-bit address in hexadecimal");

export const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .describe("SHA-256 in hexadecimal");

export const hexBytes = z
  .string()
  .regex(/^([0-9a-f]{2})*$/)
  .describe("bytes in hexadecimal");

export const base64 = z.string().describe("bytes in base64");

export const generator = z
  .strictObject({ name: z.literal("elfsplice").describe("the program"), version: z.string().describe("its version") })
  .describe("who made the document");

export const severity = z
  .enum(["error", "warning", "note"])
  .describe("error: it stands in the way; warning: a person has to look; note: good to know");

export const objectIndex = count.describe("index into objects");

export const target = z.string().describe("vmlinux, or a module's name");

export const label = z.string().describe("unique name within the update");

/** A type that stands once in the schema, below `$defs`. */
export const named = <T extends z.ZodType>(id: string, type: T): T => type.meta({ id }) as T;

/** What a value is where it is not a plain address. */
export const valueKind = z
  .enum(["thread-offset", "ifunc", "tagged", "undefined"])
  .describe(
    "what the value is where it is not a plain address: the offset of a thread-local in the image's, the stub of what a resolver chooses (STT_GNU_IFUNC), a function of the other instruction set (Thumb: set bit 0 of pointers), nothing (an undefined weak symbol, 0)",
  );
