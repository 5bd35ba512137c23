/** What both files are called in labels: the end of their paths that they share, else the name of the old one. */
export function objectName(pre: string, post: string): string {
  const a = pre.split("/");
  const b = post.split("/");
  const shared: string[] = [];
  while (a.length > 0 && b.length > 0 && a.at(-1) === b.at(-1)) {
    shared.unshift(a.pop() as string);
    b.pop();
  }
  return shared.filter((part) => part !== "").join("/") || (pre.split("/").at(-1) as string);
}
