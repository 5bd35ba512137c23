import { defineConfig } from "rolldown";

/**
 * The command line: dist/elfsplice.js parses the command, and what a command needs lies beside it in a few files that are
 * read only when it runs. In one file for everything each start would pay for the parsing of all of it.
 */
export default defineConfig({
  input: { elfsplice: "src/cli/main.ts", worker: "src/cli/worker.ts" },
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
      groups: [
        // What --version and --help need.
        {
          name: "start",
          test: /commander|src\/(errors|version|cli\/(exit-status|visible)|plan\/contract)\.ts|rolldown:runtime/,
          priority: 9,
        },
        {
          name: "schemas",
          test: /node_modules\/zod|src\/(plan\/(description|validate|part|comparison|.*contract.*)|match\/result)\.ts/,
          priority: 3,
        },
        {
          name: "layouts",
          test: /src\/(layout\/(?!presence|type-text|graph)|plan\/(layouts|shadow(-calls|-checks)?|table-names)\.|report\/inspect-struct)/,
          priority: 2,
        },
        {
          name: "checks",
          test: /src\/(plan\/(integrity|gates|compare-updates|superset)|cli\/(object-hashes|document))/,
          priority: 2,
        },
        // What only trees, archives and compressed modules need.
        {
          name: "builds",
          test: /src\/(input\/(file|pairs|look|members|tree|kbuild|order)|cli\/(build|pool|progress|shard|diff-builds|cache|suppressions|object-file|describe-pair|commands\/merge)|plan\/(left-out|identical))\.ts/,
          priority: 2,
        },
        { name: "matching", test: /src\/(match\/|report\/match-|cli\/commands\/match)/, priority: 2 },
        {
          name: "kexec",
          test: /src\/(plan\/(kexec|live-update-machine)|report\/kexec-|cli\/(commands\/kexec|participants))/,
          priority: 2,
        },
        {
          name: "core",
          test: /node_modules\/(elfy|endian-reader)|src\/(elf|arch|spans|diff|plan|report|bytes|findings|layout|disasm|input\/(object-name|kind|archive|compressed|target|glob)|cli\/(?!main|thread|worker\.|commands\/(?!diff|inspect)))/,
          priority: 1,
        },
      ],
    },
  },
});
