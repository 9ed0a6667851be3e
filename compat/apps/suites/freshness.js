// Random writes, one at a time: through Courant, to the app beside it, and by SQL. After each, every read through
// Courant is the answer from before it or the one from after it, never again the earlier once the later was seen, and
// never the earlier past the bound, which is zero after a write through Courant.

import { Difference, expect, parting } from "../report.js";

/** How old a hit may be (`cache.bound_ms`), counted from a write's own response to the read's start. */
export const BOUND_MS = 1000;

export async function freshness(run) {
  const { app, report, writes, random } = run;
  const seen = { reads: 0, hits: 0, late: 0, lagMs: 0 };
  const routes = { courant: 0, app: 0, psql: 0 };
  let undo;
  let before = await truth(run);
  await report.check(app.name, "freshness", "reads before any write", async () => {
    await settle(run, { before, after: before, bound: 0, acknowledged: performance.now(), seen });
  });
  for (let k = 1; k <= writes || undo; k += 1) {
    const via = undo ? "psql" : pick(["courant", "app", "psql"], random);
    const possible = app.writes.map((write) => write(k, run.signedIn)).filter(({ sql }) => Boolean(sql) === (via === "psql"));
    const write = undo ?? pick(possible, random);
    undo = write.undo && { name: `${write.name}, undone`, sql: write.undo };
    const problem = await step(run, write, via, before, seen).then(
      (after) => ((before = after), ""),
      (error) => (error instanceof Difference ? error.message : error.stack),
    );
    routes[via] += 1;
    if (problem) {
      report.note(app.name, "freshness", `write ${k}, by ${via}: ${write.name}`, problem);
      before = await truth(run);
    }
  }
  const made = `${routes.courant} through Courant, ${routes.app} by the app, ${routes.psql} by psql`;
  const looked = `${seen.reads} reads, ${seen.hits} hits, ${seen.late} showed the state before, at most ${Math.round(seen.lagMs)} ms after`;
  report.note(app.name, "freshness", "after each write", "", `${made}; ${looked}`);
  if (run.cached) {
    const enough = seen.hits > seen.reads / 10;
    report.note(app.name, "freshness", "hits among the reads", enough ? "" : `${seen.hits} of ${seen.reads}: nothing is proven without hits`, `${seen.hits}`);
  }
}

function pick(all, random) {
  return all[Math.floor(random() * all.length)];
}

async function step(run, write, via, before, seen) {
  if (write.sql) await run.postgres.outside(run.app.database, write.sql);
  else await send(run, via === "courant" ? run.through : run.direct, write.request);
  const acknowledged = performance.now();
  const bound = via === "courant" ? 0 : BOUND_MS;
  // Nobody else writes: what the app itself says now is how it stays until the next write.
  const first = run.app.reads.map((read) => once(run, read));
  const after = await truth(run);
  await settle(run, { before, after, bound, acknowledged, seen, first });
  return after;
}

async function send({ signedIn }, client, { user, headers, ...request }) {
  const { status, text } = await client.send({ ...request, headers: { ...signedIn[user], ...headers } });
  expect(status < 300, `the write itself was answered ${status}: ${text}`);
}

function truth(run) {
  return Promise.all(run.app.reads.map((read) => ask(run.direct, read, run.signedIn).then(told)));
}

function ask(client, { user, method = "GET", path, json }, signedIn) {
  return client.send({ method, path, json, headers: signedIn[user] });
}

const told = ({ status, text }) => `${status} ${text}`;

async function once(run, read) {
  const began = performance.now();
  const answer = await ask(run.through, read, run.signedIn);
  return { began, said: told(answer), hit: answer.hit };
}

/** Reads each path until it shows the state after the write, and once more. */
async function settle(run, { before, after, bound, acknowledged, seen, first = [] }) {
  await Promise.all(run.app.reads.map((read, at) => settleOne(at)));

  async function settleOne(at) {
    const read = run.app.reads[at];
    const name = `${read.method ?? "GET"} ${read.path} as user ${read.user}`;
    let arrived = false;
    for (let confirmed = 0; confirmed < 2; ) {
      const { began, said, hit } = (await first[at]) ?? (await once(run, read));
      delete first[at];
      seen.reads += 1;
      seen.hits += hit;
      const age = began - acknowledged;
      const how = `${hit ? "a hit" : "not a hit"}, asked ${Math.round(age)} ms after the write's response`;
      if (said === after[at]) {
        arrived = true;
        confirmed += 1;
        continue;
      }
      expect(said === before[at], () => `${name}: neither the state before nor after (${how}): ${parting(after[at], said)}`);
      expect(!arrived, () => `${name}: back in time (${how}): ${parting(after[at], said)}`);
      expect(age <= bound, () => `${name}: stale past the bound of ${bound} ms (${how}): ${parting(after[at], said)}`);
      seen.late += 1;
      seen.lagMs = Math.max(seen.lagMs, age);
    }
  }
}
