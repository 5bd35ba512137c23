import { defineConfig } from "vitest/config";

// `--mode full` runs every row of every matrix; otherwise a sample of the long ones.
export default defineConfig(({ mode }) => ({
  test: {
    env: mode === "full" ? { ELFSPLICE_FULL: "1" } : {},
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/bundle.ts",
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "threads",
  },
}));
