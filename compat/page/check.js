// The doctor's page in a real browser, on wide and narrow screens, light and dark, and printed.
//
// What a person would call broken is asked of the browser: text that runs out of the page, colours that cannot be told
// apart, errors, and anything fetched from anywhere.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

import puppeteer from "puppeteer-core";

import { startPostgres } from "../apps/postgres.js";

const run = promisify(execFile);
const WIDTHS = [360, 768, 1280];
/** What WCAG asks of text (AA). */
const CONTRAST_MIN = 4.5;

/** Runs in the page: what runs out of it. */
function overflowing() {
  const width = document.documentElement.clientWidth;
  return [...document.body.querySelectorAll("*")]
    .filter((element) => element.getBoundingClientRect().right > width + 1 || element.scrollWidth > element.clientWidth + 1)
    .filter((element) => element.clientWidth > 0 && !(element instanceof SVGElement))
    .map((element) => `${element.tagName.toLowerCase()}.${element.className}: ${element.textContent.slice(0, 60)}`);
}

/** Runs in the page: texts too close in colour to what is behind them. */
function faint(least) {
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const linear = (value) => (value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour[3] !== 0) return colour;
    }
    return [255, 255, 255];
  };
  const holdsText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  return [...document.body.querySelectorAll("*")].filter(holdsText).flatMap((element) => {
    const [a, b] = [luminance(channels(getComputedStyle(element).color)), luminance(behind(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return contrast < least ? [`${contrast.toFixed(2)}: ${element.textContent.slice(0, 40)}`] : [];
  });
}

async function look(browser, file, keep) {
  const page = await browser.newPage();
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("console", (message) => wrong.push(`console: ${message.text()}`));
  page.on("dialog", (dialog) => wrong.push(`dialog: ${dialog.message()}`));
  page.on("request", (request) => {
    if (request.url() !== file) wrong.push(`fetched: ${request.url()}`);
  });
  await page.goto(file);
  for (const scheme of ["light", "dark"]) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    for (const width of WIDTHS) {
      await page.setViewport({ width, height: 900 });
      await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
      assert.deepEqual(await page.evaluate(overflowing), [], `runs out of the page at ${width}`);
      assert.deepEqual(await page.evaluate(faint, CONTRAST_MIN), [], `cannot be read in the ${scheme} scheme`);
      if (keep) await page.screenshot({ path: join(keep, `${scheme}-${width}.png`), fullPage: true });
    }
  }
  // By hand, as a reader would: closed again, and opened by a click.
  await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = false)));
  await page.click("summary");
  assert.equal(await page.$eval("details", (details) => details.open), true);
  assert.ok((await page.$$("svg rect.rail")).length >= 3, "indicators have bars");
  assert.ok((await page.$$("ol > li")).length >= 3, "there are actions");
  assert.equal((await page.$$("img, script, link")).length, 0, "a name is no markup");
  const text = await page.evaluate(() => document.body.innerText);
  assert.match(text, /<img src=x onerror=alert\(1\)>/, "a name is shown as it is");
  const printed = await page.pdf({ format: "A4" });
  assert.ok(printed.length > 10_000);
  assert.deepEqual(wrong, []);
}

const directory = await mkdtemp(join(tmpdir(), "courant-page-"));
const keep = process.argv[2] === "--keep" ? process.argv[3] : undefined;
if (keep) await mkdir(keep, { recursive: true });
const postgres = await startPostgres();
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM,
  args: process.getuid() === 0 ? ["--no-sandbox"] : [],
});
try {
  await postgres.ask("postgres", await readFile(join(import.meta.dirname, "sick.sql"), "utf8"));
  const file = join(directory, "report.html");
  const asked = ["doctor", "--database-url", postgres.uri("postgres"), "--html", file, "--advice-seconds", "5", "--run"];
  await run(process.env.COURANT_BIN, asked, { cwd: directory, maxBuffer: 1 << 24 });
  await look(browser, pathToFileURL(file).href, keep);
  console.log(`the page holds at ${WIDTHS.join(", ")} pixels, light and dark`);
} finally {
  await browser.close();
  await postgres.stop();
  await rm(directory, { recursive: true, force: true });
}
