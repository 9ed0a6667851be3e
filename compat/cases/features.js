// The cases: read from `features/*.json`, written back by `--record`.

import { readdir, readFile, writeFile } from "node:fs/promises";

const DIRECTORY = new URL("features/", import.meta.url);
const FIELDS = ["name", "since", "differs", "request", "expect", "writes", "restores"];

/** The features in the order of their files, each with its cases. */
export async function features(only) {
  const files = (await readdir(DIRECTORY)).filter((name) => name.endsWith(".json")).sort();
  const all = await Promise.all(files.map(read));
  const wanted = all.filter(({ name }) => !only || name === only);
  if (wanted.length === 0) throw new Error(`no feature ${only}: there are ${all.map(({ name }) => name).join(", ")}`);
  return wanted;
}

async function read(file) {
  const name = file.replace(/^\d+-|\.json$/g, "");
  const { about, settings = {}, cases } = JSON.parse(await readFile(new URL(file, DIRECTORY), "utf8"));
  const seen = new Set();
  for (const one of cases) {
    if (seen.has(one.name)) throw new Error(`${file}: two cases are called "${one.name}"`);
    const unknown = Object.keys(one).find((field) => !FIELDS.includes(field));
    if (unknown) throw new Error(`${file}: "${one.name}" says ${unknown}`);
    seen.add(one.name);
  }
  return { name, file, about, settings, cases };
}

/** Writes a feature back: what a case asks on one line, what it expects on the next. */
export async function write({ file, about, settings, cases }) {
  const line = (one) => {
    const fields = FIELDS.filter((field) => one[field] !== undefined);
    const texts = fields.map((field) => `${JSON.stringify(field)}: ${JSON.stringify(one[field])}`);
    return `    { ${texts.join(",\n      ")} }`;
  };
  const head = [["about", about], ...(Object.keys(settings).length > 0 ? [["settings", settings]] : [])];
  const fields = head.map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`).join("");
  await writeFile(new URL(file, DIRECTORY), `{\n${fields}  "cases": [\n${cases.map(line).join(",\n")}\n  ]\n}\n`);
}
