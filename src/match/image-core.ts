import type { ImageHeader } from "../elf/segments.ts";
import { UnsupportedError } from "../errors.ts";
import type { FilePages } from "./file-pages.ts";
import type { ImageOptions, ImageParts } from "./image.ts";
import type { RunSymbols } from "./run-symbols.ts";

export function coreImage(source: FilePages, _header: ImageHeader, _map: RunSymbols, _o: ImageOptions): ImageParts {
  throw new UnsupportedError({ file: source.file }, "cores to come");
}
