// The inbox (FastAPI, asyncpg) as the suites need it: how it starts, who is in it, what is asked and what is written.
//
// Numbers of rows are those of its generator at the small scale: four users; user 1 has conversations 1, 5, 9 …

import { createHmac } from "node:crypto";
import { fileURLToPath } from "node:url";

import { Service } from "./services.js";

const directory = fileURLToPath(new URL("../../examples/inbox-fastapi", import.meta.url));
const JWT_SECRET = "the inbox signs its tokens with these bytes";
const WEBHOOK_SECRET = "what the telephone company was told";
const userId = (n) => `00000000-0000-0000-0000-${String(n).padStart(12, "0")}`;
const [FIRST, SECOND, THIRD] = [1, 2, 3].map(userId);

/** A token as the app would have signed it. */
function token(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", JWT_SECRET).update(signed).digest("base64url")}`;
}

/** What a user sends with each request; `salt` makes it another token of the same user. */
function credentials(n, { lifetimeS = 3600, salt } = {}) {
  const now = Math.floor(Date.now() / 1000);
  return { authorization: `Bearer ${token({ sub: userId(n), iat: now, exp: now + lifetimeS, salt })}` };
}

/** A delivery of the webhook, with its signature over these very bytes. */
function delivery(message, { phoneNumberId = "100000000000001", signed = true } = {}) {
  const value = {
    messaging_product: "whatsapp",
    metadata: { phone_number_id: phoneNumberId },
    contacts: [{ profile: { name: "Zoë" }, wa_id: "33610000001" }],
    messages: [{ from: "33610000001", type: "text", ...message }],
  };
  const changes = [{ field: "messages", value }];
  // Blanks and letters that somebody who parses and writes again would change.
  const body = JSON.stringify({ object: "whatsapp_business_account", entry: [{ id: "1", changes }] }, null, 3);
  const digest = createHmac("sha256", signed ? WEBHOOK_SECRET : "somebody else")
    .update(body)
    .digest("hex");
  const headers = { "content-type": "application/json", "x-hub-signature-256": `sha256=${digest}` };
  return { method: "POST", path: "/webhooks/whatsapp", headers, body };
}

const incoming = (k) => ({
  id: `wamid.driver.${k}`,
  timestamp: String(Math.floor(Date.now() / 1000)),
  text: { body: `in ${k}: ça va ? 👍` },
});

const message = (owner, conversation, body) =>
  `insert into messages (user_id, conversation_id, direction, body) values ('${owner}', ${conversation}, 'in', '${body}')`;

/** Gives account 1, with all that hangs on it, to another user. */
const transfer = (to) => `
  update whatsapp_accounts set user_id = '${to}' where id = 1;
  update conversations set user_id = '${to}' where account_id = 1;
  update messages set user_id = '${to}' where conversation_id in (select id from conversations where account_id = 1)`;

const newest = "(select max(id) from messages where conversation_id = 1)";

export const inbox = {
  name: "inbox-fastapi",
  database: "inbox",
  directory,
  scales: { test: ["inbox.messages", "2000"], full: ["inbox.messages", "100000"] },
  upstream: "http://127.0.0.1:8000",
  courantEnvironment: { COURANT_JWT_SECRET: JWT_SECRET },

  start({ port, databaseUri, stub }) {
    const python = process.env.INBOX_PYTHON ?? "python3";
    const env = { ...process.env, DATABASE_URL: databaseUri, JWT_SECRET, WEBHOOK_SECRET, OPENAI_BASE_URL: stub.url };
    const args = ["-m", "uvicorn", "inbox.main:app", "--port", String(port), "--no-use-colors"];
    return new Service("the inbox", python, args, { cwd: directory, env: { ...env, PYTHONDONTWRITEBYTECODE: "1" } });
  },

  /** The request that a line of the app's own access log is about. */
  logged: (line) => /"([A-Z]+ \S+) HTTP/.exec(line)?.[1],

  credentials: async (client, n, options) => credentials(n, options),
  users: [1, 2, 3, 4],

  /** Compared one by one: the same status, body and headers. `mask` names what is new each time. */
  cases: [
    { path: "/health" },
    { path: "/nowhere" },
    { path: "/openapi.json" },
    { path: "/auth/me" },
    { path: "/auth/me", user: 1 },
    { path: "/auth/me", headers: { authorization: "Bearer not.a.token" } },
    { path: "/auth/me", headers: { authorization: "Basic dXNlcjpzZWNyZXQ=" } },
    { path: "/accounts", user: 1 },
    { path: "/accounts", user: 1, method: "HEAD" },
    { path: "/accounts", user: 1, method: "DELETE" },
    { path: "/conversations", user: 1 },
    { path: "/conversations/", user: 1 },
    { path: "/conversations?limit=3", user: 1 },
    { path: "/conversations?limit=3&offset=3", user: 1 },
    { path: "/conversations?limit=3&limit=2", user: 1 },
    { path: "/conversations?status=open&account_id=1", user: 1 },
    { path: "/conversations?status=lost", user: 1 },
    { path: "/conversations?limit=0", user: 1 },
    { path: "/conversations/1", user: 1 },
    { path: "/conversations/1", user: 2 },
    { path: "/conversations/0001", user: 1 },
    { path: "/conversations/%31", user: 1 },
    { path: "/conversations/one", user: 1 },
    { path: "/conversations/999999", user: 1 },
    { path: "/conversations/1%2F2", user: 1 },
    { path: "/messages/1", user: 1 },
    { path: "/messages/1?limit=2", user: 1 },
    { path: "/messages/1?limit=two", user: 1 },
    { path: "/messages/1", user: 2 },
    { path: "/messages/999999", user: 1 },
    {
      path: "/auth/login",
      method: "POST",
      json: { email: "user1@inbox.example", password: "secret-1" },
      mask: ["access_token"],
    },
    { path: "/auth/login", method: "POST", json: { email: "user1@inbox.example", password: "secret-2" } },
    { path: "/auth/login", method: "POST", json: { email: "user1@inbox.example" } },
    { path: "/auth/login", method: "POST", body: "{", headers: { "content-type": "application/json" } },
    { path: "/messages/1", user: 1, method: "POST", json: { body: "hello, “world”" }, mask: ["id", "timestamp"] },
    { path: "/messages/1", user: 1, method: "POST", json: { body: "" } },
    { path: "/messages/1", user: 2, method: "POST", json: { body: "not mine" } },
    {
      path: "/conversations/1",
      user: 1,
      method: "PATCH",
      json: { read: true },
      mask: ["id", "timestamp", "updated_at", "messages"],
    },
    { path: "/conversations/1", user: 1, method: "PATCH", json: { status: "lost" } },
    { path: "/conversations/1", user: 2, method: "PATCH", json: { status: "closed" } },
    delivery(incoming("same")),
    delivery(incoming("forged"), { signed: false }),
    delivery(incoming("unknown"), { phoneNumberId: "1" }),
    { ...delivery({}), body: "[]" },
    { path: "/ai/complete", user: 1, method: "POST", json: { prompt: "Where is my parcel?" } },
    { path: "/ai/complete", user: 1, method: "POST", json: { prompt: "Where is my parcel?", bot_profile_id: 4 } },
    { path: "/ai/complete", user: 2, method: "POST", json: { prompt: "Where is my parcel?", bot_profile_id: 4 } },
    { path: "/ai/complete", user: 1, method: "POST", json: {} },
    { path: "/ai/chat", user: 1, method: "POST", json: { prompt: "And when?" } },
    { path: "/ai/chat", method: "POST", json: { prompt: "And when?" } },
  ],

  /** What must stay fresh: paths as the routes declare them, and the same rows spelt otherwise. */
  reads: [
    { user: 1, path: "/auth/me" },
    { user: 1, path: "/accounts" },
    { user: 1, path: "/conversations" },
    { user: 1, path: "/conversations?limit=5" },
    { user: 1, path: "/conversations/1" },
    { user: 1, path: "/conversations/0001" },
    { user: 1, path: "/conversations/%31" },
    { user: 1, path: "/messages/1" },
    { user: 1, path: "/messages/+1" },
    { user: 1, path: "/ai/complete", method: "POST", json: { prompt: "Where is it?", bot_profile_id: 4 } },
    { user: 2, path: "/auth/me" },
    { user: 2, path: "/conversations" },
    { user: 2, path: "/conversations/1" },
    { user: 2, path: "/messages/1" },
  ],

  /** Ways the same data changes: by a request to the app, or by SQL beside it; `undo` is the next write. */
  writes: [
    (k) => ({
      name: "a message sent",
      request: { user: 1, method: "POST", path: "/messages/1", json: { body: `out ${k}` } },
    }),
    (k) => ({ name: "a webhook", request: delivery(incoming(k)) }),
    () => ({
      name: "marked read",
      request: { user: 1, method: "PATCH", path: "/conversations/1", json: { read: true } },
    }),
    (k) => ({
      name: "status set",
      request: { user: 1, method: "PATCH", path: "/conversations/1", json: { status: k % 2 ? "open" : "closed" } },
    }),
    (k) => ({ name: "message inserted", sql: message(FIRST, 1, `outside ${k}`) }),
    (k) => ({ name: "message changed", sql: `update messages set body = 'changed ${k}' where id = ${newest}` }),
    () => ({ name: "message deleted", sql: `delete from messages where id = ${newest}` }),
    (k) => ({ name: "contact renamed", sql: `update conversations set contact_name = 'Contact ${k}' where id = 1` }),
    () => ({ name: "account given away", sql: transfer(SECOND), undo: transfer(FIRST) }),
    () => ({
      name: "user switched off",
      sql: `update users set active = false where id = '${FIRST}'`,
      undo: `update users set active = true where id = '${FIRST}'`,
    }),
    (k) => ({
      name: "instructions changed",
      sql: `update bot_profiles set system_prompt = 'Be brief ${k}.' where id = 4`,
    }),
    (k) => ({ name: "bot renamed", sql: `update bot_profiles set name = 'Bot ${k}' where id in (1, 2, 3)` }),
    () => ({
      name: "attachment deleted",
      sql: `delete from attachments where message_id = (
        select max(m.id) from messages m join attachments a on a.message_id = m.id where m.conversation_id = 1)`,
    }),
    (k) => ({
      name: "settings replaced",
      sql: `truncate user_settings; insert into user_settings (user_id, key, value) values ('${FIRST}', 'k', '${k}')`,
    }),
    (k) => ({
      name: "two tables at once",
      sql: `${message(SECOND, 2, `both ${k}`)}; update users set name = 'User ${k}' where id in ('${FIRST}', '${SECOND}')`,
    }),
    (k) => ({ name: "somebody else's message", sql: message(THIRD, 3, `other ${k}`) }),
    (k) => ({ name: "rolled back", sql: `begin; ${message(FIRST, 1, `never ${k}`)}; rollback` }),
  ],

  /** Something that is only ever added to, and where its number is read. */
  ledger: {
    request: (k) => ({ user: 1, method: "POST", path: "/messages/5", json: { body: `ledger ${k}` } }),
    sql: (k) => message(FIRST, 5, `ledger ${k}`),
    readers: [
      { user: 1, path: "/conversations/5", count: (answer) => answer.json().messages },
      { user: 1, path: "/accounts", count: (answer) => answer.json().reduce((sum, account) => sum + account.messages, 0) },
    ],
  },

  /** What users ask for while `courant init` watches, and the routes that it must then propose as they are declared. */
  watched: [1, 2].flatMap((user) => {
    const rows = [user, user + 4].flatMap((id) => [`/conversations/${id}`, `/messages/${id}`]);
    return ["/auth/me", "/accounts", "/conversations", ...rows].map((path) => ({ user, path }));
  }),
  proposed: ["/auth/me", "/accounts", "/conversations", "/conversations/{id}", "/messages/{id}"],

  collapsing: ["/conversations", "/auth/me", "/accounts"],
  conditional: {
    user: 1,
    path: "/conversations/1",
    change: (k) => `update conversations set contact_name = 'Condition ${k}' where id = 1`,
  },
  measured: [
    { user: 1, path: "/auth/me", report: "1010 → 100 ms", factor: 10 },
    { user: 1, path: "/conversations", report: "798 → 220 ms", factor: 3.6 },
    { user: 1, path: "/messages/1", report: "873 → 280 ms", factor: 3.1 },
    { user: 1, path: "/accounts", report: "1120 → 450 ms", factor: 2.5 },
  ],
};
