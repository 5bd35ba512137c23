import type { Span } from "./span.ts";

/**
 * Whether it is a nameless word of the compiler's that tells where a thread-local is: z/Architecture code has no room for that in its
 * instructions. The linker fills it for the code that is with it, which it may have written anew. z/Architecture ELF ABI supplement,
 * "Thread-Local Storage".
 */
export function isThreadLiteral({ symbol, relocations }: Span): boolean {
  return symbol === undefined && relocations.length > 0 && relocations.every(({ howto }) => howto.role === "tls");
}
