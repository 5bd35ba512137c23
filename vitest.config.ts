import { defineConfig } from "vitest/config";

// `--mode full` runs every row of every matrix; otherwise a sample of the long ones.
export default defineConfig(({ mode }) => ({
  test: {
    env: mode === "full" ? { ELFSPLICE_FULL: "1" } : {},
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/bundle.ts",
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two or three modules of each test file are its own; the others are loaded once for all. Processes, since threads have no folder of their own.
    pool: "forks",
    isolate: false,
    maxWorkers: "100%",
  },
}));
