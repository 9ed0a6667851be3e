// The servers that are asked: both started as PostgREST is, by the same variables.

import { asker } from "./ask.js";
import { freePort, Service } from "../apps/services.js";
import { resolved, SECRET } from "./tokens.js";

/** What every feature has, unless its file says otherwise. */
const SETTINGS = {
  PGRST_DB_SCHEMAS: "api,shop",
  PGRST_DB_ANON_ROLE: "anon",
  PGRST_DB_EXTRA_SEARCH_PATH: "private",
  PGRST_DB_TX_END: "commit-allow-override",
  PGRST_DB_AGGREGATES_ENABLED: "true",
  PGRST_DB_PLAN_ENABLED: "true",
  PGRST_DB_POOL: "2",
  PGRST_DB_CHANNEL_ENABLED: "false",
  PGRST_JWT_SECRET: SECRET,
  PGRST_LOG_LEVEL: "crit",
};

/** Each server: how it is called, and what starts it beside the settings of both. */
export const SERVERS = {
  postgrest: { title: "PostgREST 12.0.2", program: () => [process.env.POSTGREST_BIN, []], own: {} },
  courant: {
    title: "Courant",
    program: () => [process.env.COURANT_BIN, ["serve", "--log-format", "json"]],
    // Tables are put back behind its back, and the next case must see that.
    own: { COURANT_CACHE_CONSISTENCY: "strict", COURANT_CACHE_CHECK_EVERY: "0" },
  },
};

/** Starts the server with these settings; without what it says when it does not start, an `asker`. */
export async function startServer(name, uri, settings) {
  const { program, own } = SERVERS[name];
  const [port, admin] = [await freePort(), await freePort()];
  const wanted = Object.entries({ ...SETTINGS, ...settings }).filter(([, value]) => value !== null);
  const env = {
    PATH: process.env.PATH,
    LANG: "C.UTF-8",
    ...Object.fromEntries(wanted.map(([key, value]) => [key, resolved(value)])),
    PGRST_DB_URI: uri,
    PGRST_SERVER_HOST: "127.0.0.1",
    PGRST_SERVER_PORT: String(port),
    PGRST_ADMIN_SERVER_PORT: String(admin),
    ...own,
  };
  const [command, args] = program();
  const service = new Service(name, command, args, { env, cwd: "/" });
  const { ask, close } = asker(port);
  try {
    const probe = asker(admin);
    await service.until(() => probe.ask({ path: "/ready" }).then(({ status }) => status === 200, () => false));
    probe.close();
  } catch (error) {
    await service.stop();
    return { name, failure: String(error.message).replaceAll("\n", " "), stop: async () => {} };
  }
  const stop = async () => {
    close();
    await service.stop();
  };
  return { name, ask, stop };
}
