// The binary under test in front of one app, configured by the file that lies beside the app.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { freePort, Service } from "./services.js";

const PATIENCE_MS = 30_000;

/** Starts it, and waits until it passes requests on. */
export async function startCourant({ app, databaseUri, appUrl, directory, probe }) {
  const declared = await readFile(join(app.directory, "courant.toml"), "utf8");
  const config = join(directory, `${app.database}.toml`);
  if (!declared.includes(`"${app.upstream}"`))
    throw new Error(`the configuration of ${app.name} names no ${app.upstream}`);
  // Only where the app listens is another than in the file.
  await writeFile(config, declared.replace(app.upstream, appUrl));
  const [port, adminPort] = [await freePort(), await freePort()];
  const env = { ...process.env, ...app.courantEnvironment, DATABASE_URL: databaseUri };
  const listen = [
    "--listen",
    `127.0.0.1:${port}`,
    "--admin-listen",
    `127.0.0.1:${adminPort}`,
    "--log-format",
    "json",
  ];
  const args = ["serve", "--config", config, "--database-url", databaseUri, ...listen];
  const service = new Service(`courant before ${app.name}`, process.env.COURANT_BIN, args, { cwd: directory, env });
  const url = `http://127.0.0.1:${port}`;
  await service.until(() => probe(url));
  return { service, url };
}

/** Asks until an answer is a hit; says what it said instead, if it never is. */
export async function untilHit(client, path, headers) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const { status, hit, headers: said } = await client.get(path, headers);
    if (hit) return "";
    if (Date.now() > deadline) {
      return `${path} never was a hit in ${PATIENCE_MS / 1000} s: ${status}, Cache-Status: ${said["cache-status"] ?? "(none)"}`;
    }
    await pause(50);
  }
}
