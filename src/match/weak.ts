import { STB } from "../elf/constants.ts";
import type { ElfSymbol } from "../elf/object.ts";
import type { RunImage } from "../image/image.ts";

/**
 * Whether a name of the run system is another object's definition: this one is weak, and linking took a strong one. What the
 * compiler refers to by a local alias of the function is still this object's. gABI chapter 4, STB_WEAK.
 */
export function isOverridden({ symbols }: RunImage, symbol: ElfSymbol | undefined): boolean {
  if (symbol?.bind !== STB.WEAK) return false;
  const running = symbols.named(symbol.name);
  return running.length > 0 && running.every(({ weak }) => !weak);
}
