/** A path of this system with `/`: only on Windows is the backslash a separator, elsewhere it is a character of a name. */
export function withSlashes(path: string): string {
  return process.platform === "win32" ? path.replaceAll("\\", "/") : path;
}

/** A path as a document names a file: every backslash is written `/`, so that one build has one description on every system. */
export function documentPath(path: string): string {
  return path.replaceAll("\\", "/");
}
