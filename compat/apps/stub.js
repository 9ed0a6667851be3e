// An OpenAI-compatible endpoint that answers at once, always the same for the same messages: `node stub.js [PORT]`.
//
// Text goes out word by word. A prompt with `[hold:NAME]` in it is answered up to its third word until `release(NAME)`;
// one with `[endless:NAME]` goes on until the reader leaves, which `left(NAME)` then tells.

import { createHash } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import { fileURLToPath } from "node:url";
import { setTimeout as pause } from "node:timers/promises";

const WORDS = "yes the parcel left this morning and will be there before noon thank you for your patience".split(" ");
const WORDS_IN_ANSWER = 16;
const HELD_AFTER = 3;
const ENDLESS_WORDS = 4000;

/** Starts it; `wordDelayMs` is the time between two words of a stream. */
export async function startStub({ port = 0, wordDelayMs = 5 } = {}) {
  const held = new Map();
  const gone = new Set();
  const hold = (name) => {
    if (!held.has(name)) {
      const gate = {};
      gate.opened = new Promise((resolve) => (gate.open = resolve));
      held.set(name, gate);
    }
    return held.get(name);
  };
  const stub = { completions: 0, release: (name) => hold(name).open(), left: (name) => gone.has(name) };
  const server = http.createServer((request, response) => {
    serve(request, response).catch((error) => response.destroy(error));
  });

  async function serve(request, response) {
    const asked = await read(request);
    if (request.method !== "POST" || request.url !== "/v1/chat/completions" || !Array.isArray(asked?.messages)) {
      response.writeHead(404, { "content-type": "application/json" });
      return response.end(JSON.stringify({ error: { message: "only POST /v1/chat/completions is here" } }));
    }
    stub.completions += 1;
    const words = answerTo(asked.messages);
    if (asked.stream) return stream(asked, words, response);
    response.writeHead(200, { "content-type": "application/json" });
    const message = { role: "assistant", content: words.join(" ") };
    response.end(JSON.stringify({ ...about(asked), choices: [{ index: 0, message, finish_reason: "stop" }] }));
  }

  async function stream(asked, words, response) {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    const prompt = asked.messages.at(-1).content;
    const holding = /\[hold:([\w-]+)\]/.exec(prompt)?.[1];
    const endless = /\[endless:([\w-]+)\]/.exec(prompt)?.[1];
    const count = endless ? ENDLESS_WORDS : words.length;
    const event = (delta, finish_reason = null) => {
      const choices = [{ index: 0, delta, finish_reason }];
      response.write(`data: ${JSON.stringify({ ...about(asked), object: "chat.completion.chunk", choices })}\n\n`);
    };
    for (let at = 0; at < count; at += 1) {
      if (response.destroyed) return endless && gone.add(endless);
      if (holding && at === HELD_AFTER) await hold(holding).opened;
      event({ content: `${at ? " " : ""}${words[at % words.length]}` });
      await pause(wordDelayMs);
    }
    event({}, "stop");
    response.end("data: [DONE]\n\n");
  }

  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  stub.url = `http://127.0.0.1:${server.address().port}/v1`;
  stub.stop = async () => {
    for (const gate of held.values()) gate.open();
    server.close();
    server.closeAllConnections();
  };
  return stub;
}

async function read(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  try {
    return JSON.parse(Buffer.concat(pieces).toString("utf8"));
  } catch {
    return undefined;
  }
}

/** The words that these messages are answered with: which ones is decided by a hash of them all. */
function answerTo(messages) {
  const digest = createHash("sha256").update(JSON.stringify(messages)).digest();
  return Array.from({ length: WORDS_IN_ANSWER }, (_, at) => WORDS[digest[at] % WORDS.length]);
}

function about({ model = "stub", messages }) {
  const id = `chatcmpl-${createHash("sha256").update(JSON.stringify(messages)).digest("hex").slice(0, 12)}`;
  return { id, object: "chat.completion", created: 1_767_225_600, model };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await startStub({ port: Number(process.argv[2] ?? 9000), wordDelayMs: 30 });
  console.log(`listening on ${url}`);
}
