// That the runner notices: wrong output, commands that fail, notes that lead nowhere. With bash and without a database.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { read } from "./blocks.js";
import { write } from "./script.js";

const run = promisify(execFile);
const FENCE = "```";
const block = (language, text, note = "") => `${note}\n${FENCE}${language}\n${text}\n${FENCE}\n`;

/** Runs a page in a directory of its own; its exit code, and the line of the page that it failed at. */
async function outcome(text) {
  const directory = await mkdtemp(join(tmpdir(), "courant-docs-test-"));
  try {
    const { script, origins } = await write(read("page.md", text), { directory, address: (as) => as });
    const child = spawn("bash", [script], { cwd: directory, stdio: ["ignore", "ignore", "ignore", "pipe"] });
    let said = "";
    child.stdio[3].on("data", (data) => (said += data));
    const [code] = await once(child, "close");
    const failed = /failed (\d+)/.exec(said);
    return { code, line: failed ? origins[Number(failed[1])] : undefined };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

test("what one block sets the next one has", async () => {
  assert.equal((await outcome(block("sh", "export WORD=there") + block("sh", '[ "$WORD" = there ]'))).code, 0);
});

test("a command that fails is told by its line", async () => {
  assert.deepEqual(await outcome(block("sh", "true\nfalse\ntrue")), { code: 1, line: 4 });
});

test("a variable that nobody set fails the page", async () => {
  assert.notEqual((await outcome(block("sh", 'echo "$NOBODY_SET_THIS"'))).code, 0);
});

test("what is shown must be printed, in its order, whatever the numbers", async () => {
  const asked = (shown) => outcome(block("console", `$ printf 'port 3000\\nsomething\\ncity: Gaspé, 7 km\\n'\n${shown}`));
  assert.equal((await asked("port 41234\ncity: …, 12 km")).code, 0);
  assert.notEqual((await asked("city: …\nport 1")).code, 0);
  assert.notEqual((await asked("port three")).code, 0);
});

test("a block that is to fail must fail, and one that is elsewhere is not run", async () => {
  assert.equal((await outcome(block("sh", "false", "<!-- fails -->"))).code, 0);
  assert.notEqual((await outcome(block("sh", "true", "<!-- fails -->"))).code, 0);
  assert.equal((await outcome(block("sh", "false", "<!-- elsewhere: it says why -->"))).code, 0);
});

test("what is executed instead is what counts", async () => {
  assert.equal((await outcome(block("sh", "false", "<!-- as: true -->"))).code, 0);
  assert.notEqual((await outcome(block("sh", "true", "<!-- as: false -->"))).code, 0);
});

test("a block in no language and a note before no block are mistakes", () => {
  assert.equal(read("page.md", block("", "courant serve")).mistakes.length, 1);
  assert.equal(read("page.md", "<!-- stays -->\nprose\n").mistakes.length, 1);
  assert.equal(read("page.md", block("sh", "true", "<!-- stay -->")).mistakes.length, 1);
});

test("a page that ends leaves nothing running", async () => {
  const directory = await mkdtemp(join(tmpdir(), "courant-docs-test-"));
  const at = join(directory, "pid");
  const stays = block("sh", `echo $$ > ${at}; exec sleep 1000`, "<!-- stays: file:///dev/null -->");
  const text = stays + block("sh", `until [ -s ${at} ]; do sleep 0.1; done`);
  assert.equal((await outcome(text)).code, 0);
  await assert.rejects(run("sh", ["-c", `kill -0 "$(cat ${at})"`]));
  await rm(directory, { recursive: true, force: true });
});
