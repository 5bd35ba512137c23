/* The page in a real browser: skipped, naming it, where chromium is not installed. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { pathToFileURL } from "node:url";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { UpdateDescription } from "../../src/contract/description.ts";
import { renderHtml } from "../../src/render/html.ts";
import { describePair } from "../support/describe-pair.ts";
import { FIXTURES, join } from "../support/paths.ts";
import { isInstalled } from "../support/tools.ts";

const BROWSER = "chromium";
const folder = mkdtempSync(join(tmpdir(), "elfsplice-page-"));

let browser: Browser;
let update: UpdateDescription;
const errors: string[] = [];

beforeAll(async () => {
  const name = join(FIXTURES, "source/causes");
  update = await describePair(join(name, "pre.o"), join(name, "post.o"));
  if (isInstalled(BROWSER))
    browser = await chromium.launch({ executablePath: `/usr/bin/${BROWSER}`, args: ["--no-sandbox"] });
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Opens the page of a description; what the console says against it is kept. */
async function open(description: UpdateDescription, colorScheme: "light" | "dark" = "light"): Promise<Page> {
  const file = join(folder, "page.html");
  writeFileSync(file, renderHtml(description));
  const page = await browser.newPage({ colorScheme });
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(pathToFileURL(file).href);
  return page;
}

describe.skipIf(!isInstalled(BROWSER))(`the page in ${BROWSER} (skipped where it is not installed)`, () => {
  it("searches, opens a function, and goes through the list by keyboard", async () => {
    const page = await open(update);
    expect(await page.locator("button.row").count()).toBe(5);
    await page.keyboard.press("/");
    await page.keyboard.type("pipe_full");
    expect(await page.locator("button.row").allTextContents()).toEqual([
      expect.stringContaining("do_splice"),
      expect.stringContaining("do_tee"),
    ]);
    await page.locator("button.row").first().focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    expect(await page.locator(".detail").innerText()).toContain("inlines pipe_full");
    await page.keyboard.press("Enter");
    expect(await page.locator(".detail").count()).toBe(0);
    await page.close();
  });

  it.each(["light", "dark"] as const)("breaks none of axe-core's serious rules in its %s colours", async (scheme) => {
    const page = await open(update, scheme);
    await page.locator("button.row").first().click();
    const found = await page.evaluate(`${axe.source}; axe.run(document)`);
    const { violations } = found as { violations: { id: string; impact: string; nodes: { html: string }[] }[] };
    const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    expect(grave.map(({ id, nodes }) => `${id} ${nodes[0]?.html}`)).toEqual([]);
    await page.close();
  });

  it("shows five thousand functions, and finds one of them", async () => {
    const [one] = update.functions;
    const functions = Array.from({ length: 5000 }, (_, i) => ({ ...one, name: `f${i}`, label: `f${i}` }));
    const page = await open({ ...update, functions } as UpdateDescription);
    await page.locator("#search").fill("f4321");
    expect(await page.locator("button.row").count()).toBe(1);
    const [entry] = (await page.evaluate(
      "performance.getEntriesByType('navigation').map((one) => one.domComplete)",
    )) as number[];
    // Shown, not asserted: how long depends on the machine.
    console.info(`5,000 functions: ${Math.round(entry ?? 0)} ms`);
    await page.close();
  });

  it("says nothing on the console", () => {
    expect(errors).toEqual([]);
  });
});
