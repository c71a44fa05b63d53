// The pages in a real browser: sign in, the queue, keys, an alert, deciding, finding, what
// comes live, narrow and dark, and no serious finding of axe-core. Run by .ci/browser/run.
import { chromium } from "playwright-core";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";

const [binary, example, browserPath] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const dir = mkdtempSync(join(tmpdir(), "outflow-browser-"));
const exports = join(dir, "exports");
const late = ["aws_late"];
cpSync(example, exports, { recursive: true });
const config = join(dir, "outflow.yaml");
const port = 20000 + (process.pid % 10000);
const base = `http://127.0.0.1:${port}`;
writeFileSync(config, `data_dir: ./data
sources:
  - {name: exports, kind: files, paths: [./exports]}
channels:
  - {name: out, kind: file, path: told.ndjson}
feed: {listen: "127.0.0.1:${port}"}
`, { mode: 0o600 });
const token = execFileSync(binary, ["token", "create", "--config", config, "--name", "Kim Ops", "--role", "soc"], { encoding: "utf8" }).trim();
const daemon = spawn(binary, ["run", "--config", config], { stdio: "ignore" });

const done = [];
async function step(name, f) { await f(); done.push(name); console.log("ok  " + name); }
async function until(what, f) {
  for (let i = 0; i < 300; i++) {
    if (await f()) { return; }
    await new Promise((r) => setTimeout(r, 200));
  }
  assert.fail("it never came: " + what);
}

let browser;
try {
  await until("alerts", async () => {
    try {
      const r = await fetch(base + "/v1/alerts?latest=true&limit=1000", { headers: { Authorization: "Bearer " + token } });
      return r.ok && (await r.json()).alerts.length > 10;
    } catch { return false; }
  });
  browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
  const context = await browser.newContext();
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (m) => { if (m.type() === "error") { wrong.push(m.text()); } });
  page.on("pageerror", (e) => wrong.push(String(e)));
  page.on("request", (r) => { if (!r.url().startsWith(base)) { wrong.push("a request to " + r.url()); } });
  const accessible = async (where) => {
    // the pages allow no script of anybody else: axe comes in through the debugger
    const client = await context.newCDPSession(page);
    await client.send("Runtime.evaluate", { expression: axe });
    const { result } = await client.send("Runtime.evaluate", { expression: "axe.run().then(r => JSON.stringify(r.violations.filter(v => v.impact === 'serious' || v.impact === 'critical').map(v => v.id + ' ' + v.nodes[0].html)))", awaitPromise: true, returnByValue: true });
    assert.equal(result.value, "[]", where);
  };

  await step("signing in", async () => {
    await page.goto(base + "/");
    assert.match(page.url(), /\/login$/);
    await accessible("sign in");
    await page.fill("#token", "outflow_wrong");
    await page.press("#token", "Enter");
    await page.waitForSelector("[role=alert]");
    wrong.length = 0; // the browser notes the 401
    await page.fill("#token", token);
    await page.press("#token", "Enter");
    await page.waitForSelector("#queue .row");
  });
  await step("the queue, ranked, without a name", async () => {
    const severities = await page.$$eval("#queue .sev", (l) => l.map((x) => x.textContent));
    const order = ["critical", "high", "medium", "low", "informational"];
    assert.deepEqual(severities, [...severities].sort((a, b) => order.indexOf(a) - order.indexOf(b)));
    assert.doesNotMatch(await page.content(), /[a-z]+\.[a-z]+@acme\.example/);
    const all = await (await fetch(base + "/v1/alerts?all=true&limit=1000", { headers: { Authorization: "Bearer " + token } })).text();
    assert.ok(all.length > 10000);
    assert.doesNotMatch(all, /[a-z]+\.[a-z]+@acme\.example/);
    await accessible("queue");
  });
  let opened;
  await step("keys", async () => {
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("k");
    await page.keyboard.press("j");
    assert.equal(await page.evaluate(() => [...document.querySelectorAll("#queue .row a")].indexOf(document.activeElement)), 1);
    await page.keyboard.press("Enter");
    await page.waitForSelector("#triage");
    opened = page.url();
    await page.goBack();
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.id), "q");
  });
  await step("an alert: sentence, chart, evidence", async () => {
    await page.goto(opened);
    assert.ok((await page.textContent(".sentence")).length > 30);
    assert.ok(await page.$$eval("table tbody tr", (l) => l.length) >= 1);
    assert.ok(await page.$$eval(".timeline li", (l) => l.length) >= 1);
    assert.ok(await page.$("#unseen"));
    await accessible("alert");
  });
  await step("a person: days drawn, and in words", async () => {
    await Promise.all([page.waitForNavigation(), page.click("a[href^='/people/']")]);
    assert.ok(await page.$$eval("svg.bars.wide", (l) => l.length >= 2 && l.every((i) => /\d/.test(i.getAttribute("aria-label")))));
    await accessible("person");
    if (process.env.OUTFLOW_SHOTS) { await page.screenshot({ path: join(process.env.OUTFLOW_SHOTS, "person.png"), fullPage: true }); }
    await page.goto(opened);
    if (process.env.OUTFLOW_SHOTS) { await page.screenshot({ path: join(process.env.OUTFLOW_SHOTS, "alert.png"), fullPage: true }); }
  });
  await step("deciding", async () => {
    await Promise.all([page.waitForNavigation(), page.keyboard.press("a")]);
    assert.match(await page.textContent(".history"), /Kim Ops: acknowledged/);
    await page.fill("#note", "<img src=x onerror=alert(1)> a drill");
    await Promise.all([page.waitForNavigation(), page.click("button[value=false]")]);
    assert.match(await page.textContent(".history"), /<img src=x onerror=alert\(1\)> a drill/);
    assert.equal(await page.$("main img:not(.days)"), null);
    await page.goto(base + "/");
    assert.equal(await page.$(`a[href="${new URL(opened).pathname}"]`), null);
  });
  await step("suppressing what was false", async () => {
    await page.goto(opened);
    assert.match(await page.textContent("section[aria-labelledby=suppress]"), /would have kept \d+ from being told/);
    await accessible("suggestion");
    await page.fill("input[name=reason]", "a migration <script>alert(1)</script>");
    await Promise.all([page.waitForNavigation(), page.click("section[aria-labelledby=suppress] button")]);
    assert.match(page.url(), /\/suppressions$/);
    assert.match(await page.textContent("tbody"), /Kim Ops: a migration <script>/);
    await accessible("suppressions");
    await Promise.all([page.waitForNavigation(), page.click("tbody button")]);
    assert.match(await page.textContent("tbody"), /ended by Kim Ops/);
  });
  await step("asking for a name", async () => {
    await page.goto(opened);
    await Promise.all([page.waitForNavigation(), page.click("a[href^='/people/']")]);
    const person = page.url();
    await page.click("summary");
    await page.fill("input[name=reason]", "case 7");
    await Promise.all([page.waitForNavigation(), page.click("details button")]);
    assert.match(await page.textContent("main"), /Nobody has decided yet/);
    const other = await browser.newContext();
    const office = await other.newPage();
    await office.goto(base + "/login");
    await office.fill("#token", execFileSync(binary, ["token", "create", "--config", config, "--name", "Pat Privacy", "--role", "privacy"], { encoding: "utf8" }).trim());
    await office.press("#token", "Enter");
    await office.waitForSelector("tbody");
    assert.match(await office.textContent("tbody"), /Kim Ops.*case 7/);
    await Promise.all([office.waitForNavigation(), office.click("button[value=agree]")]);
    await other.close();
    await page.goto(person);
    assert.match(await page.textContent("main"), /shown to you until/);
    await accessible("a name");
  });
  await step("finding", async () => {
    await page.goto(base + "/");
    await page.fill("#q", "github");
    await Promise.all([page.waitForNavigation(), page.press("#q", "Enter")]);
    const rows = await page.$$eval("#queue .row", (l) => l.map((x) => x.textContent.toLowerCase()));
    assert.ok(rows.length > 0 && rows.every((t) => t.includes("github")), page.url() + " " + rows.join("\n"));
    await page.goto(base + "/?severity=critical");
    assert.ok((await page.$$eval("#queue .sev", (l) => l.map((x) => x.textContent))).every((s) => s === "critical"));
  });
  await step("what comes live", async () => {
    await page.goto(base + "/");
    const trail = { eventVersion: "1.08", userIdentity: { type: "IAMUser", userName: "late.comer", accountId: "123456789012", arn: "arn:aws:iam::123456789012:user/late.comer" }, eventSource: "s3.amazonaws.com", eventName: "PutBucketAcl", awsRegion: "eu-west-1", sourceIPAddress: "198.51.100.17", userAgent: "aws-cli", requestParameters: { bucketName: "late-backups-db", "x-amz-acl": "public-read" }, eventType: "AwsApiCall", managementEvent: true, recipientAccountId: "123456789012" };
    const newest = (await (await fetch(base + "/v1/health", { headers: { Authorization: "Bearer " + token } })).json()).judge.newest;
    for (const [i, name] of late.entries()) {
      const at = new Date(Date.parse(newest) + (i + 1) * 60000).toISOString().slice(0, 19) + "Z";
      writeFileSync(join(exports, name + ".json"), JSON.stringify({ Records: [{ ...trail, eventTime: at, eventID: name }] }));
    }
    await page.waitForSelector("#live a", { timeout: 60000 });
    assert.match(await page.textContent("#live"), /change/);
  });
  await step("coverage, watchlists, dark, narrow", async () => {
    for (const path of ["/coverage", "/watchlists"]) {
      await page.goto(base + path);
      await accessible(path);
    }
    if (process.env.OUTFLOW_SHOTS) { await page.goto(base + "/coverage"); await page.screenshot({ path: join(process.env.OUTFLOW_SHOTS, "coverage.png"), fullPage: true }); }
    await page.emulateMedia({ colorScheme: "dark" });
    await page.goto(opened);
    await accessible("dark");
    await page.setViewportSize({ width: 360, height: 700 });
    await page.goto(base + "/");
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth + 1), "it is wider than the screen");
  });
  await step("the digest of a week", async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ colorScheme: "light" });
    await page.goto(base + "/digest?week=2026-W16");
    assert.match(await page.textContent("body"), /Week 2026-W16.*To act on/s);
    assert.doesNotMatch(await page.content(), /[a-z]+\.[a-z]+@acme\.example/);
    assert.ok(await page.evaluate(() => document.documentElement.scrollHeight <= 2 * innerHeight), "it does not fit two screens");
    await accessible("digest");
    if (process.env.OUTFLOW_SHOTS) { await page.screenshot({ path: join(process.env.OUTFLOW_SHOTS, "digest.png"), fullPage: true }); }
    await page.goto(base + "/");
  });
  await step("signing out", async () => {
    await Promise.all([page.waitForNavigation(), page.click("header button")]);
    await page.goto(base + "/");
    assert.match(page.url(), /\/login$/);
  });
  await step("HR: who leaves, and a review", async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ colorScheme: "light" });
    await page.fill("#token", execFileSync(binary, ["token", "create", "--config", config, "--name", "Lee People", "--role", "hr"], { encoding: "utf8" }).trim());
    await page.press("#token", "Enter");
    await page.waitForSelector("nav a[href='/leavers']");
    await Promise.all([page.waitForNavigation(), page.click("nav a[href='/leavers']")]);
    await accessible("leavers");
    await Promise.all([page.waitForNavigation(), page.click("main td a")]);
    await page.waitForSelector(".verdict");
    assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector(".verdict")).fontWeight), "700"); // its style is let through
    assert.doesNotMatch(await page.content(), /[a-z]+\.[a-z]+@acme\.example/);
    await page.waitForFunction(() => [...document.querySelectorAll("img")].length > 0 && [...document.querySelectorAll("img")].every((i) => i.complete && i.naturalWidth > 0));
    await accessible("review");
    if (process.env.OUTFLOW_SHOTS) { await page.screenshot({ path: join(process.env.OUTFLOW_SHOTS, "review.png"), fullPage: true }); }
  });
  await step("a review as PDF", async () => {
    const pdf = join(dir, "review.pdf");
    const who = readFileSync(join(exports, "hr", "leavers.csv"), "utf8").split("\n")[1].split(",")[0];
    execFileSync(binary, ["report", "review", who, "--data", join(dir, "data"), "--format", "pdf", "--out", pdf], { env: { ...process.env, PATH: process.env.PATH } });
    assert.equal(readFileSync(pdf).subarray(0, 5).toString(), "%PDF-");
  });
  assert.deepEqual(wrong, []);
  console.log(done.length + " steps passed");
} finally {
  if (browser) { await browser.close(); }
  daemon.kill("SIGTERM");
}
