import { defineConfig } from "rolldown";

/**
 * The command line as one file; everything a command needs is initialised only when the command runs. iced-x86 stays a package:
 * it brings a .wasm file and a megabyte of JavaScript, and only who looks at x86 instructions loads it.
 */
export default defineConfig({
  input: "src/cli/main.ts",
  platform: "node",
  external: ["iced-x86"],
  output: { file: "dist/elfsplice.js", format: "esm", codeSplitting: false, minify: true, strictExecutionOrder: true },
});
