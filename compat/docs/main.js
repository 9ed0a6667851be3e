// Executes the commands of README.md and docs/*.md, a page after another, and says what ran, what did not and why.
//
//   run                   every page; exits 1 where a block failed
//   run --page NAME       only this one (README, docs/queue); may be repeated
//   run --list            what would be executed and what not; starts nothing
//
// Everything it needs it starts, on free ports, and ends.

import { spawn } from "node:child_process";
import { readFile, readdir, mkdtemp, rm, chmod, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

import { read } from "./blocks.js";
import { write } from "./script.js";
import { prepare, surround } from "./surroundings.js";

const ROOT = join(import.meta.dirname, "../..");
const PAGE_SECONDS_MAX = 300;
const TAIL_LINES = 40;
const FLAGS = {
  page: { type: "string", multiple: true, default: [] },
  list: { type: "boolean", default: false },
  keep: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
};
const HELP = `Flags:
  --page NAME   only this page (README, docs/queue); may be repeated
  --list        what would be executed, and what not; starts nothing
  --keep        leave the scratch directory, and say where it is`;

const { values: flags } = parseArgs({ options: FLAGS });
if (flags.help) console.log(HELP);
else process.exitCode = await main();

async function main() {
  const pages = await chosen();
  const mistakes = pages.flatMap((page) => page.mistakes);
  if (flags.list) for (const page of pages) list(page);
  else mistakes.push(...(await execute(pages)));
  for (const mistake of mistakes) console.log(`FAILED ${mistake}`);
  return mistakes.length ? 1 : 0;
}

async function chosen() {
  const docs = (await readdir(join(ROOT, "docs"))).filter((name) => name.endsWith(".md")).sort();
  const names = ["README.md", ...docs.map((name) => `docs/${name}`)];
  const wanted = flags.page.map((name) => `${name.replace(/\.md$/, "")}.md`);
  for (const name of wanted) if (!names.includes(name)) throw new Error(`there is no page ${name}`);
  const selected = names.filter((name) => !wanted.length || wanted.includes(name));
  return Promise.all(selected.map(async (name) => read(name, await readFile(join(ROOT, name), "utf8"))));
}

function list({ name, blocks }, which = () => true) {
  for (const { line, language, kind, notes } of blocks.filter(which)) {
    const how = notes.elsewhere === undefined ? kind : `not executed: ${notes.elsewhere}`;
    console.log(`${name}:${line}\t${language}\t${how}`);
  }
}

async function execute(pages) {
  const scratch = await mkdtemp(join(tmpdir(), "courant-docs-"));
  // Where root runs this, the database's user must get through to its own, closed directory in it.
  await chmod(scratch, 0o755);
  const failures = [];
  let example;
  try {
    example = await prepare(scratch);
    for (const page of pages.filter((page) => !hasWork(page))) list(page, (block) => block.notes.elsewhere !== undefined);
    for (const page of pages.filter(hasWork)) failures.push(...(await turn(page, { example, scratch })));
  } finally {
    await example?.stop();
    if (flags.keep) console.log(`left: ${scratch}`);
    else await rm(scratch, { recursive: true, force: true });
  }
  return failures;
}

function hasWork({ blocks }) {
  return blocks.some(({ kind, notes }) => notes.file !== undefined || (kind !== "shown" && notes.elsewhere === undefined));
}

/** Runs one page; its failures, a line of the page each. */
async function turn(page, { example, scratch }) {
  const began = Date.now();
  const ends = [];
  try {
    const { directory, work, env, address } = await surround(page, { example, scratch, ends });
    const { script, origins, left, ran } = await write(page, { directory, address });
    const { code, at, lines } = await shell(script, { cwd: work, env: { ...env, scratch: directory } });
    await writeFile(join(directory, "printed"), lines.join("\n"));
    const seconds = ((Date.now() - began) / 1000).toFixed(1);
    console.log(`${page.name}: ${ran.length} blocks executed, ${left.length} not, ${seconds} s`);
    for (const { line, why } of left) console.log(`    ${page.name}:${line} not executed: ${why}`);
    if (code === 0) return [];
    console.log(lines.slice(-TAIL_LINES).map((line) => `    | ${line}`).join("\n"));
    return [`${page.name}:${origins[at.script] || at.block}`];
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** Runs a script; how it ended, how far it was, and what it printed. */
async function shell(script, options) {
  // Of its own session, so that nothing of it outlives the page.
  const child = spawn("bash", [script], { ...options, detached: true, stdio: ["ignore", "pipe", "pipe", "pipe"] });
  const lines = [];
  const at = { block: 0, script: 0 };
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on("line", (line) => lines.push(line));
  createInterface({ input: child.stdio[3] }).on("line", (line) => {
    const [what, number] = line.split(" ");
    if (what === "at") Object.assign(at, { block: Number(number), script: 0 });
    else at.script ||= Number(number);
  });
  const late = setTimeout(() => {
    lines.push(`the page took more than ${PAGE_SECONDS_MAX} s`);
    child.kill("SIGTERM");
  }, PAGE_SECONDS_MAX * 1000);
  const code = await new Promise((ended) => child.once("close", ended));
  clearTimeout(late);
  return { code, at, lines };
}
