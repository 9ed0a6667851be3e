// Users at the same time on the same paths: each sees what the app itself shows to that user, and nobody's else.

import { setTimeout as pause } from "node:timers/promises";

import { expect, parting } from "../report.js";
import { BOUND_MS } from "./freshness.js";

const ROUNDS = 6;

export async function isolation(run) {
  const { app, direct, through, signedIn, report, random } = run;
  const paths = [...new Set(app.reads.filter(({ method }) => !method).map(({ path }) => path))];
  const asked = [...app.users, undefined].flatMap((user) => paths.map((path) => ({ user, path })));
  await report.check(app.name, "isolation", "users at once on the same paths", async () => {
    // What was written before counts from here on.
    await pause(BOUND_MS);
    const expected = new Map();
    for (const { user, path } of asked) {
      const answer = await direct.get(path, signedIn[user]);
      expected.set(`${user} ${path}`, `${answer.status} ${answer.text}`);
    }
    let hits = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const shuffled = asked
        .map((one) => [random(), one])
        .sort(([a], [b]) => a - b)
        .map(([, one]) => one);
      const found = await Promise.all(shuffled.map(({ user, path }) => through.get(path, signedIn[user])));
      for (const [at, { user, path }] of shuffled.entries()) {
        const said = `${found[at].status} ${found[at].text}`;
        const wanted = expected.get(`${user} ${path}`);
        const who = user ? `user ${user}` : "nobody";
        hits += found[at].hit;
        expect(
          said === wanted,
          () => `${path} as ${who} is not what the app shows them: ${whose(said, path, expected, wanted)}`,
        );
      }
    }
    return `${ROUNDS * asked.length} answers, ${hits} hits`;
  });
}

/** Says whether an answer is another user's, which is worse than a wrong one. */
function whose(said, path, expected, wanted) {
  for (const [key, other] of expected) {
    if (other === said && key.endsWith(` ${path}`)) return `it is the one for user ${key.split(" ")[0]}`;
  }
  return parting(wanted, said);
}
