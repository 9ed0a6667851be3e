// What a page's commands find: a PostgreSQL with the field-service example, a directory of their own, the apps that the page
// stands in front of, and free ports in place of the ones that the page names.

import { copyFile, mkdir, mkdtemp, symlink, writeFile } from "node:fs/promises";
import { execFile } from "node:child_process";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

import { crm } from "../apps/crm.js";
import { inbox } from "../apps/inbox.js";
import { startPostgres } from "../apps/postgres.js";
import { freePort } from "../apps/services.js";
import { startStub } from "../apps/stub.js";

const run = promisify(execFile);
const APPS = { inbox, crm };
const CALLS = "2000";
/** The demo's cluster is for its socket only; the pages speak of `localhost`. */
const HBA = `local all all trust
host all all 127.0.0.1/32 trust
host replication all 127.0.0.1/32 trust
`;

const OWNED_BY_THE_APP = `
do $$ declare relation regclass; begin
    for relation in select oid from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm')
    loop execute format('alter table %s owner to app', relation); end loop;
end $$`;

/** Makes the example once: what each page's PostgreSQL is a copy of. */
export async function prepare(scratch) {
  const directory = join(scratch, "example");
  await mkdir(directory);
  const once = ["demo", "--once", "--scale", CALLS, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
  await run(process.env.COURANT_BIN, once, { cwd: directory });
  const data = join(directory, ".courant", "data");
  await writeFile(join(data, "pg_hba.conf"), HBA);
  const postgres = await startPostgres({ copyOf: data });
  await postgres.ask("postgres", "alter database field_service rename to app");
  // Every trace of the demo's own node; and the login that the pages name, which owns what is there.
  await run(process.env.COURANT_BIN, ["uninstall", "--database-url", postgres.uri("app")], { cwd: directory });
  await postgres.ask("postgres", "create role app superuser login");
  await postgres.ask("app", OWNED_BY_THE_APP);
  await postgres.ask("app", "create extension if not exists pg_stat_statements");
  await postgres.rest();
  return postgres;
}

/** Starts what the page needs. `ends` is given what is to be ended, in the order in which it was started. */
export async function surround(page, { example, scratch, ends }) {
  const directory = await mkdtemp(join(scratch, "page-"));
  const work = join(directory, "work");
  const bin = join(directory, "bin");
  await mkdir(work);
  await mkdir(bin);
  await copyFile(join(import.meta.dirname, "courant.sh"), join(bin, "courant"));
  await symlink(join(import.meta.dirname, "../node_modules"), join(work, "node_modules"));
  await symlink(join(import.meta.dirname, "../../examples"), join(work, "examples"));

  const postgres = await startPostgres({ copyOf: example.data });
  ends.push(postgres.stop);
  const ports = new Map([["5432", postgres.port]]);
  await name(ports, "3000");
  await name(ports, "3001");
  for (const needed of page.needs) await start(needed, { postgres, ports, ends });
  for (const [, port] of portsOf(page)) await name(ports, port);

  const address = (text) =>
    text
      .replace(PORT, (whole, before, port) => before + (ports.get(port) ?? port))
      .replace(/@localhost\//g, `@127.0.0.1:${postgres.port}/`);
  const listen = `127.0.0.1:${ports.get("3000")}`;
  const admin = `127.0.0.1:${ports.get("3001")}`;
  const env = {
    ...foreign(),
    PATH: [bin, process.env.PATH].join(delimiter),
    HOME: work,
    PGHOST: "127.0.0.1",
    PGPORT: String(postgres.port),
    PGUSER: "app",
    PGDATABASE: "app",
    PAGE_DATABASE: page.needs.length ? APPS[page.needs[0]].database : "app",
    DOCS_BIN: process.env.COURANT_BIN,
    DOCS_LISTEN: listen,
    DOCS_ADMIN: admin,
    COURANT_LISTEN: listen,
    COURANT_ADMIN_LISTEN: admin,
    COURANT_LOG_FORMAT: "human",
    JWT_SECRET: inbox.courantEnvironment.COURANT_JWT_SECRET,
  };
  return { directory, work, env, address };
}

/** A port where the pages name one: behind an address, as a flag, or as a variable. */
const PORT = /((?:127\.0\.0\.1|0\.0\.0\.0|localhost):|--port[ =]|\bPORT=)(\d{4})\b/g;

function portsOf(page) {
  const texts = page.blocks.flatMap(({ lines, notes }) => [...lines, ...Object.values(notes)]);
  return [...texts.join("\n").matchAll(PORT)].map(([, , port]) => [port, port]);
}

async function name(ports, port) {
  if (!ports.has(port)) ports.set(port, await freePort());
}

/** One of the example apps, at the port that its own configuration names. */
async function start(needed, { postgres, ports, ends }) {
  const app = APPS[needed];
  if (!app) throw new Error(`a page needs ${needed}; there are ${Object.keys(APPS).join(", ")}`);
  await postgres.load(app.database, { directory: app.directory, scale: app.scales.test });
  const port = await freePort();
  ports.set(new URL(app.upstream).port, port);
  const stub = await startStub();
  ends.push(stub.stop);
  const databaseUri = postgres.uri(app.database);
  const service = app.start({ port, databaseUri, stub });
  ends.push(() => service.stop());
  await service.until(() => answers(`http://127.0.0.1:${port}/health`));
}

async function answers(url) {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** The caller's environment, without what would configure the page's own. */
function foreign() {
  const ours = /^(PG|DATABASE_URL|COURANT_(?!PG_BIN$))/;
  return Object.fromEntries(Object.entries(process.env).filter(([variable]) => !ours.test(variable)));
}
