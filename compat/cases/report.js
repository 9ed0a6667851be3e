// What came out: a table, a line or two for every answer that was wrong, and whether the run failed.
//
// `pending.json` names the cases that Courant does not pass yet, by their cause: `{cause: ["feature: case", …]}`.

import { readFile } from "node:fs/promises";

const WIDEST = 300;

/** The causes of the cases that are known to fail. */
export async function pending() {
  const causes = JSON.parse(await readFile(new URL("pending.json", import.meta.url), "utf8"));
  return new Map(Object.entries(causes).flatMap(([cause, names]) => names.map((name) => [name, cause])));
}

const key = ({ feature, case: { name } }) => `${feature}: ${name}`;
const isRight = ({ wrong }) => wrong.length === 0;
/** Whether the documentation of later versions says otherwise than PostgREST 12.0.2 answers. */
const isDifference = ({ server, case: { differs } }) => server === "postgrest" && differs !== undefined;

/** Prints the table and the failures. */
export function report(all, results, known, servers) {
  const counts = (name, server) => {
    const of = results.filter((result) => result.feature === name && result.server === server);
    const right = of.filter(isRight).length;
    const expected = of.filter((one) => !isRight(one) && (isDifference(one) || isPending(one, known))).length;
    return [right, of.length - right - expected, expected];
  };
  const heads = servers.flatMap((server) => [server, "failed", server === "postgrest" ? "differs" : "pending"]);
  const rows = all.map(({ name, cases }) => [name, cases.length, ...servers.flatMap((server) => counts(name, server))]);
  const sums = rows[0].map((_, at) => (at === 0 ? "all" : rows.reduce((sum, row) => sum + row[at], 0)));
  const line = ([name, ...numbers]) => name.padEnd(18) + numbers.map((number) => String(number).padStart(10)).join("");
  console.log([line(["feature", "cases", ...heads]), ...rows.map(line), line(sums)].join("\n"));
  for (const result of results) {
    if (isRight(result) || isDifference(result) || isPending(result, known)) continue;
    const { method = "GET", path } = result.case.request;
    console.log(`\n${result.server}  ${key(result)}\n  ${method} ${path}`);
    for (const [what, expected, got] of result.wrong) {
      console.log(`  ${what}: expected ${short(expected)}\n  ${" ".repeat(what.length)}       got ${short(got)}`);
    }
  }
}

const isPending = (result, known) => result.server === "courant" && known.has(key(result));

function short(value) {
  const text = JSON.stringify(value);
  return text.length > WIDEST ? `${text.slice(0, WIDEST)}…` : text;
}

/** What makes the run fail: an answer that nobody expects to be wrong, or a list that is out of date. */
export function unexpected(all, results, known, { whole }) {
  const names = new Set(all.flatMap(({ name, written }) => written.map((one) => `${name}: ${one.name}`)));
  const wrong = results.filter((one) => !isRight(one) && !isDifference(one) && !isPending(one, known));
  const early = results.filter((one) => isRight(one) && isPending(one, known));
  const stale = results.filter((one) => isRight(one) && isDifference(one));
  const gone = whole ? [...known.keys()].filter((name) => !names.has(name)) : [];
  return [
    ...(wrong.length > 0 ? [`${wrong.length} answers are wrong`] : []),
    ...early.map((one) => `passes, and is still in pending.json: ${key(one)}`),
    ...stale.map((one) => `says \`differs\`, and PostgREST 12.0.2 answers as expected: ${key(one)}`),
    ...gone.map((name) => `is in pending.json, and there is no such case: ${name}`),
  ];
}
