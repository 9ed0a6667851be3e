// One request as a case has it, sent byte for byte, and the answer to it.
//
// Adds nothing that the case does not say: no Accept, no encoding, no user agent.

import { Agent, request as send } from "node:http";

import { authorization } from "./tokens.js";

const PATIENCE_MS = 15_000;
const BODILESS = new Set(["GET", "HEAD", "OPTIONS", "DELETE", "TRACE"]);

/** A way to ask the server of this port; `close` ends its connections. */
export function asker(port) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    ask: (request) => ask(agent, port, request),
    close: () => agent.destroy(),
  };
}

async function ask(agent, port, request) {
  const { method = "GET", path } = request;
  const body = bodyOf(request);
  const headers = headersOf(request, method, body);
  return new Promise((resolve, reject) => {
    const options = { agent, host: "127.0.0.1", port, method, path, headers, timeout: PATIENCE_MS };
    const sent = send(options, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode, headers: joined(response.rawHeaders), body: Buffer.concat(chunks) });
      });
    });
    sent.on("timeout", () => sent.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)));
    sent.on("error", reject);
    sent.end(body);
  });
}

function bodyOf({ body, json, bytes }) {
  if (json !== undefined) return Buffer.from(JSON.stringify(json));
  if (bytes !== undefined) return Buffer.from(bytes, "base64");
  return Buffer.from(body ?? "");
}

function headersOf(request, method, body) {
  const headers = { ...request.headers };
  const named = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  if (request.json !== undefined && !named.has("content-type")) headers["Content-Type"] = "application/json";
  if (request.claims || request.token) headers.Authorization = `Bearer ${authorization(request)}`;
  if (body.length > 0 || !BODILESS.has(method)) headers["Content-Length"] = body.length;
  return headers;
}

/** Headers by their names in lower case; one that is there twice has both values. */
function joined(raw) {
  const headers = {};
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at].toLowerCase();
    headers[name] = name in headers ? `${headers[name]}, ${raw[at + 1]}` : raw[at + 1];
  }
  return headers;
}
