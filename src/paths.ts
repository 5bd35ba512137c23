/** A path as documents and this program have it, with `/`: only on Windows is the backslash a separator, elsewhere it is a character of a name. */
export function withSlashes(path: string): string {
  return process.platform === "win32" ? path.replaceAll("\\", "/") : path;
}
