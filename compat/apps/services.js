// The processes of a run: started, waited for, read from, and ended with it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

import { Difference } from "./report.js";

const PATIENCE_MS = 60_000;
const TAIL_LINES = 30;
const running = new Set();
process.once("exit", () => running.forEach((child) => child.kill("SIGTERM")));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

/** Given out already: what was told one of them may not listen on it yet. */
const given = new Set();

/** A port of loopback that nobody listens on, another one each time. */
export async function freePort() {
  for (;;) {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address();
    server.close();
    await once(server, "close");
    if (!given.has(port)) {
      given.add(port);
      return port;
    }
  }
}

/** A process, and the lines it wrote. */
export class Service {
  lines = [];

  constructor(name, command, args, options = {}) {
    this.name = name;
    this.child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
    this.child.once("error", (error) => this.lines.push(String(error)));
    running.add(this.child);
    this.child.once("exit", () => running.delete(this.child));
    for (const output of [this.child.stdout, this.child.stderr]) {
      createInterface({ input: output }).on("line", (line) => this.lines.push(line));
    }
  }

  ended() {
    return this.child.pid === undefined || this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Waits until it does what it is for. */
  async until(holds) {
    const deadline = Date.now() + PATIENCE_MS;
    while (!(await holds())) {
      if (this.ended() || Date.now() > deadline) {
        const why = this.ended() ? "ended" : `was not ready within ${PATIENCE_MS / 1000} s`;
        throw new Difference(`${this.name} ${why}; it said:\n${this.lines.slice(-TAIL_LINES).join("\n")}`);
      }
      await pause(50);
    }
  }

  async stop(signal = "SIGTERM") {
    if (this.ended()) return;
    const gone = once(this.child, "exit");
    this.child.kill(signal);
    const late = setTimeout(() => this.child.kill("SIGKILL"), 10_000);
    await gone;
    clearTimeout(late);
  }
}
