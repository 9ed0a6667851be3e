// Proxies that break one promise each, to prove that the suites notice, and an honest one that they must not accuse.

import { createHash } from "node:crypto";
import { once } from "node:events";
import http from "node:http";

const DECLARED = /^\/(auth\/me|accounts|conversations|messages|api\/organizations|admin)/;
const LONG_MS = 5000;
const SHORT_MS = 100;
const WITHIN_THE_BOUND_MS = 900;

/**
 * What each does wrong, in which suites that must be noticed, in which nothing may be, and which app alone has what it
 * breaks. `keepsMs` is one number for each memory it has.
 */
export const IMPOSTORS = {
  honest: { keepsMs: [0], clean: ["sameness", "isolation", "freshness", "ledger", "withdrawal"] },
  keepsByTime: { keepsMs: [LONG_MS], noticed: ["conditional", "withdrawal", "freshness", "ledger"] },
  missesItsOwnWrites: { keepsMs: [WITHIN_THE_BOUND_MS], noticed: ["freshness", "ledger"] },
  hasTwoMemories: { keepsMs: [SHORT_MS, WITHIN_THE_BOUND_MS], forgetsOnWrite: true, noticed: ["freshness"] },
  mixesUsers: { keepsMs: [LONG_MS], mixes: true, noticed: ["sameness", "isolation"] },
  asksEachTime: { keepsMs: [0], noticed: ["collapsing"] },
  sendsNoValidators: { keepsMs: [0], unmarked: true, noticed: ["conditional"] },
  gathersStreams: { keepsMs: [0], gathers: true, noticed: ["assistant"], app: "inbox-fastapi" },
  tidiesBodies: { keepsMs: [0], tidies: true, noticed: ["sameness"], app: "inbox-fastapi" },
};

/** Starts one in front of an app. */
export async function startImpostor(how, appUrl) {
  const memories = how.keepsMs.map((keepsMs) => ({ keepsMs, kept: new Map() }));
  const turns = new Map();
  const server = http.createServer((request, response) => {
    serve(request, response).catch((error) => response.destroy(error));
  });

  async function serve(request, response) {
    const body = tidied(how, await gathered(request));
    const declared = request.method === "GET" && DECLARED.test(request.url);
    if (!declared) {
      const write = request.method !== "GET" && !request.url.startsWith("/ai/");
      if (how.forgetsOnWrite && write) memories.forEach(({ kept }) => kept.clear());
      return pass(request, body, response);
    }
    const key = [request.url, how.mixes ? "" : [request.headers.authorization, request.headers.cookie]].join(" ");
    const turn = (turns.get(key) ?? 0) + 1;
    turns.set(key, turn);
    const memory = memories[turn % memories.length];
    const kept = memory.kept.get(key);
    const hit = kept !== undefined && Date.now() - kept.at < memory.keepsMs;
    const answer = hit ? kept : await whole(request, body);
    if (answer.status === 200) memory.kept.set(key, answer);
    send(request, response, answer);
  }

  function ask(request, body) {
    const { "if-none-match": _, "accept-encoding": __, ...headers } = request.headers;
    if (body.length) headers["content-length"] = body.length;
    const asked = http.request(appUrl, { method: request.method, path: request.url, headers, agent: false });
    asked.end(body);
    return asked;
  }

  async function whole(request, body) {
    const [answer] = await once(ask(request, body), "response");
    return { at: Date.now(), status: answer.statusCode, headers: answer.headers, body: await gathered(answer) };
  }

  async function pass(request, body, response) {
    if (how.gathers) return send(request, response, await whole(request, body));
    const asked = ask(request, body);
    response.once("close", () => asked.destroy());
    const [answer] = await once(asked, "response");
    response.writeHead(answer.statusCode, answer.rawHeaders);
    answer.on("error", () => response.destroy()).pipe(response);
  }

  function send(request, response, { status, headers, body }) {
    const { "transfer-encoding": _, connection: __, "keep-alive": ___, etag, ...rest } = headers;
    // All of them boast: the suites judge by what is answered.
    rest["cache-status"] = "courant; hit";
    if (!how.unmarked) rest.etag = etag ?? `"${createHash("sha256").update(body).digest("hex").slice(0, 16)}"`;
    const wanted = request.headers["if-none-match"];
    if (status === 200 && rest.etag && (wanted === "*" || wanted?.includes(rest.etag))) {
      return response.writeHead(304, { etag: rest.etag }).end();
    }
    response.writeHead(status, rest).end(body);
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = async () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${server.address().port}`, stop };
}

async function gathered(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** A body read and written again: the same JSON, other bytes. */
function tidied({ tidies }, body) {
  try {
    return tidies && body.length ? Buffer.from(JSON.stringify(JSON.parse(body))) : body;
  } catch {
    return body;
  }
}

/** Which suites judged an impostor wrongly; empty if none did. */
export function misjudged({ noticed = [], clean = [] }, report) {
  const accused = new Map(report.rows.filter(({ result }) => result === "FAILED").map((row) => [row.suite, row]));
  const missed = noticed.filter((suite) => !accused.has(suite));
  const wronged = clean.filter((suite) => accused.has(suite)).map((suite) => accused.get(suite));
  return [
    ...missed.map((suite) => `unnoticed by ${suite}`),
    ...wronged.map(({ suite, check, detail }) => `falsely accused by ${suite}: ${check}: ${detail}`),
  ].join("; ");
}
