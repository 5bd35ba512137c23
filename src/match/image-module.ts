import type { ImageHeader } from "../elf/segments.ts";
import { UnsupportedError } from "../errors.ts";
import type { FilePages } from "./file-pages.ts";
import type { ImageParts } from "./image.ts";
import type { RunSymbols } from "./run-symbols.ts";

export function moduleImage(source: FilePages, _header: ImageHeader, _map: RunSymbols): ImageParts {
  throw new UnsupportedError({ file: source.file }, "modules to come");
}
