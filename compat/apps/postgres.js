// A private PostgreSQL for the apps: on a free port of loopback, its log at the logical level, gone with the run.
//
// PostgreSQL refuses root; where root runs this, the cluster belongs to `postgres`, or else to `nobody`.

import { execFile } from "node:child_process";
import { access, chown, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import pg from "pg";

import { freePort, Service } from "./services.js";

const run = promisify(execFile);
const SETTINGS = {
  listen_addresses: "127.0.0.1",
  wal_level: "logical",
  max_wal_senders: "10",
  max_replication_slots: "10",
  log_min_messages: "warning",
  // What `courant init` learns from.
  shared_preload_libraries: "pg_stat_statements",
};

/** Makes a cluster, empty or as a copy of the data directory that is named, and starts it. */
export async function startPostgres({ copyOf } = {}) {
  const programs = process.env.COURANT_PG_BIN;
  const owner = await ownerOfClusters();
  const directory = await mkdtemp(join(tmpdir(), "courant-apps-pg-"));
  if (owner.uid !== undefined) await chown(directory, owner.uid, owner.gid);
  const data = join(directory, "data");
  const made = ["--pgdata", data, "--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C"];
  if (copyOf) await run("cp", ["-a", copyOf, data]);
  else await run(join(programs, "initdb"), made, { ...owner, cwd: directory });
  const port = await freePort();
  const settings = { ...SETTINGS, port, unix_socket_directories: directory };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const server = new Service("postgres", join(programs, "postgres"), ["-D", data, ...flags], {
    ...owner,
    cwd: directory,
  });
  const uri = (database) => `postgresql://postgres@127.0.0.1:${port}/${database}`;
  await server.until(() => answers(uri("postgres")));
  const psql = await firstThatIs([join(programs, "psql"), "/usr/bin/psql", "/usr/local/bin/psql"]);
  return {
    uri,
    port,
    data,
    /** Makes a database and fills it: the schema, then the generator at this scale. */
    async load(database, { directory: app, scale: [setting, value] }) {
      await execute(uri("postgres"), [`create database ${database}`]);
      const texts = await Promise.all(
        ["schema.sql", "generate.sql"].map((name) => readFile(join(app, name), "utf8")),
      );
      await execute(uri(database), [`set ${setting} = '${value}'`, ...texts]);
    },
    /** Runs SQL as somebody beside the app does: by psql, where there is one. */
    async outside(database, sql) {
      if (!psql) return execute(uri(database), [sql]);
      await run(psql, [uri(database), "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--command", sql]);
    },
    async ask(database, sql) {
      return execute(uri(database), [sql]);
    },
    /** Ends it and leaves its data. Fast shutdown: whoever is still connected is sent away. */
    async rest() {
      await server.stop("SIGINT");
    },
    async stop() {
      await server.stop("SIGINT");
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function execute(connectionString, texts) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    let answer;
    for (const text of texts) answer = await client.query(text);
    return answer.rows;
  } finally {
    await client.end();
  }
}

async function answers(connectionString) {
  return execute(connectionString, ["select 1"]).then(
    () => true,
    () => false,
  );
}

async function ownerOfClusters() {
  if (process.getuid() !== 0) return {};
  const users = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  for (const wanted of ["postgres", "nobody"]) {
    const found = users.find(([name]) => name === wanted);
    if (found) return { uid: Number(found[2]), gid: Number(found[3]) };
  }
  throw new Error("root may not run PostgreSQL, and there is neither a user postgres nor nobody");
}

async function firstThatIs(paths) {
  for (const path of paths) {
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return undefined;
}
