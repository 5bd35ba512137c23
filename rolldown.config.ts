import { defineConfig } from "rolldown";

/** The command line as one file; everything a command needs is initialised only when the command runs. */
export default defineConfig({
  input: "src/cli/main.ts",
  platform: "node",
  output: { file: "dist/elfsplice.js", format: "esm", codeSplitting: false, minify: true, strictExecutionOrder: true },
});
