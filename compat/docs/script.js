// A page's blocks as one bash script: each in its order, in one shell, so that what one sets the next has.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { dialogue } from "./blocks.js";

const READY = "http://127.0.0.1:3001/ready";

/**
 * Writes the script and what it needs into `directory`. `address` puts this run's ports in place of the page's.
 * Returns the script's path, which line of the page each of its lines is, and what is not executed and why.
 */
export async function write(page, { directory, address }) {
  const parts = join(directory, "parts");
  await mkdir(parts);
  const lines = [];
  const origins = [];
  const put = (line, text) => {
    for (const one of text.split("\n")) origins[lines.push(one)] = line;
  };
  const fragments = [];
  const left = [];
  const ran = [];
  put(0, `set -eEu\nrunner=${quoted(import.meta.dirname)}\n. "$runner/commands.sh"`);
  for (const [index, block] of page.blocks.entries()) {
    const { notes, kind, line, language } = block;
    const text = address(notes.as ?? block.lines.join("\n"));
    const part = join(parts, String(index));
    if (notes.elsewhere !== undefined) {
      left.push({ line, why: notes.elsewhere });
      continue;
    }
    if (notes.file !== undefined) await writeFile(part, text + "\n");
    if (kind === "shown" && notes.file === undefined) continue;
    ran.push(block);
    put(line, `echo ${quoted(`at ${line}`)} >&3`);
    if (notes.ends !== undefined) put(line, `ends ${quoted("the default")}`);
    if (notes.file !== undefined) put(line, `cp ${quoted(part)} ${quoted(notes.file)}`);
    if (language === "toml") {
      if (notes.file === undefined) fragments.push({ line, text });
      else put(line, `courant config check ${quoted(part)}`);
    } else if (kind === "shown") {
      continue;
    } else if (language === "sql") {
      await writeFile(part, text + "\n");
      put(line, `psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --dbname "$PAGE_DATABASE" --file ${quoted(part)}`);
    } else if (language === "console") {
      for (const [turn, { line: at, command, shown }] of dialogue(block).entries()) {
        const name = `${part}.${turn}`;
        await writeFile(name, address(command));
        await writeFile(`${name}.shown`, shown.join("\n"));
        put(at, `shows ${quoted(name)}`);
      }
    } else if (notes.stays !== undefined || notes.fails !== undefined) {
      await writeFile(part, text + "\n");
      if (notes.fails !== undefined) put(line, `fails ${quoted(part)}`);
      else put(line, `stays ${quoted(part)} ${quoted(address(notes.stays || READY))} ${quoted(place(text, notes.stays))}`);
    } else {
      for (const [offset, one] of text.split("\n").entries()) put(notes.as ? line : line + offset, one);
    }
  }
  if (fragments.length) {
    // Together, since one may name what another declares.
    const whole = join(parts, "fragments.toml");
    await writeFile(whole, fragments.map(({ text }) => text + "\n").join("\n"));
    put(fragments[0].line, `echo ${quoted(`at ${fragments[0].line}`)} >&3`);
    put(fragments[0].line, `courant config check ${quoted(whole)}`);
  }
  const script = join(directory, "page.sh");
  await writeFile(script, lines.join("\n") + "\n");
  return { script, origins, left, ran };
}

/** Where it listens, by which those that cannot be there at once are known. */
function place(text, answers) {
  const listen = /--listen[ =]\S*?(\d+)\b/.exec(text)?.[1];
  return listen ?? (/\bcourant (serve|demo|init)\b/.test(text) ? "the default" : answers);
}

function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
