// The pages in a real browser: all flows by keyboard, every page of every role at 390 and 1440 px, in light and dark, and
// no finding of axe-core. Run by .ci/browser/run.
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
budget: 6
watchlists:
  - {name: "Kestrel <b>", members: [nobody@acme.example], departments: [Nowhere], weight: 1, owner: legal, reason: a merger}
  - {name: Ended, places: ["nowhere-*"], weight: -1, until: 2026-03-31, owner: legal, reason: over}
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
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, timezoneId: "America/New_York" });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: base });
  const page = await context.newPage();
  const wrong = [];
  const watch = (p) => {
    p.on("console", (m) => { if (m.type() === "error") { wrong.push(p.url() + ": " + m.text()); } });
    p.on("pageerror", (e) => wrong.push(p.url() + ": " + String(e)));
    p.on("request", (r) => { if (!r.url().startsWith(base)) { wrong.push("a request to " + r.url()); } });
  };
  watch(page);
  const accessible = async (p, where) => {
    // the pages allow no script of anybody else: axe comes in through the debugger
    const client = await p.context().newCDPSession(p);
    await client.send("Runtime.evaluate", { expression: axe });
    const { result } = await client.send("Runtime.evaluate", { expression: "axe.run().then(r => JSON.stringify(r.violations.map(v => v.id + ' ' + v.nodes[0].html.slice(0, 200) + ' ' + v.nodes[0].failureSummary)))", awaitPromise: true, returnByValue: true });
    await client.detach();
    assert.equal(result.value, "[]", where);
  };
  const fits = async (p, where) => {
    const [wide, screen] = await p.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= screen, where + " is " + wide + " px wide on a screen of " + screen);
  };
  const tokenOf = (name, role) => execFileSync(binary, ["token", "create", "--config", config, "--name", name, "--role", role], { encoding: "utf8" }).trim();
  const focused = (p) => p.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim());
  const nav = (p, key) => Promise.all([p.waitForNavigation(), p.keyboard.press(key)]);
  const shot = async (p, name) => {
    if (process.env.OUTFLOW_SHOTS) { await p.screenshot({ path: join(process.env.OUTFLOW_SHOTS, name + ".png") }); }
  };
  const api = async (path) => (await fetch(base + path, { headers: { Authorization: "Bearer " + token } })).json();

  const some = (await api("/v1/alerts?latest=true&severity=critical")).alerts.map((x) => x.alert);
  const download = some.find((a) => a.detector === "bulk_download") || some[0];
  await step("a link of a message survives signing in", async () => {
    await page.goto(base + "/alerts/" + download.id);
    assert.match(page.url(), /\/login\?next=/);
    await accessible(page, "sign in");
    await page.keyboard.type("outflow_wrong"); // the field has the focus
    await nav(page, "Enter");
    await page.waitForSelector("[role=alert]");
    wrong.length = 0; // the browser notes the 401
    await page.keyboard.type(token);
    await nav(page, "Enter");
    assert.equal(page.url(), base + "/alerts/" + download.id);
    const elsewhere = await context.newPage(); // as a chat in the browser does, which is another site
    await elsewhere.goto("data:text/html,<a href='" + base + "/alerts/" + download.id + "'>alert</a>");
    await elsewhere.click("a");
    await elsewhere.waitForURL(base + "/alerts/" + download.id);
    await elsewhere.waitForSelector("#triage");
    await elsewhere.close();
  });
  await step("the queue: cases, ranked, without a name", async () => {
    await page.goto(base + "/");
    const severities = await page.$$eval("#queue > li > .row .sev", (l) => l.map((x) => x.textContent));
    const order = ["critical", "high", "medium", "low", "informational"];
    assert.ok(severities.length > 5);
    assert.deepEqual(severities, [...severities].sort((a, b) => order.indexOf(a) - order.indexOf(b)));
    assert.doesNotMatch(await page.content(), /[a-z]+\.[a-z]+@acme\.example/);
    const all = await (await fetch(base + "/v1/alerts?all=true&limit=1000", { headers: { Authorization: "Bearer " + token } })).text();
    assert.ok(all.length > 10000);
    assert.doesNotMatch(all, /[a-z]+\.[a-z]+@acme\.example/);
    assert.match(await page.textContent("#zone"), /America\/New_York/);
    await shot(page, "queue");
  });
  await step("keys in the queue", async () => {
    for (const k of ["j", "j", "k", "j"]) { await page.keyboard.press(k); }
    const titles = await page.$$eval("#queue .open", (l) => l.map((x) => x.textContent));
    assert.equal(await focused(page), titles[1]);
    await page.keyboard.press("x");
    assert.equal(await page.textContent("#selected"), "1 selected");
    await page.keyboard.press("Shift+A");
    assert.equal(await page.textContent("#selected"), titles.length + " selected");
    await page.keyboard.press("Shift+A");
    await page.keyboard.press("?");
    await page.waitForSelector("#help[open]");
    await accessible(page, "help");
    await page.keyboard.press("Escape");
    await page.keyboard.press("k");
    await nav(page, "Enter");
    await page.waitForSelector("#triage");
    await nav(page, "j");
    assert.equal(await page.$eval("h1", (h) => h.textContent.includes(document.title.split(" – ")[0])), true);
    const id = new URL(page.url()).pathname.split("/")[2];
    await nav(page, "u");
    assert.equal(new URL(page.url()).hash, "#a-" + id);
    await page.waitForFunction((row) => document.activeElement.closest("#a-" + row), id);
    await page.keyboard.press("/");
    assert.equal(await focused(page), "q");
  });
  await step("filters apply at once and are in the URL", async () => {
    await Promise.all([page.waitForNavigation(), page.selectOption("select[name=severity]", "critical")]);
    assert.equal(page.url(), base + "/?severity=critical");
    assert.ok((await page.$$eval("#queue > li > .row .sev", (l) => l.map((x) => x.textContent))).every((s) => s === "critical"));
    await Promise.all([page.waitForNavigation(), page.selectOption("select[name=source]", "github")]);
    assert.equal(page.url(), base + "/?severity=critical&source=github");
    assert.ok((await page.$$eval("#queue .meta", (l) => l.map((x) => x.textContent))).every((s) => s.includes("GitHub")));
    await page.click("summary:has-text('Save this view')");
    await page.fill("form[action='/views'] input[name=name]", "Code <b>");
    await nav(page, "Enter");
    assert.equal(await page.textContent(".views [aria-current]"), "Code <b>");
    await accessible(page, "saved view");
  });
  await step("searching", async () => {
    await page.goto(base + "/");
    await page.keyboard.press("/");
    await page.keyboard.type("github critical");
    await nav(page, "Enter");
    assert.ok((await page.$$("#queue .row")).length > 0, page.url());
    await page.goto(base + "/?q=" + download.id.slice(0, 8));
    assert.equal(new URL(page.url()).pathname, "/alerts/" + download.id);
    await page.goto(base + "/?q=zebra");
    assert.match(await page.textContent(".empty"), /No alerts match this filter/);
    await accessible(page, "no hit");
    await page.goto(base + "/?q=" + encodeURIComponent(download.user.slice(0, 8)));
    assert.ok((await page.$$eval("#queue .who", (l) => l.map((x) => x.textContent))).every((u) => u === download.user));
  });
  const opened = base + "/alerts/" + download.id;
  await step("an alert: headline, items, guidance, triage on the first screen", async () => {
    await page.goto(opened);
    assert.ok(await page.$$eval(".evidence tbody tr", (l) => l.length) >= 10);
    for (const id of ["#triage", "#ack", "#close"]) {
      assert.ok((await page.$eval(id, (e) => e.getBoundingClientRect().bottom)) <= 900, id + " is not on the first screen");
    }
    for (const id of ["#do", "#wrong", "#timeline", "#unseen", "#history"]) { assert.ok(await page.$(id), id); }
    const [first] = await page.$$eval(".evidence table td time", (l) => l.map((x) => [x.textContent, x.title]));
    assert.match(first[0], /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    assert.match(first[1], / UTC$/);
    const names = () => page.$$eval(".evidence:first-of-type tbody tr:not([hidden])", (l) => l.map((x) => x.cells[2].textContent));
    const before = await names();
    await page.click(".evidence:first-of-type th button:has-text('Object')");
    assert.deepEqual(await names(), [...before].sort((a, b) => a.localeCompare(b)));
    assert.equal(await page.getAttribute(".evidence:first-of-type th:has(button:has-text('Object'))", "aria-sort"), "ascending");
    await page.fill("#find-0", before[0].slice(0, 12));
    assert.ok((await names()).every((n) => n.startsWith(before[0].slice(0, 12))));
    await page.fill("#find-0", "");
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("y");
    await page.waitForFunction(() => document.getElementById("copied").textContent === "Copied");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), download.id);
    const csv = await (await fetch(opened + "/items.csv", { headers: { Authorization: "Bearer " + token } })).text();
    assert.ok(csv.split("\n").length > 10 && csv.startsWith("time,detector,"));
    await shot(page, "alert");
    await page.goto(opened + "/events");
    assert.ok(await page.$$eval("tbody tr", (l) => l.length) >= 10);
    await accessible(page, "events");
  });
  await step("deciding by keys, with a reason asked for on the page, and undone", async () => {
    await page.goto(opened);
    await nav(page, "a");
    assert.match(await page.textContent(".notice"), /1 alert acknowledged/);
    assert.match(await page.textContent(".history"), /Kim Ops: Acknowledged, assigned to Kim Ops/);
    await nav(page, "z");
    assert.match(await page.textContent("#triage"), /Open/);
    await page.keyboard.press("c");
    for (const k of ["ArrowDown", "ArrowDown"]) { await page.keyboard.press(k); } // false positive
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "note");
    assert.equal(await page.$eval("#note", (n) => n.validity.valueMissing), true);
    await page.keyboard.type("<img src=x onerror=alert(1)> a drill");
    await page.keyboard.press("Tab");
    await nav(page, "Enter");
    assert.match(await page.textContent(".notice"), /1 alert closed: false positive/);
    assert.match(await page.textContent(".history"), /<img src=x onerror=alert\(1\)> a drill/);
    assert.equal(await page.$("main img"), null);
    await accessible(page, "closed");
    await page.goto(base + "/");
    assert.equal(await page.$("#a-" + download.id), null);
    const noScript = await browser.newContext({ javaScriptEnabled: false });
    await noScript.addCookies(await context.cookies());
    const plain = await noScript.newPage();
    await plain.goto(base + "/");
    await plain.click("#queue input[type=checkbox]");
    await plain.click("#close summary");
    await plain.click("input[name=as][value=false]");
    await Promise.all([plain.waitForNavigation(), plain.click("#close button")]);
    assert.match(await plain.textContent("[role=alert]"), /Say why/);
    assert.equal((await plain.$$("#queue input:checked")).length, 1);
    await noScript.close();
  });
  await step("Enter in a field assigns, and Enter on a box or a choice decides nothing", async () => {
    const other = some.find((a) => a.id !== download.id);
    await page.goto(base + "/alerts/" + other.id);
    await page.focus("#assignee");
    await page.keyboard.type("Ann");
    await nav(page, "Enter");
    assert.match(await page.textContent(".notice"), /1 alert assigned to Ann\./);
    assert.match(await page.textContent("#triage"), /Open/);
    await accessible(page, "assigned");
    await nav(page, "z");
    assert.equal(await page.inputValue("#assignee"), "");
    await page.keyboard.press("c");
    await page.waitForFunction(() => document.activeElement.name === "as");
    const at = page.url();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Escape");
    await page.goto(base + "/");
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await page.focus("#queue input:checked");
    await page.keyboard.press("Enter");
    await page.waitForTimeout(300);
    assert.equal(await page.textContent("#selected"), "1 selected");
    await page.goto(at);
    assert.match(await page.textContent("#triage"), /Open/);
  });
  await step("closing as a duplicate by keyboard, both pages, and undoing it", async () => {
    const [first, second] = some.filter((a) => a.id !== download.id);
    await page.goto(base + "/alerts/" + second.id);
    await page.keyboard.press("c");
    await page.waitForFunction(() => document.activeElement.name === "as");
    assert.equal(await page.isVisible("#duplicate_of"), false);
    await page.keyboard.press("ArrowUp"); // from the first to the last
    assert.equal(await page.isVisible("#duplicate_of"), true);
    await accessible(page, "closing as a duplicate");
    await page.keyboard.press("Tab");
    await page.keyboard.type("ffffffffffff");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await nav(page, "Enter");
    assert.match(await page.textContent("#close-error"), /No alert, or more than one, has the ID/i);
    wrong.length = 0; // the browser notes the 422
    await page.fill("#duplicate_of", base + "/alerts/" + first.id);
    await page.focus("#close button.primary");
    await nav(page, "Enter");
    assert.match(await page.textContent("section[aria-labelledby=triage]"), /Duplicate of/);
    await Promise.all([page.waitForNavigation(), page.click("section[aria-labelledby=triage] > p a")]);
    assert.equal(new URL(page.url()).pathname, "/alerts/" + first.id);
    assert.match(await page.textContent("section[aria-labelledby=triage]"), /Duplicates of this alert/);
    await accessible(page, "the original");
    await page.goBack();
    await nav(page, "z");
    assert.match(await page.textContent("#triage"), /Open/);
  });
  await step("on a phone the filters are folded, also without scripts", async () => {
    for (const javaScriptEnabled of [true, false]) {
      const phone = await browser.newContext({ viewport: { width: 390, height: 844 }, javaScriptEnabled });
      await phone.addCookies(await context.cookies());
      const small = await phone.newPage();
      await small.goto(base + "/");
      assert.equal(await small.isVisible("select[name=severity]"), false);
      assert.ok((await small.locator("#queue .row").first().boundingBox()).y < 500);
      await small.focus(".more-filters summary");
      await small.keyboard.press("Enter");
      assert.equal(await small.isVisible("select[name=severity]"), true);
      await small.goto(base + "/?severity=critical");
      assert.equal(await small.isVisible("select[name=severity]"), true);
      await phone.close();
    }
    await page.goto(base + "/");
    assert.equal(await page.isVisible("select[name=severity]"), true);
    assert.equal(await page.isVisible(".more-filters summary"), false);
  });
  await step("entities: kinds, search, order and a page, by keyboard", async () => {
    await page.goto(base + "/entities");
    await shot(page, "entities");
    await page.focus(".tabs a:last-child");
    await nav(page, "Enter");
    assert.match(page.url(), /kind=item/);
    assert.match(await page.textContent(".pages"), /1 to 50 of \d+/);
    await Promise.all([page.waitForNavigation(), page.selectOption("select[name=sort]", "name")]);
    await page.focus("a[rel=next]");
    await nav(page, "Enter");
    assert.match(page.url(), /kind=item&page=2&sort=name/);
    await page.keyboard.press("/");
    await page.keyboard.type("zebra");
    await nav(page, "Enter");
    assert.match(await page.textContent(".empty"), /No item matches “zebra”/);
    await accessible(page, "no entity");
    await page.goto(base + "/entities?kind=domain");
    await page.focus("td .open");
    await nav(page, "Enter");
    assert.match(page.url(), /\/entities\/domain\/.+/);
  });
  await step("deciding about several, and undoing it", async () => {
    await page.goto(base + "/");
    const n = (await page.$$("#queue .row")).length;
    for (const k of ["j", "x", "j", "x"]) { await page.keyboard.press(k); }
    await nav(page, "a");
    assert.match(await page.textContent(".notice"), /2 alerts acknowledged/);
    assert.equal((await page.$$eval("#queue .meta", (l) => l.filter((x) => x.textContent.includes("Acknowledged · Kim Ops")))).length, 2);
    await accessible(page, "acknowledged");
    await nav(page, "z");
    assert.equal((await page.$$eval("#queue .meta", (l) => l.filter((x) => x.textContent.includes("Acknowledged · Kim Ops")))).length, 0);
    assert.equal((await page.$$("#queue .row")).length, n);
  });
  await step("suppressing what was a false positive", async () => {
    await page.goto(opened);
    assert.match(await page.textContent("section[aria-labelledby=suppress]"), /it would have hidden \d+ alert/);
    await page.fill("input[name=reason]", "a migration <script>alert(1)</script>");
    await Promise.all([page.waitForNavigation(), page.click("section[aria-labelledby=suppress] button")]);
    assert.match(page.url(), /\/suppressions$/);
    assert.match(await page.textContent("tbody"), /Kim Ops: a migration <script>/);
    await accessible(page, "suppressions");
    await Promise.all([page.waitForNavigation(), page.click("tbody button")]);
    assert.match(await page.textContent("tbody"), /ended by Kim Ops/);
  });
  await step("asking for a name", async () => {
    await page.goto(base + "/people/" + download.user);
    assert.ok(await page.$("svg.bars"));
    await shot(page, "person");
    await page.click("summary:has-text('Request name')");
    await page.fill("input[name=reason]", "case 7");
    await nav(page, "Enter");
    assert.match(await page.textContent("main"), /Waiting for approval/);
    const other = await browser.newContext();
    const office = await other.newPage();
    watch(office);
    await office.goto(base + "/login");
    await office.fill("#token", tokenOf("Pat Privacy", "privacy"));
    await nav(office, "Enter");
    assert.equal(new URL(office.url()).pathname, "/requests");
    assert.match(await office.textContent("tbody"), /Kim Ops.*case 7/);
    await accessible(office, "requests");
    await Promise.all([office.waitForNavigation(), office.click("button[value=approve]")]);
    await other.close();
    await page.goto(base + "/people/" + download.user);
    assert.match(await page.textContent("main"), /@acme\.example/);
  });
  await step("what comes live does not move the page", async () => {
    await page.goto(base + "/");
    const rows = await page.$$eval("#queue .open", (l) => l.map((x) => x.textContent));
    const trail = { eventVersion: "1.08", userIdentity: { type: "IAMUser", userName: "late.comer", accountId: "123456789012", arn: "arn:aws:iam::123456789012:user/late.comer" }, eventSource: "s3.amazonaws.com", eventName: "PutBucketAcl", awsRegion: "eu-west-1", sourceIPAddress: "198.51.100.17", userAgent: "aws-cli", requestParameters: { bucketName: "late-backups-db", "x-amz-acl": "public-read" }, eventType: "AwsApiCall", managementEvent: true, recipientAccountId: "123456789012" };
    const newest = (await api("/v1/health")).judge.newest;
    for (const [i, name] of late.entries()) {
      const at = new Date(Date.parse(newest) + (i + 1) * 60000).toISOString().slice(0, 19) + "Z";
      writeFileSync(join(exports, name + ".json"), JSON.stringify({ Records: [{ ...trail, eventTime: at, eventID: name }] }));
    }
    await page.waitForSelector("#live a", { timeout: 60000 });
    assert.match(await page.textContent("#live"), /^\d+ new or updated alerts?\. Refresh$/);
    assert.deepEqual(await page.$$eval("#queue .open", (l) => l.map((x) => x.textContent)), rows);
    await accessible(page, "live");
    await Promise.all([page.waitForNavigation(), page.click("#live a")]);
  });
  const digests = "/digest?week=2026-W16";
  const visited = { soc: ["/", "/alerts/" + download.id, "/alerts/" + some[some.length - 1].id, "/people/" + download.user, "/suppressions", digests, "/entities?kind=item", "/entities?kind=bucket&q=zebra", "/nowhere"] };
  for (const role of ["soc", "hr", "privacy", "auditor", "admin"]) {
    await step("every page of " + role + ": axe, 390 and 1440 px, light and dark", async () => {
      const own = await browser.newContext();
      const p = await own.newPage();
      watch(p);
      await p.goto(base + "/login");
      await p.fill("#token", tokenOf("Robin " + role, role));
      await nav(p, "Enter");
      const home = new URL(p.url()).pathname;
      const links = await p.$$eval("nav[aria-label=Pages] a", (l) => l.map((x) => x.getAttribute("href")));
      assert.equal(links[0], home);
      const paths = new Set([...links, ...(visited[role] || ["/", "/nowhere"])]);
      if (role === "hr") { paths.add(await p.getAttribute("main td a", "href")); }
      if (role === "soc") { for (const href of await p.$$eval("main a[href^='/entities/']", (l) => l.slice(0, 2).map((x) => x.getAttribute("href")))) { paths.add(href); } }
      const problems = [];
      const check = async (f) => { try { await f(); } catch (e) { problems.push(e.message + (e.actual && e.actual !== false ? ": " + e.actual : "")); } };
      for (const path of paths) {
        for (const [width, scheme] of [[1440, "light"], [1440, "dark"], [390, "light"], [390, "dark"]]) {
          await p.setViewportSize({ width, height: 800 });
          await p.emulateMedia({ colorScheme: scheme });
          const res = await p.goto(base + path);
          if (res.status() >= 400) { wrong.length = 0; } // the browser notes it
          assert.ok(res.status() < 500, path);
          if (!path.startsWith("/leavers/")) { // a review is a document: it has neither navigation nor dark colours
            assert.ok(await p.$("nav[aria-label=Pages] a[href='" + home + "']") && await p.$("form[action='/logout'] button"), path + " has no way out");
          }
          const where = role + " " + path + " " + width + " " + scheme;
          await check(() => fits(p, where));
          await check(() => accessible(p, where));
          assert.doesNotMatch(await p.content(), /[a-z]+\.[a-z]+@acme\.example/, where);
        }
      }
      if (role === "hr") { await p.setViewportSize({ width: 1280, height: 900 }); await p.emulateMedia({ colorScheme: "light" }); await p.goto(base + [...paths].find((x) => x.startsWith("/leavers/"))); await shot(p, "review"); }
      await own.close();
      assert.deepEqual(problems, []);
    });
  }
  await step("signing out", async () => {
    await page.goto(base + "/");
    await Promise.all([page.waitForNavigation(), page.click("form[action='/logout'] button")]);
    await page.goto(base + "/");
    assert.match(page.url(), /\/login$/);
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
