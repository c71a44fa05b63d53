// The page of a scan in a real browser: it loads nothing and breaks no rule of its own policy, fits
// narrow and wide, light and dark, has no finding of axe-core, can be read without scripts, and its
// tables and filter work. Run by .ci/browser/run.
import { chromium } from "playwright-core";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import assert from "node:assert/strict";

const [page, browserPath] = process.argv.slice(2);
const url = "file://" + page;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox", "--disable-gpu"] });

// open opens the page, and fails if it asks for anything or the console has an error.
async function open(settings) {
  const context = await browser.newContext(settings);
  const p = await context.newPage();
  p.on("console", (m) => assert.notEqual(m.type(), "error", m.text()));
  p.on("pageerror", (e) => assert.fail(e.message));
  p.on("request", (r) => assert.equal(r.url(), url));
  await p.goto(url);
  return p;
}

try {
  for (const width of [390, 1440]) {
    for (const colorScheme of ["light", "dark"]) {
      const p = await open({ viewport: { width, height: 900 }, colorScheme });
      await p.evaluate(() => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
      assert.ok(await p.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${width}: wider than the window`);
      const client = await p.context().newCDPSession(p); // the page allows no script of anybody else
      await client.send("Runtime.evaluate", { expression: axe });
      const { result } = await client.send("Runtime.evaluate", {
        expression: "axe.run().then((r) => r.violations.map((v) => v.id + ' ' + v.nodes[0].html).join('\\n'))", awaitPromise: true, returnByValue: true,
      });
      assert.equal(result.value, "", `axe at ${width}, ${colorScheme}`);
    }
  }
  const p = await open({ viewport: { width: 1440, height: 900 } });
  const all = await p.locator(".scan-case:visible").count();
  await p.fill("#find", "katarina icloud");
  assert.equal(await p.locator(".scan-case:visible").count(), 1);
  await p.fill("#find", "no-such-text");
  assert.ok(await p.isVisible("#none"));
  await p.fill("#find", "");
  assert.equal(await p.locator(".scan-case:visible").count(), all);
  const days = () => p.$$eval("section[aria-labelledby=open] tbody tr", (rows) => rows.map((r) => Number(r.cells[3].dataset.v)));
  await p.click("section[aria-labelledby=open] th:nth-child(4) button");
  assert.deepEqual(await days(), (await days()).toSorted((a, b) => a - b));
  await p.keyboard.press("Enter"); // the button has the focus
  assert.deepEqual(await days(), (await days()).toSorted((a, b) => b - a));
  const still = await open({ javaScriptEnabled: false });
  assert.match(await still.locator("main").textContent(), /report exports from Salesforce/);
  assert.equal(await still.locator("#find").isVisible(), false);
  console.log(`ok  the page of a scan, ${all} cases`);
} finally {
  await browser.close();
}
