import type { RenderFormat } from "../../contract/names/formats.ts";
import { renderText } from "../../report/text.ts";
import { readSoundUpdate } from "../document.ts";
import { checkOutput, writeOutput } from "../output.ts";
import { type StyleOptions, styleFor } from "../style.ts";

export interface RenderOptions extends StyleOptions {
  readonly output?: string;
  readonly format: RenderFormat;
}

/** `elfsplice render`: a description in a form for people, from the JSON alone. Returns the exit status. */
export async function runRender(file: string, options: RenderOptions): Promise<number> {
  const { format, output } = options;
  checkOutput(output);
  const update = await readSoundUpdate(file);
  if (format === "text") {
    await writeOutput(renderText(update, undefined, styleFor(output, options)), output);
    return 0;
  }
  const { renderAs } = await import("../../render/render.ts");
  await writeOutput(await renderAs(format, update), output);
  return 0;
}
