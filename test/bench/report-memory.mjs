import { writeSync } from "node:fs";

/* Loaded by --import into a measured process: tells the largest memory it held, in kilobytes, on descriptor 3. */
process.on("exit", () => writeSync(3, String(process.resourceUsage().maxRSS)));
