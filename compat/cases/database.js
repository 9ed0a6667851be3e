// A private PostgreSQL with one database for each server, both filled alike.

import { readdir, readFile } from "node:fs/promises";

import pg from "pg";

import { startPostgres } from "../apps/postgres.js";

const SCHEMA = new URL("schema/", import.meta.url);
/** What is written is gone with the run; when tables are swept would decide the order of rows. */
const CARELESS = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  autovacuum: "off",
  timezone: "UTC",
};

/** Starts it, with a database of each of these names. */
export async function startDatabases(names) {
  const cluster = await startPostgres();
  const clients = new Map();
  const stop = async () => {
    await Promise.all([...clients.values()].map((client) => client.end()));
    await cluster.stop();
  };
  try {
    for (const [name, value] of Object.entries(CARELESS)) {
      await cluster.ask("postgres", `alter system set ${name} = '${value}'`);
    }
    await cluster.ask("postgres", "select pg_reload_conf()");
    const [access, ...rest] = await texts();
    await cluster.ask("postgres", access);
    for (const name of names) {
      await cluster.ask("postgres", `create database ${name}`);
      await cluster.ask("postgres", `grant create on database ${name} to authenticator`);
      const client = new pg.Client({ connectionString: cluster.uri(name) });
      clients.set(name, client);
      await client.connect();
      // Of the role that the servers connect as, so that Courant may follow the tables.
      await client.query("set role authenticator");
      for (const text of rest) await client.query(text);
      await client.query("reset role");
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    stop,
    /** Where a server of this database connects. */
    uri: (name) => cluster.uri(name).replace("postgres@", "authenticator@"),
    /** Puts back a table of this database. */
    restore: (name, table) => clients.get(name).query("select pristine.restore($1)", [table]),
  };
}

async function texts() {
  const files = (await readdir(SCHEMA)).filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(files.map((name) => readFile(new URL(name, SCHEMA), "utf8")));
}
