// Random writes, one at a time: through Courant, to the app beside it, and by SQL. After each, every read through
// Courant is the answer from before it or the one from after it, never again the earlier once the later was seen, and
// never the earlier past the bound, which is zero after a write through Courant.

import { setTimeout as pause } from "node:timers/promises";

import { Difference, expect, parting } from "../report.js";

/** How old a hit may be (`cache.bound_ms`), counted from a write's own response to the read's start. */
export const BOUND_MS = 1000;
/** After so many writes that went wrong, more of them say nothing new. */
const PROBLEMS_MAX = 5;

export async function freshness(run) {
  const { app, report, random } = run;
  const seen = { reads: 0, hits: 0, late: 0, lagMs: 0 };
  const made = { courant: 0, app: 0, psql: 0 };
  // What the app itself answered after each write, by the read's place in the list.
  const states = [];
  let problems = 0;
  let undo;
  await pause(BOUND_MS);
  states.push({ name: "the beginning", told: await truth(run) });
  for (let k = 1; (k <= run.writes || undo) && problems < PROBLEMS_MAX; k += 1) {
    const via = undo ? "psql" : pick(["courant", "app", "psql"], random);
    const write = undo ?? pick(app.writes.map((one) => one(k, run.signedIn)).filter(isOf(via)), random);
    undo = write.undo && { name: `${write.name}, undone`, sql: write.undo };
    made[via] += 1;
    const name = `write ${k}, by ${via}: ${write.name}`;
    try {
      await step(run, write, via, states, name, seen);
    } catch (error) {
      problems += 1;
      report.note(app.name, "freshness", name, error instanceof Difference ? error.message : error.stack);
      await pause(BOUND_MS);
      states.push({ name, told: await truth(run) });
    }
  }
  const writes = Object.entries(made)
    .map(([via, count]) => `${count} by ${via}`)
    .join(", ");
  const lag = `${seen.late} of the state before, at most ${Math.round(seen.lagMs)} ms after the write`;
  const problem = problems ? `${problems} writes were not shown as they must be (above)` : "";
  report.note(
    app.name,
    "freshness",
    "after each write",
    problem,
    `${writes}; ${seen.reads} reads, ${seen.hits} hits, ${lag}`,
  );
  if (!run.cached) return;
  const few = seen.hits * 10 < seen.reads ? `${seen.hits} of ${seen.reads}: without hits nothing is proven` : "";
  report.note(app.name, "freshness", "hits among the reads", few, `${seen.hits} of ${seen.reads}`);
}

const isOf = (via) => (write) => Boolean(write.sql) === (via === "psql");

function pick(all, random) {
  return all[Math.floor(random() * all.length)];
}

async function step(run, write, via, states, name, seen) {
  if (write.sql) await run.postgres.outside(run.app.database, write.sql);
  else await send(run, via === "courant" ? run.through : run.direct, write.request);
  const acknowledged = performance.now();
  const bound = via === "courant" ? 0 : BOUND_MS;
  const first = run.app.reads.map((read) => once(run, read));
  // Nobody else writes: what the app itself says now is how it stays until the next write.
  const told = await truth(run);
  states.push({ name, told });
  await Promise.all(
    run.app.reads.map((_, at) => settle(run, at, { states, bound, acknowledged, seen, first: first[at] })),
  );
}

async function send({ signedIn }, client, { user, headers, ...request }) {
  const { status, text } = await client.send({ ...request, headers: { ...signedIn[user], ...headers } });
  expect(status < 300, `the write itself was answered ${status}: ${text}`);
}

function truth(run) {
  return Promise.all(run.app.reads.map((read) => ask(run.direct, read, run.signedIn).then(said)));
}

function ask(client, { user, method = "GET", path, json }, signedIn) {
  return client.send({ method, path, json, headers: signedIn[user] });
}

const said = ({ status, text }) => `${status} ${text}`;

async function once(run, read) {
  const began = performance.now();
  const answer = await ask(run.through, read, run.signedIn);
  return { began, told: said(answer), hit: answer.hit };
}

/** Reads a path until it shows the state after the write, and once more. */
async function settle(run, at, { states, bound, acknowledged, seen, first }) {
  const read = run.app.reads[at];
  const [before, after] = states.slice(-2).map(({ told }) => told[at]);
  let next = first;
  for (let confirmed = 0; confirmed < 2;) {
    const { began, told, hit } = await (next ?? once(run, read));
    next = undefined;
    seen.reads += 1;
    seen.hits += hit;
    if (told === after) {
      confirmed += 1;
      continue;
    }
    const age = Math.round(began - acknowledged);
    const wrong = (what) => () =>
      `${read.method ?? "GET"} ${read.path} as user ${read.user}: ${what} (${hit ? "a hit" : "not a hit"}, ` +
      `asked ${age} ms after the write's response): it is ${stateOf(states, at, told)}: ${parting(after, told)}`;
    expect(told === before, wrong("neither the state before nor after"));
    expect(confirmed === 0, wrong("back in time"));
    expect(age <= bound, wrong(`stale past the bound of ${bound} ms`));
    seen.late += 1;
    seen.lagMs = Math.max(seen.lagMs, age);
  }
}

/** Which earlier state an answer is of, if it is of one. */
function stateOf(states, at, told) {
  const found = states.findLast((state) => state.told[at] === told);
  return found ? `the answer after ${found.name}` : "an answer that the app never gave";
}
