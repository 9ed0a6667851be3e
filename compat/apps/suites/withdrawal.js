// What the app refuses, Courant refuses: a token past its time, a session that was ended.

import { setTimeout as pause } from "node:timers/promises";

import { expect } from "../report.js";

const TOKEN_LIFETIME_S = 2;

export async function withdrawal(run) {
  const { app, report, direct, through } = run;
  if (app.name === "inbox-fastapi") {
    await report.check(app.name, "withdrawal", "a token past its time", async () => {
      const short = await app.credentials(direct, 1, { lifetimeS: TOKEN_LIFETIME_S });
      const [first, second] = [await through.get("/accounts", short), await through.get("/accounts", short)];
      expect(
        first.status === 200 && second.status === 200,
        `a good token was answered ${first.status}, ${second.status}`,
      );
      await pause((TOKEN_LIFETIME_S + 1) * 1000);
      const late = await through.get("/accounts", short);
      expect(late.status === 401, `answered ${late.status}${late.hit ? " from the cache" : ""} after its time`);
    });
    return;
  }
  for (const [via, client] of [
    ["courant", through],
    ["app", direct],
  ]) {
    await report.check(app.name, "withdrawal", `signed out (${via})`, async () => {
      const fresh = await app.credentials(direct, 2);
      const { path, request, status } = app.signingOut;
      const get = () => through.get(path, fresh);
      const before = [await get(), await get()];
      expect(
        before.every(({ status }) => status === 200),
        `a good session was answered ${before.map(({ status }) => status)}`,
      );
      const out = await client.send({ ...request, headers: { ...fresh, ...request.headers } });
      expect(out.status === status, `signing out was answered ${out.status}`);
      if (via === "app") await pause(1000);
      const after = await get();
      expect(after.status === 401, `answered ${after.status}${after.hit ? " from the cache" : ""} after signing out`);
    });
  }
}
