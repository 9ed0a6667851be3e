// Writers and readers at the same time. Rows are only added, so an answer is a number: it may not be smaller than what
// had been acknowledged (through Courant before the read began, elsewhere a bound before that), nor than what the same
// reader saw of the same path, nor larger than what was begun.

import { Difference } from "../report.js";
import { BOUND_MS } from "./freshness.js";

export async function ledger(run) {
  const { app, report } = run;
  await report.check(app.name, "ledger", "readers beside writers", async () => {
    const entries = [];
    const state = { entries, begun: 0, done: false, hits: 0, reads: 0 };
    const initial = await Promise.all(
      app.ledger.readers.map((reader) => count(run.direct, reader, run).then(({ number }) => number)),
    );
    const each = Math.max(5, Math.floor(run.writes / 3));
    const writers = ["courant", "app", "psql"].map((via) => write(run, state, via, each));
    // Two readers of each path: neither may depend on what the other has seen.
    const readers = [...app.ledger.readers.keys()].flatMap((at) => [
      read(run, state, at, initial),
      read(run, state, at, initial),
    ]);
    const failed = (error) => ((state.done = true), Promise.reject(error));
    await Promise.all(
      [Promise.all(writers).finally(() => (state.done = true)), ...readers].map((work) => work.catch(failed)),
    );
    for (const [at, reader] of app.ledger.readers.entries()) {
      const { number } = await count(run.direct, reader, run);
      if (number !== initial[at] + entries.length) {
        throw new Difference(
          `${reader.path}: ${entries.length} rows were added, the app itself shows ${number - initial[at]}`,
        );
      }
    }
    return `${entries.length} rows added, ${state.reads} reads, ${state.hits} hits`;
  });
}

async function write(run, state, via, times) {
  const { app, postgres, signedIn } = run;
  for (let k = 1; k <= times && !state.done; k += 1) {
    state.begun += 1;
    if (via === "psql") {
      await postgres.outside(app.database, app.ledger.sql(`${via} ${k}`));
    } else {
      const { user, headers, ...request } = app.ledger.request(`${via} ${k}`);
      const client = via === "courant" ? run.through : run.direct;
      const { status, text } = await client.send({ ...request, headers: { ...signedIn[user], ...headers } });
      if (status >= 300) throw new Difference(`a write by ${via} was answered ${status}: ${text}`);
    }
    state.entries.push({ via, at: performance.now() });
  }
}

async function read(run, state, at, initial) {
  const reader = run.app.ledger.readers[at];
  let seen = { number: 0, how: "" };
  do {
    const began = performance.now();
    const owed = state.entries.filter(({ via, at }) => (via === "courant" ? at : at + BOUND_MS) <= began).length;
    const { number, hit } = await count(run.through, reader, run);
    state.reads += 1;
    state.hits += hit;
    const added = number - initial[at];
    const how = `${added} rows added (${hit ? "a hit" : "not a hit"})`;
    if (added < owed) throw new Difference(`${reader.path} shows ${how} where ${owed} had to be seen`);
    if (added > state.begun) throw new Difference(`${reader.path} shows ${how}, but only ${state.begun} were begun`);
    if (number < seen.number) throw new Difference(`${reader.path} went back in time: ${how} after ${seen.how}`);
    seen = { number, how };
  } while (!state.done);
}

async function count(client, reader, { signedIn }) {
  const answer = await client.get(reader.path, signedIn[reader.user]);
  if (answer.status !== 200) throw new Difference(`${reader.path} was answered ${answer.status}: ${answer.text}`);
  return { number: reader.count(answer), hit: answer.hit };
}
