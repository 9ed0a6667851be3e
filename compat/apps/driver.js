// Drives the example apps direct and through Courant, and prints what was looked at and what differed.
//
//   run                      every suite; exits 1 where something differed
//   run --direct-only        without Courant: that the apps and the driver work
//   run --measure            the reports' pages, before and after, at the default scale
//   run --impostors          that the suites notice proxies that break a promise
//
// Everything it needs it starts, on free ports, and ends: PostgreSQL, the apps, the model's stub, Courant.

import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { Client } from "./client.js";
import { startCourant, untilHit } from "./courant.js";
import { crm } from "./crm.js";
import { IMPOSTORS, misjudged, startImpostor } from "./impostors.js";
import { inbox } from "./inbox.js";
import { measure, printed } from "./measure.js";
import { startPostgres } from "./postgres.js";
import { remix } from "./remix.js";
import { Report } from "./report.js";
import { freePort } from "./services.js";
import { startStub } from "./stub.js";
import { assistant } from "./suites/assistant.js";
import { collapsing } from "./suites/collapsing.js";
import { conditional } from "./suites/conditional.js";
import { freshness } from "./suites/freshness.js";
import { isolation } from "./suites/isolation.js";
import { ledger } from "./suites/ledger.js";
import { proposal } from "./suites/proposal.js";
import { sameness } from "./suites/sameness.js";
import { withdrawal } from "./suites/withdrawal.js";

const APPS = { inbox, crm, remix };
const SUITES = { sameness, isolation, conditional, collapsing, assistant, withdrawal, proposal, freshness, ledger };
const FLAGS = {
  "direct-only": { type: "boolean", default: false },
  measure: { type: "boolean", default: false },
  impostors: { type: "boolean", default: false },
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
  --impostors        that the suites notice proxies that break a promise
  --app NAME         only this app (${Object.keys(APPS).join(", ")}); may be repeated
  --suite NAME       only this suite (${Object.keys(SUITES).join(", ")}); may be repeated
  --writes N         how many random writes to each app (60)
  --seed N           which ones (1)
  --json FILE        the results, for programs`;

const { values: flags } = parseArgs({ options: FLAGS });
if (flags.help) console.log(HELP);
else process.exitCode = await main();

async function main() {
  const alone = flags["direct-only"] || flags.impostors;
  if (!alone && !existsSync(process.env.COURANT_BIN)) {
    console.error(`no binary at ${process.env.COURANT_BIN}: cargo build -p courant, or --direct-only`);
    return 1;
  }
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
      const app = named(APPS, name);
      // One app that does not start leaves the other to be looked at.
      await report.check(app.name, "run", "to its end", async () => {
        const run = await start(app, { postgres, stub, report, ends });
        if (flags.impostors) return judge(run);
        const before = await behindCourant(run, directory, ends);
        if (flags.measure) measured.push(...(await measure(before)));
        else await drive(before, flags.suite);
      });
    }
  } finally {
    for (const end of ends.reverse()) await end();
  }
  if (flags.measure) console.log(printed(measured));
  if (!flags.measure || report.failed()) report.print();
  if (flags.json) await writeFile(flags.json, JSON.stringify(flags.measure ? measured : report.rows, null, 2));
  return report.failed() ? 1 : 0;
}

async function drive(run, suites) {
  for (const suite of suites) {
    const work = named(SUITES, suite);
    if (!run.app.without?.includes(suite)) await work(run);
  }
}

/** Loads an app's database, starts the app, and signs its users in. */
async function start(app, { postgres, stub, report, ends }) {
  await postgres.load(app.database, { directory: app.data ?? app.directory, scale: app.scales[flags.measure ? "full" : "test"] });
  const databaseUri = postgres.uri(app.database);
  const port = await freePort();
  const service = app.start({ port, databaseUri, stub });
  ends.push(() => service.stop());
  const appUrl = `http://127.0.0.1:${port}`;
  await service.until(() => healthy(appUrl));
  const direct = new Client(appUrl);
  const signedIn = {};
  for (const user of app.users) signedIn[user] = await app.credentials(direct, user);
  const writes = Number(flags.writes);
  return {
    app,
    service,
    databaseUri,
    direct,
    signedIn,
    writes,
    stub,
    postgres,
    report,
    random: randomFrom(flags.seed),
  };
}

/** Puts Courant before a run's app; with --direct-only, nothing. */
async function behindCourant(run, directory, ends) {
  const { app, databaseUri, direct, signedIn, report } = run;
  if (flags["direct-only"]) return { ...run, through: new Client(direct.base), cached: false };
  const courant = await startCourant({ app, databaseUri, appUrl: direct.base, directory, probe: healthy });
  ends.push(() => courant.service.stop());
  const through = new Client(courant.url);
  const { user, path } = app.reads[0];
  report.note(app.name, "start", "a declared route becomes a hit", await untilHit(through, path, signedIn[user]));
  return { ...run, through, directory, cached: true };
}

/** Puts each impostor before a run's app, and notes where the suites judge it wrongly. */
async function judge(run) {
  for (const [name, how] of Object.entries(IMPOSTORS)) {
    if (how.app && how.app !== run.app.name) continue;
    const suites = [...(how.noticed ?? []), ...(how.clean ?? [])];
    const impostor = await startImpostor(how, run.direct.base);
    const found = new Report(() => {});
    await drive({ ...run, report: found, through: new Client(impostor.url), cached: true }, suites);
    await impostor.stop();
    const wrong = misjudged(how, found);
    run.report.note(run.app.name, "impostors", name, wrong, `${suites.join(", ")}: ${found.failed()} checks failed`);
  }
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
  let state = (Number(seed) * 2654435761 + 1) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
