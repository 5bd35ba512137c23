import { expect, it } from "vitest";
import { useProgram } from "../cli/program.ts";
import { documentText } from "../support/documents.ts";
import { join, ROOT } from "../support/paths.ts";
import { picture } from "../support/picture.ts";

const { run } = useProgram();

/** Renewed by `npx vitest run test/docs/picture.test.ts -u`. */
it("the picture in README is what the first command prints", async () => {
  const [, args = ""] = /node dist\/elfsplice\.js (diff .*)/.exec(documentText("README.md")) ?? [];
  const { status, stdout } = run(args.split(" "));
  expect(status).toBe(0);
  await expect(picture(`elfsplice ${args}`, stdout)).toMatchFileSnapshot(join(ROOT, "docs/output.svg"));
});
