// A client of an app, direct or through Courant: connections of its own, and whole answers or their pieces.
//
// Bytes are kept as they came: nothing is followed, and nothing but gzip decoded.

import http from "node:http";
import { gunzipSync } from "node:zlib";

const TIMEOUT_MS = 30_000;

export class Client {
  constructor(base, headers = {}) {
    this.base = base;
    this.headers = headers;
    this.agent = new http.Agent({ keepAlive: true });
  }

  /** The same place, asked by somebody else or by the same with more to say. */
  as(headers) {
    return new Client(this.base, { ...this.headers, ...headers });
  }

  get(path, headers) {
    return this.send({ method: "GET", path, headers });
  }

  /** Sends a request and waits for the whole answer. */
  async send(request) {
    const response = await this.open(request);
    const pieces = [];
    for await (const piece of response) pieces.push(piece);
    return answer(response, Buffer.concat(pieces));
  }

  /** Sends a request and returns the response as soon as its head is there. */
  open(asked) {
    const { method, path, headers = {}, json, body } = asked;
    const sent = json === undefined ? body : JSON.stringify(json);
    const all = { ...this.headers, ...headers };
    if (json !== undefined) all["content-type"] ??= "application/json";
    if (sent !== undefined) all["content-length"] = Buffer.byteLength(sent);
    return new Promise((resolve, reject) => {
      // The path is joined by hand: an URL object would tidy up what is to be sent as it is.
      const { hostname, port } = new URL(this.base);
      const request = http.request({ hostname, port, method, path, headers: all, agent: this.agent });
      request.setTimeout(TIMEOUT_MS, () =>
        request.destroy(new Error(`${method} ${path}: no answer in ${TIMEOUT_MS} ms`)),
      );
      request.once("response", resolve);
      // A server may close an idle connection just as it is used again: not an answer, and Node leaves it to its users.
      const raced = (error) => request.reusedSocket && error.code === "ECONNRESET";
      request.once("error", (error) => (raced(error) ? resolve(this.open(asked)) : reject(error)));
      request.end(sent);
    });
  }
}

function answer(response, body) {
  const { statusCode: status, headers } = response;
  const plain = headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
  const text = plain.toString("utf8");
  return { status, headers, text, bytes: body.length, json: () => JSON.parse(text), hit: isHit(headers) };
}

/** Whether Courant says (RFC 9211) that it asked nobody. */
function isHit(headers) {
  const said = [headers["cache-status"] ?? ""].flat().join(", ");
  return /(^|,)\s*courant\s*;[^,]*\bhit\b/i.test(said);
}
