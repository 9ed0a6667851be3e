// Drives the example apps direct and through Courant, and prints what was looked at and what differed.
//
//   run                      every suite; exits 1 where something differed
//   run --direct-only        without Courant: that the apps and the driver work
//   run --measure            the reports' pages, before and after, at the default scale
//
// Everything it needs it starts, on free ports, and ends: PostgreSQL, the apps, the model's stub, Courant.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { Client } from "./client.js";
import { startCourant, untilHit } from "./courant.js";
import { crm } from "./crm.js";
import { inbox } from "./inbox.js";
import { measure, printed } from "./measure.js";
import { startPostgres } from "./postgres.js";
import { Report } from "./report.js";
import { freePort } from "./services.js";
import { startStub } from "./stub.js";
import { assistant } from "./suites/assistant.js";
import { collapsing } from "./suites/collapsing.js";
import { conditional } from "./suites/conditional.js";
import { freshness } from "./suites/freshness.js";
import { isolation } from "./suites/isolation.js";
import { ledger } from "./suites/ledger.js";
import { sameness } from "./suites/sameness.js";
import { withdrawal } from "./suites/withdrawal.js";

const APPS = { inbox, crm };
const SUITES = { sameness, isolation, conditional, collapsing, assistant, withdrawal, freshness, ledger };
const FLAGS = {
  "direct-only": { type: "boolean", default: false },
  measure: { type: "boolean", default: false },
  app: { type: "string", multiple: true, default: Object.keys(APPS) },
  suite: { type: "string", multiple: true, default: Object.keys(SUITES) },
  writes: { type: "string", default: "60" },
  seed: { type: "string", default: "1" },
  json: { type: "string" },
  help: { type: "boolean", default: false },
};
const HELP = `Flags:
  --direct-only      without Courant
  --measure          p50 of the reports' pages at the default scale
  --app NAME         only this app (${Object.keys(APPS).join(", ")}); may be repeated
  --suite NAME       only this suite (${Object.keys(SUITES).join(", ")}); may be repeated
  --writes N         how many random writes to each app (60)
  --seed N           which ones (1)
  --json FILE        the results, for programs`;

const { values: flags } = parseArgs({ options: FLAGS });
if (flags.help) console.log(HELP);
else process.exitCode = await main();

async function main() {
  const ends = [];
  const report = new Report();
  const measured = [];
  try {
    const directory = await mkdtemp(join(tmpdir(), "courant-apps-"));
    ends.push(() => rm(directory, { recursive: true, force: true }));
    const postgres = await startPostgres();
    ends.push(postgres.stop);
    const stub = await startStub();
    ends.push(stub.stop);
    for (const name of flags.app) {
      const run = await start(named(APPS, name), { postgres, stub, directory, report, ends });
      if (flags.measure) measured.push(...(await measure(run)));
      else for (const suite of flags.suite) await named(SUITES, suite)(run);
    }
  } finally {
    for (const end of ends.reverse()) await end();
  }
  if (flags.measure) console.log(printed(measured));
  else report.print();
  if (flags.json) await writeFile(flags.json, JSON.stringify(flags.measure ? measured : report.rows, null, 2));
  return report.failed() ? 1 : 0;
}

/** Loads an app's database, starts the app and Courant before it, and signs its users in. */
async function start(app, { postgres, stub, directory, report, ends }) {
  await postgres.load(app.database, { directory: app.directory, scale: app.scales[flags.measure ? "full" : "test"] });
  const databaseUri = postgres.uri(app.database);
  const port = await freePort();
  const appUrl = `http://127.0.0.1:${port}`;
  const service = app.start({ port, databaseUri, stub });
  ends.push(() => service.stop());
  await service.until(() => healthy(appUrl));
  const direct = new Client(appUrl);
  const signedIn = {};
  for (const user of app.users) signedIn[user] = await app.credentials(direct, user);
  const cached = !flags["direct-only"];
  let through = new Client(appUrl);
  if (cached) {
    const courant = await startCourant({ app, databaseUri, appUrl, directory, probe: healthy });
    ends.push(() => courant.service.stop());
    through = new Client(courant.url);
    const { user, path } = app.reads[0];
    report.note(app.name, "start", `a declared route becomes a hit`, await untilHit(through, path, signedIn[user]));
  }
  const writes = Number(flags.writes);
  return { app, service, direct, through, signedIn, cached, writes, stub, postgres, report, random: randomFrom(Number(flags.seed)) };
}

async function healthy(url) {
  return new Client(url).get("/health").then(
    ({ status }) => status === 200,
    () => false,
  );
}

function named(all, name) {
  if (!Object.hasOwn(all, name)) throw new Error(`${name} is none of ${Object.keys(all).join(", ")}`);
  return all[name];
}

/** Numbers from 0 to below 1, the same for the same seed (xorshift32). */
function randomFrom(seed) {
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
