import type { UpdateDescription } from "../contract/description.ts";
import type { RenderFormat } from "../contract/names/formats.ts";

/** Writes a description in a form for people or for the place where they look; each form's code is loaded when it is asked for. */
export async function renderAs(format: Exclude<RenderFormat, "text">, description: UpdateDescription): Promise<string> {
  switch (format) {
    case "markdown":
      return (await import("./markdown.ts")).renderMarkdown(description);
    case "html":
      return (await import("./html.ts")).renderHtml(description);
    case "sarif":
      return (await import("./sarif.ts")).renderSarif(description);
    case "github":
      return (await import("./github.ts")).renderGithub(description);
    case "gitlab":
      return (await import("./gitlab.ts")).renderGitlab(description);
  }
}
