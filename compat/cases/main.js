// Asks both servers every case, and judges the answers.
//
//   --only FEATURE   that feature alone          --case NAME      cases whose names contain this
//   --courant-only   PostgREST is not asked      --json FILE      every answer that was wrong, for a program
//   --record         what PostgREST 12.0.2 answers becomes what is expected, in cases that expect nothing yet
//                    (with --only or --case: in all of them but those that say `differs` or `since`)

import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { startDatabases } from "./database.js";
import { differences, recorded } from "./expectation.js";
import { features, write } from "./features.js";
import { pending, report, unexpected } from "./report.js";
import { SERVERS, startServer } from "./servers.js";

const READS = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

const { values: flags } = parseArgs({
  options: {
    only: { type: "string" },
    case: { type: "string" },
    json: { type: "string" },
    "courant-only": { type: "boolean", default: false },
    record: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

/** Features of equal settings share their servers. */
function groups(all) {
  const found = new Map();
  for (const feature of all) {
    const key = JSON.stringify(feature.settings);
    found.set(key, [...(found.get(key) ?? []), feature]);
  }
  return [...found.values()];
}

/** The tables that a case writes to: those it names, else the one of its path. */
function written({ request, writes, restores }) {
  if (restores) return restores;
  const method = request.method ?? "GET";
  const [, table] = /^(?:\/rest\/v1)?\/([^/?]+)/.exec(request.path) ?? [];
  return writes === false || READS.has(method) || table === "rpc" || !table ? [] : [decodeURIComponent(table)];
}

async function run(databases, server, all) {
  const results = [];
  for (const feature of all) {
    for (const one of feature.cases) {
      if (server.name === "postgrest" && one.since) continue;
      results.push({ feature: feature.name, case: one, server: server.name, ...(await attempted(databases, server, one)) });
    }
  }
  return results;
}

async function judge(databases, server, one) {
  try {
    const answer = await server.ask(one.request);
    const got = recorded(answer);
    if (flags.record) return { got, wrong: [] };
    const wrong = differences(one, answer);
    // What was right once must be right again: the second answer may be a kept one.
    if (wrong.length > 0 || server.name !== "courant" || (one.request.method ?? "GET") !== "GET") return { got, wrong };
    const again = differences(one, await server.ask(one.request));
    return { got, wrong: again.map(([what, ...rest]) => [`again: ${what}`, ...rest]) };
  } finally {
    for (const table of written(one)) await databases.restore(server.name, table);
  }
}

/** What an answer that never came is judged to be. */
async function attempted(databases, server, one) {
  if (server.failure) return { wrong: [["start", "a server", server.failure]] };
  try {
    return await judge(databases, server, one);
  } catch (error) {
    return { wrong: [["answer", "one", String(error.message)]] };
  }
}

async function record(all, results) {
  const chosen = flags.only || flags.case;
  for (const { case: one, got } of results) {
    if (got && !one.since && !one.differs && (chosen || !one.expect)) one.expect = got;
  }
  for (const feature of all) await write({ ...feature, cases: feature.written });
}

async function main() {
  const asked = flags["courant-only"] ? ["courant"] : flags.record ? ["postgrest"] : Object.keys(SERVERS);
  const all = await features(flags.only);
  for (const feature of all) {
    feature.written = feature.cases;
    feature.cases = feature.cases.filter(({ name }) => !flags.case || name.includes(flags.case));
  }
  const databases = await startDatabases(asked);
  const start = (group) =>
    group && Promise.all(asked.map((name) => startServer(name, databases.uri(name), group[0].settings)));
  const results = [];
  try {
    const waiting = groups(all.filter(({ cases }) => cases.length > 0));
    let next = start(waiting[0]);
    for (let at = 0; at < waiting.length; at += 1) {
      const servers = await next;
      next = start(waiting[at + 1]);
      const found = await Promise.all(servers.map((server) => run(databases, server, waiting[at])));
      results.push(...found.flat());
      await Promise.all(servers.map((server) => server.stop()));
    }
  } finally {
    await databases.stop();
  }
  if (flags.record) return record(all, results);
  const known = await pending();
  report(all, results, known, asked);
  if (flags.json) await writeFile(flags.json, JSON.stringify(results.filter(({ wrong }) => wrong.length > 0), null, 1));
  const errors = unexpected(all, results, known, { whole: !flags.only && !flags.case });
  for (const error of errors) console.error(error);
  process.exitCode = errors.length > 0 ? 1 : 0;
}

if (flags.help) {
  console.log("compat/cases/run [--only FEATURE] [--case NAME] [--courant-only] [--json FILE] [--record]");
} else {
  await main();
}
