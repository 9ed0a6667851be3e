// `courant init` before the app, watching its users: it proposes what the configuration beside the app declares.
//
// Requests follow one another, each only once the watch has looked at PostgreSQL's statistics: what ran in between is
// then the request's own. Names in a path are the proposer's to choose, so that paths are compared without them.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { Client } from "../client.js";
import { Difference, expect } from "../report.js";
import { freePort, Service } from "../services.js";

const ROUNDS = 4;
const PATIENCE_MS = 30_000;
/** How often the watch has asked for the statistics. */
const LOOKS = `
  select coalesce(sum(calls), 0)::int as looks from pg_stat_statements
  where query like '%sum(calls)::int8 as calls%' and query not like '%coalesce%'`;

export async function proposal(run) {
  const { app, report, directory } = run;
  if (!run.cached || !directory) {
    return report.skip(app.name, "proposal", "what is proposed", "only where Courant stands before the app");
  }
  await run.postgres.ask(app.database, "create extension if not exists pg_stat_statements");
  const declared = routesOf(await readFile(join(app.directory, "courant.toml"), "utf8"));
  const learnt = await watched(run);
  for (const path of app.proposed) {
    await report.check(app.name, "proposal", path, async () => {
      const committed = found(declared, path, "the configuration beside the app");
      const route = found(
        learnt.routes.filter(({ method }) => method === "GET"),
        path,
        "the proposal",
      );
      expect(route.propose === "declare", `it is not proposed: ${JSON.stringify(route)}`);
      const [wanted, proposed] = [committed.tables, route.depends_on].map((tables) => [...tables].sort().join(", "));
      expect(proposed === wanted, `it proposes ${proposed}; declared is ${wanted}`);
      expect(route.identity?.length !== 0, "it says that all users are answered alike");
      return `${proposed}; ${route.requests} requests, ${route.same_user.same} of ${route.same_user.compared} alike`;
    });
  }
}

/** Has the users ask for their pages through the watch, and returns what it learnt. */
async function watched({ app, direct, databaseUri, postgres, signedIn, directory }) {
  const requests = app.watched.length * ROUNDS;
  const listen = `127.0.0.1:${await freePort()}`;
  const output = join(directory, `${app.database}-proposed.toml`);
  const args = ["init", "--upstream", direct.base, "--database-url", databaseUri, "--listen", listen];
  args.push("--requests", `${requests}`, "--output", output, "--json");
  const env = { ...process.env, ...app.courantEnvironment };
  const watch = new Service("courant init", process.env.COURANT_BIN, args, { cwd: directory, env });
  try {
    await watch.until(() => watch.lines.some((line) => line.includes("watching")));
    const through = new Client(`http://${listen}`);
    for (let asked = 0; asked < requests; asked += 1) {
      const { user, path } = app.watched[asked % app.watched.length];
      const before = await looks(postgres, app);
      const { status } = await through.get(path, signedIn[user]);
      expect(status === 200, `${path} was answered ${status}`);
      if (asked < requests - 1) await looked(postgres, app, before, watch);
    }
    await watch.until(() => watch.lines.includes("}"));
    return JSON.parse(watch.lines.slice(watch.lines.indexOf("{"), watch.lines.indexOf("}") + 1).join("\n"));
  } finally {
    await watch.stop();
  }
}

async function looks(postgres, app) {
  const [{ looks }] = await postgres.ask(app.database, LOOKS);
  return looks;
}

/** Waits until the watch has looked, and once more, since the first look may have begun before the answer. */
async function looked(postgres, app, before, watch) {
  const deadline = Date.now() + PATIENCE_MS;
  while ((await looks(postgres, app)) < before + 2) {
    if (watch.ended() || Date.now() > deadline)
      throw new Difference(`the watch does not look; it said:\n${watch.lines.join("\n")}`);
    await pause(20);
  }
}

/** The routes of a configuration, with the tables that they depend on. */
function routesOf(text) {
  const tables = text.split("[[route]]").slice(1);
  return tables.map((table) => {
    const path = /^path = "([^"]*)"/m.exec(table)[1];
    const entries = /^depends_on = \[([^\]]*)\]/m.exec(table)[1].matchAll(/"([^"]*)"/g);
    return { path, tables: new Set([...entries].map(([, entry]) => /^\w+/.exec(entry)[0])) };
  });
}

function found(routes, path, where) {
  const shape = (path) => path.replace(/\{[^}]*\}/g, "{}");
  const route = routes.find((route) => shape(route.path) === shape(path));
  if (!route) throw new Difference(`${path} is not in ${where}: ${routes.map(({ path }) => path).join(", ")}`);
  return route;
}
