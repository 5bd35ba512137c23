import { defineConfig } from "rolldown";

/**
 * The command line: dist/elfsplice.js parses the command, and what a command needs lies beside it in a few files that are
 * read only when it runs. In one file for everything each start would pay for the parsing of all of it.
 */
export default defineConfig({
  input: { elfsplice: "src/cli/elfsplice.ts", worker: "src/cli/worker.ts" },
  platform: "node",
  preserveEntrySignatures: false,
  // Some modules are loaded late by one command and at once by another.
  checks: { ineffectiveDynamicImport: false },
  output: {
    dir: "dist",
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "[name].js",
    minify: true,
    strictExecutionOrder: true,
    codeSplitting: {
      includeDependenciesRecursively: false,
      // One row for what is loaded together; the first that fits counts. Folders below src/cli apart, no row names a file that a new feature would add.
      groups: [
        // What --version and --help need.
        {
          name: "start",
          test: /commander|src\/(errors|hex|version|contract\/names\/|report\/escape|cli\/(exit-status|reader|register\/))|rolldown:runtime/,
          priority: 9,
        },
        {
          name: "schemas",
          test: /node_modules\/zod|src\/(contract\/|check\/validate\.)/,
          priority: 3,
        },
        {
          name: "layouts",
          test: /src\/(types\/(?!presence|type-text|graph)|plan\/layouts\/|report\/inspect-struct)/,
          priority: 2,
        },
        { name: "checks", test: /src\/(check\/|cli\/(object-hashes|document))/, priority: 2 },
        // What only trees, archives and compressed modules need.
        {
          name: "builds",
          test: /src\/(input\/listing\/|cli\/(build|pool|progress|shard|diff-builds|cache|suppressions|object-file|describe-task|commands\/merge)|plan\/(update\/left-out|pair\/identical))/,
          priority: 2,
        },
        {
          name: "matching",
          test: /src\/(match\/|image\/|findings\/match|report\/match-|cli\/commands\/match)/,
          priority: 2,
        },
        // Forms for people, each loaded when it is asked for.
        { name: "page", test: /src\/render\/html/, priority: 4 },
        { name: "forms", test: /src\/(render\/|findings\/explanations)/, priority: 2 },
        { name: "explain", test: /src\/(cli\/commands\/(explain|render)|report\/reason-words)/, priority: 3 },
        { name: "module", test: /src\/(module\/|cli\/commands\/module)/, priority: 2 },
        {
          name: "kexec",
          test: /src\/(kexec\/|findings\/kexec|plan\/live-update\/machine|report\/kexec-|cli\/(commands\/kexec|participants))/,
          priority: 2,
        },
        {
          name: "core",
          test: /node_modules\/(elfy|endian-reader)|src\/(elf|arch|spans|diff|account|plan|inspect|report|bytes|evidence|grouping|lists|optional|order|paths|wording|findings|glob|types|disasm|input\/([^/]*\.ts|formats\/(archive|compressed))|cli\/(?!elfsplice|main|thread|worker\.|commands\/(?!diff|inspect)))/,
          priority: 1,
        },
      ],
    },
  },
});
