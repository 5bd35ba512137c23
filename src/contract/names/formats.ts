/** Forms of a description for people, and for the places where they look: pull requests, code scanning, code quality. */
export const RENDER_FORMATS = ["text", "markdown", "html", "sarif", "github", "gitlab"] as const;
export type RenderFormat = (typeof RENDER_FORMATS)[number];
