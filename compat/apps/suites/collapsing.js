// The same request twice at once, and twice within 240 ms as the CRM's page does it: the app is asked once.
//
// Counted in the app's own access log, which Courant has no part in.

import { setTimeout as pause } from "node:timers/promises";

import { expect } from "../report.js";

const PAGE_GAP_MS = 120;
let markers = 0;

export async function collapsing(run) {
  const { app, through, report, cached } = run;
  let salt = 0;
  for (const path of app.collapsing) {
    const patterns = {
      "two at once": async (client) => Promise.all([client.get(path), client.as({}).get(path)]),
      "ten at once": async (client) => Promise.all(Array.from({ length: 10 }, () => client.as({}).get(path))),
      "the second shortly after": async (client) => {
        const first = client.get(path);
        await pause(PAGE_GAP_MS);
        return Promise.all([first, client.as({}).get(path)]);
      },
    };
    for (const [name, ask] of Object.entries(patterns)) {
      // Credentials that nobody has used: nothing is kept for them yet.
      const fresh = await app.credentials(run.direct, 2, { salt: `${path} ${(salt += 1)}` });
      const earlier = await asked(run, path);
      const answers = await ask(through.as(fresh));
      const times = (await asked(run, path)) - earlier;
      await report.check(app.name, "collapsing", `${path}, ${name}`, async () => {
        expect(
          answers.every(({ status }) => status === 200),
          `answered ${answers.map(({ status }) => status)}`,
        );
        expect(new Set(answers.map(({ text }) => text)).size === 1, "the answers differ");
        const wanted = cached ? 1 : answers.length;
        expect(times === wanted, `${answers.length} requests cost the app ${times}, not ${wanted}`);
        return `${answers.length} requests, ${times} at the app`;
      });
    }
  }
}

/** How often the app was asked for this path, by its log up to a request that is made for the purpose. */
async function asked({ app, service, direct }, path) {
  markers += 1;
  const marker = `/health?marker=${markers}`;
  await direct.get(marker);
  const requests = () => service.lines.map(app.logged);
  await service.until(() => requests().includes(`GET ${marker}`));
  return requests().filter((request) => request === `GET ${path}`).length;
}
