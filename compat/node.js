// A node under test: the binary in front of a private PostgreSQL, and clients of it as apps make them.
//
// Everything lives in a temporary directory and ends with the tests.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { createClient } from "@supabase/supabase-js";
import pg from "pg";

const SECRET = "a secret that is at least thirty-two bytes long";
/** How long anything may take before the tests give up. */
const PATIENCE_MS = 60_000;
/** How old a hit may be (`cache.bound_ms`). */
export const BOUND_MS = 1000;

/** A token for these claims, signed as Supabase signs. */
function token(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
}

/** The key that an app is shipped with. */
export const ANON_KEY = token({ role: "anon", iss: "supabase" });

/** Starts the binary on an empty private cluster, loads the schema, and waits until answers are kept. */
export async function start() {
  const directory = await mkdtemp(join(tmpdir(), "courant-compat-"));
  // Where root runs the tests, the database's user must get through to its own, closed directory in it.
  await chmod(directory, 0o755);
  const remove = () => rm(directory, { recursive: true, force: true });
  const { server, clients, uri } = await serve(directory).catch(async (error) => {
    await remove();
    throw error;
  });
  const outside = new pg.Client({ connectionString: uri, ssl: false });
  const stop = async () => {
    await outside.end();
    if (server.exitCode === null && server.signalCode === null) {
      server.kill("SIGTERM");
      await once(server, "exit");
    }
    await remove();
  };
  const url = `http://${clients}`;
  const node = { url, outside, stop, client: (user) => client(url, user) };
  try {
    await outside.connect();
    await outside.query(await readFile(new URL("schema.sql", import.meta.url), "utf8"));
    const { db, last } = node.client();
    // Refused until the new schema is served, kept as soon as its changes are followed.
    await until(async () => (await db.from("tags").select()).error === null && last.isHit());
  } catch (error) {
    await stop();
    throw error;
  }
  return node;
}

/** Starts the process, and reads from its log where it listens and how its database is reached. */
async function serve(directory) {
  // Nothing of the caller's environment configures it, but for where PostgreSQL's programs are.
  const harmless = (name) => name === "COURANT_PG_BIN" || !/^(PG|COURANT_)/.test(name);
  const given = Object.entries(process.env).filter(([name]) => harmless(name));
  const env = { ...Object.fromEntries(given), PGRST_DB_ANON_ROLE: "anon", PGRST_JWT_SECRET: SECRET };
  const listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-format", "json"];
  const server = spawn(process.env.COURANT_BIN, ["serve", ...listen], {
    cwd: directory,
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  // Should the tests end before their time, so does the server, and with it its database.
  process.once("exit", () => server.kill("SIGTERM"));
  process.once("SIGTERM", () => process.exit(1));
  const said = [];
  let uri;
  for await (const line of createInterface({ input: server.stderr })) {
    said.push(line);
    const fields = fieldsOf(line);
    uri ??= /psql "(postgresql:[^"]+)"/.exec(fields?.message)?.[1];
    if (uri && fields?.clients) {
      server.stderr.resume();
      return { server, clients: fields.clients, uri };
    }
  }
  throw new Error(`it never listened; it said:\n${said.join("\n")}`);
}

function fieldsOf(line) {
  try {
    return JSON.parse(line).fields;
  } catch {
    return undefined; // Not an event: a crash speaks in plain text.
  }
}

/**
 * A client as an app makes it, and what the server said beside the last answer. Without a user it has the
 * anonymous key alone; with one, that user's token.
 */
function client(url, user) {
  const last = {
    headers: new Headers(),
    cache: () => last.headers.get("cache-status"),
    isHit: () => last.cache() === "courant; hit",
  };
  const options = {
    auth: { persistSession: false, autoRefreshToken: false },
    global: {
      fetch: async (...request) => {
        const response = await fetch(...request);
        last.headers = response.headers;
        return response;
      },
    },
  };
  if (user) {
    const claims = { role: "authenticated", aud: "authenticated", sub: user };
    options.accessToken = async () => token({ ...claims, exp: Math.floor(Date.now() / 1000) + 3600 });
  }
  return { db: createClient(url, ANON_KEY, options), last };
}

/** Asks until the answer is yes; fails if it is still no after that time. */
export async function until(holds, ms = PATIENCE_MS) {
  const deadline = Date.now() + ms;
  for (;;) {
    // Read before asking: the question asked last began after the deadline.
    const late = Date.now() > deadline;
    if (await holds()) return;
    assert.ok(!late, `not within ${ms} ms`);
  }
}

/** Asks, each time expecting the same, until the client's answer comes from the cache. */
export async function kept({ last }, ask) {
  await until(async () => {
    await ask();
    return last.isHit();
  });
}

/** The data of an answer that must not be an error. */
export async function data(asked) {
  const answer = await asked;
  assert.equal(answer.error, null, JSON.stringify(answer));
  return answer.data;
}
