// How long the pages of the feed take in a real browser, from what somebody does to the first content that they see, in
// milliseconds. Run by .ci/browser/speed, over a data directory that bench/feed has filled.
import { chromium } from "playwright-core";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";

const [binary, data, browserPath] = process.argv.slice(2);
const runs = Number(process.env.OUTFLOW_RUNS || 20);
const dir = mkdtempSync(join(tmpdir(), "outflow-speed-"));
mkdirSync(join(dir, "exports"));
const config = join(dir, "outflow.yaml");
const port = 20000 + (process.pid % 10000);
const base = `http://127.0.0.1:${port}`;
writeFileSync(config, `data_dir: ${data}
sources:
  - {name: exports, kind: files, paths: [./exports]}
channels:
  - {name: out, kind: file, path: told.ndjson}
feed: {listen: "127.0.0.1:${port}"}
`, { mode: 0o600 });
const name = "Speed " + process.pid;
const token = execFileSync(binary, ["token", "create", "--config", config, "--name", name, "--role", "soc"], { encoding: "utf8" }).trim();
const daemon = spawn(binary, ["run", "--config", config], { stdio: "ignore" });

const pause = (ms) => new Promise((r) => setTimeout(r, ms));
const get = (path) => fetch(base + path, { headers: { Authorization: "Bearer " + token } });

// indexed waits until the daemon answers, and until its queue has all alerts.
async function indexed() {
  const began = Date.now();
  let first = 0;
  for (;;) {
    try {
      const r = await get("/");
      const body = await r.text();
      first ||= r.ok ? Date.now() - began : 0;
      if (r.ok && !body.includes("still being added")) { break; }
    } catch { /* it does not listen yet */ }
    assert.equal(daemon.exitCode, null, "the daemon has ended");
    await pause(500);
  }
  console.log(`the first page came ${(first / 1000).toFixed(1)} s after the start, and had all alerts after ${((Date.now() - began) / 1000).toFixed(1)} s\n`);
}

// note prints the times of a row: from the act to first content, of the server's answer, and until a key's effect was painted.
function note(what, list) {
  const of = (key, share) => {
    const sorted = list.map((x) => x[key]).filter((x) => x !== undefined).sort((a, b) => a - b);
    return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(0) : "";
  };
  const row = [what, of("content", .5), of("content", .95), of("answer", .5), of("answer", .95), of("input", .5), of("input", .95)];
  console.log("| " + row.join(" | ") + " |");
}

// shown waits until a page has been painted, and returns its times.
async function shown(page, since) {
  const t = await page.evaluate(() => new Promise((resolve) => {
    const look = () => {
      const paint = performance.getEntriesByName("first-contentful-paint")[0];
      const nav = performance.getEntriesByType("navigation")[0];
      if (!paint || !nav.loadEventEnd) { setTimeout(look, 5); return; }
      resolve({ origin: performance.timeOrigin, paint: paint.startTime, answer: nav.responseStart - nav.requestStart });
    };
    look();
  }));
  return { content: since ? t.origin + t.paint - since : t.paint, answer: t.answer };
}

// act does something on a page that leads to another, and returns the times of that one.
async function act(page, what) {
  const since = await page.evaluate(() => performance.timeOrigin + performance.now());
  await Promise.all([page.waitForNavigation({ waitUntil: "commit" }), what()]);
  return shown(page, since);
}

// newContext is a browser without any cache, signed in.
async function newContext(browser) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await context.addCookies([{ name: "outflow", value: token, url: base }]);
  return context;
}

// visits measures a page in a browser that has never seen the feed, and again and again in one.
async function visits(browser, what, path) {
  const cold = [];
  const warm = [];
  for (let i = 0; i < Math.ceil(runs / 4); i++) {
    const context = await newContext(browser);
    const page = await context.newPage();
    await page.goto(base + path);
    cold.push(await shown(page));
    await context.close();
  }
  const context = await newContext(browser);
  const page = await context.newPage();
  await page.goto(base + path);
  for (let i = 0; i < runs; i++) {
    await page.goto(base + path);
    warm.push(await shown(page));
    await pause(50); // the feed answers 20 requests a second
  }
  await context.close();
  note(what + ", cold", cold);
  note(what, warm);
}

// keys presses keys that change the page, and returns for how long each kept the page from being painted (Event Timing).
async function keys(page, list) {
  await page.evaluate(() => {
    window.slow = [];
    new PerformanceObserver((l) => { for (const e of l.getEntries()) { if (e.name === "keydown") { window.slow.push(e.duration); } } })
      .observe({ type: "event", durationThreshold: 16, buffered: false });
  });
  for (const k of list) {
    await page.keyboard.press(k);
    await pause(60);
  }
  const slow = await page.evaluate(() => window.slow);
  while (slow.length < list.length) { slow.push(8); } // what is faster than 16 ms is not reported
  return slow.map((input) => ({ input }));
}

// interactions measures what an analyst does.
async function interactions(browser) {
  const page = await (await newContext(browser)).newPage();
  const rows = { "filter by severity": [], "search a rare word": [], "search a word that all alerts have": [], "next page": [],
    "open an alert (Enter)": [], "next alert (j)": [], "acknowledge": [], "back to the queue (u)": [] };
  for (let i = 0; i < runs; i++) {
    await page.goto(base + "/");
    rows["filter by severity"].push(await act(page, () => page.selectOption("select[name=severity]", "critical")));
    await page.goto(base + "/");
    await page.fill("#q", "report 4242");
    rows["search a rare word"].push(await act(page, () => page.press("#q", "Enter")));
    await page.goto(base + "/");
    await page.fill("#q", "headline");
    rows["search a word that all alerts have"].push(await act(page, () => page.press("#q", "Enter")));
    await page.goto(base + "/");
    rows["next page"].push(await act(page, () => page.click("a[rel=next]")));
    await page.goto(base + "/?severity=critical");
    for (let k = 0; k <= i % 10; k++) { await page.keyboard.press("j"); }
    rows["open an alert (Enter)"].push(await act(page, () => page.keyboard.press("Enter")));
    rows["next alert (j)"].push(await act(page, () => page.keyboard.press("j")));
    rows.acknowledge.push(await act(page, () => page.click("#ack")));
    rows["back to the queue (u)"].push(await act(page, () => page.keyboard.press("u")));
    await pause(200);
  }
  for (const [what, list] of Object.entries(rows)) { note(what, list); }
  await page.goto(base + "/");
  const moves = [];
  for (let i = 0; i < 2 * runs; i++) { moves.push("jjkx"[i % 4]); }
  note("move and select (j, k, x)", await keys(page, moves));
}

let browser;
try {
  await indexed();
  browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
  console.log("| | first content p50 | p95 | answer p50 | p95 | until painted p50 | p95 |\n|---|---|---|---|---|---|---|");
  const some = (await (await get("/v1/alerts?latest=true&limit=200&before=9007199254740991")).json()).alerts.map((x) => x.alert);
  assert.ok(some.length > 10, "there are no alerts");
  for (const [what, path] of [
    ["the sign-in page, for comparison", "/login"], ["the queue", "/"], ["page 40", "/?page=40"], ["page 600", "/?page=600"], ["filtered by source and time", "/?source=github&age=30d&assignee=-"],
    ["a word that all alerts have", "/?q=headline&status=any"], ["an alert", "/alerts/" + some[1].id],
    ["an alert with 200 items", "/alerts/" + "1".padStart(32, "0")],
    ["a person", "/people/" + some[0].user], ["a domain that all alerts name", "/entities/domain/partner.example"],
  ]) { await visits(browser, what, path); }
  await interactions(browser);
} finally {
  await browser?.close();
  daemon.kill();
  rmSync(dir, { recursive: true, force: true });
}
